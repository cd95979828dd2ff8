import json
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import BusyError, SupersededError, TransientError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.functions.queue import consumer_of
from sfn_cqrs.kernel.functions.state import State, state
from sfn_cqrs.machines.approval.state import approval_state
from sfn_cqrs.machines.command.state import command_state_without_status
from sfn_cqrs.machines.import_csv.state import import_state_without_status
from sfn_cqrs.machines.saga.state import saga_state
from sfn_cqrs.machines.task.state import task_state
from sfn_cqrs.machines.zip_orchestrator.state import zip_state

DECORATORS = {
    "command/sync_data": command_state_without_status,
    "task/finalize_task": task_state,
    "../examples/shop/events/order_saga/ship_order": saga_state,
    "approval/check_decision": approval_state,
    "import_csv/finalize_parent_job": import_state_without_status,
    "zip_orchestrator/list_zip": zip_state,
}
NAMES = {"execution", "state", "tenant"}
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")


@dataclass(frozen=True, slots=True)
class AnyState(State):
    @property
    def logged(self):
        return {"item": "o-1"}


@pytest.fixture
def event(sample):
    return sample("command/sync_data")


@pytest.mark.parametrize("error", [THROTTLED, BusyError("busy"), TransientError("again")], ids=repr)
def test_what_another_try_may_cure_has_the_one_name_that_a_machine_knows(event, error):
    @state(AnyState)
    def work(_state):
        raise error

    with pytest.raises(TransientError) as raised:
        work(event, None)

    assert type(raised.value) is TransientError


def test_whatever_else_is_raised_keeps_its_name(event):
    @state(AnyState)
    def work(_state):
        raise SupersededError("a newer attempt owns it")

    with pytest.raises(SupersededError):
        work(event, None)


@pytest.mark.parametrize("file", DECORATORS)
@pytest.mark.parametrize("fails", [False, True])
def test_no_name_of_one_invocation_is_in_a_line_of_the_next(sample, log, file, fails):
    @DECORATORS[file]
    def work(_state):
        logger.info("working")
        if fails:
            raise ValueError("a bug")
        return {}

    try:
        work(sample(file), None)
    except ValueError:
        assert fails
    logger.info("the next")

    working, *_, following = [json.loads(line) for line in log.getvalue().splitlines()]
    assert working.keys() - following.keys() >= NAMES
    assert not {*NAMES, "task", "saga", "approval", "job", "attempt"} & following.keys()


def test_no_name_of_one_message_is_in_a_line_after_it(log):
    @consumer_of(bootstrap.notifications)
    def consume(_delivery):
        logger.info("working")

    attributes = {"ApproximateReceiveCount": "1"}
    body = json.dumps({"Message": "{}"})
    consume({"Records": [{"messageId": "m-1", "body": body, "attributes": attributes}]}, None)
    logger.info("the next")

    working, following = [json.loads(line) for line in log.getvalue().splitlines()]
    assert working["message_id"] == "m-1"
    assert "message_id" not in following


@pytest.mark.parametrize(
    ("sampled", "level", "names"),
    [
        (1, "info", {"xray_trace_id"}),
        (0, "info", set()),
        (1, "warning", {"xray_trace_id", "location"}),
        (0, "warning", {"location"}),
    ],
)
def test_a_line_names_no_trace_that_nobody_keeps_and_no_place_where_all_is_well(
    log, monkeypatch, sampled, level, names
):
    root = "1-5759e988-bd862e3fe1be46a994272793"
    header = f"Root={root};Parent=53995c3f42cd8ad8;Sampled={sampled}"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)

    getattr(logger, level)("working")

    line = json.loads(log.getvalue())
    assert {"xray_trace_id", "location"} & line.keys() == names
    assert line.get("xray_trace_id", root) == root
