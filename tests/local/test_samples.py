"""`sfn-cqrs invoke MACHINE STATE`: every sample does on a running stack what its state does."""

import json
import time

import pytest
from tests.support.command_line import command_line
from tests.template.stack import TASKS

from sfn_cqrs_tools.client.executions import SAMPLE_TOKEN
from sfn_cqrs_tools.project import CHECKOUT

pytestmark = pytest.mark.stack

ANSWERS = {
    "approval.check_decision": {"result": "GRANTED"},
    "approval.expired": {"result": "EXPIRED"},
    "approval.process_approval": {"result": "GRANTED"},
    "approval.rejected": {"result": "REJECTED"},
    "approval.request_approval": {"result": "parked"},
    "command.check_version": {"result": 0},
    "command.sync_data": {"handler": "dynamodb", "ok": True},
    "command.wait_prev_command": {"result": "parked"},
    "import-csv.csv_rows_handler": {"result": 2},
    "import-csv.finalize_parent_job": {"result": "COMPLETED"},
    "order-saga.finish_saga": {"result": "COMPLETED"},
    "order-saga.resume": {"result": "forward"},
    "rebuild.work_on_segment": {"stage": "REPLAYING", "name": "ORDER#05", "result": "done"},
    "task.iterator": {"index": 1, "ok": True},
    "zip-orchestrator.extract_file": {"index": 1, "ok": True},
    "zip-orchestrator.list_zip": {"result": [0, 1]},
    "zip-orchestrator.trigger_single_csv_and_wait": None,
}
"""What some of them answer; of the others a step of the saga is DONE, and the rest is a result."""
EVENTS = sorted(CHECKOUT.glob("events/*/*.json"))
GROUPS = {one.folder for one in TASKS}
OTHERS = [
    (path.parent.name, path.stem)
    for path in EVENTS
    if path.parent.name not in GROUPS
    and path.stem != "publish_live"  # this stack has no live part
    and (CHECKOUT / "functions" / path.parent.name / path.stem).exists()
]
STATES = [one for one in TASKS if one.machine != "command-express"]


@pytest.fixture
def sfn_cqrs(monkeypatch, capsys, stack):
    return command_line(monkeypatch, capsys, after=("--state", stack.state.path))


def printed(ran):
    """The JSON that a command printed; functions of the stack log into the same stream here."""
    if "{\n" not in ran.output:
        return None
    found, _ = json.JSONDecoder().raw_decode(ran.output[ran.output.index("{\n") :])
    return found


@pytest.mark.parametrize("state", STATES, ids=lambda one: f"{one.machine}.{one.name}")
def test_the_sample_of_a_state_runs(state, sfn_cqrs):
    ran = sfn_cqrs("invoke", state.machine, state.name)

    assert ran.code == 0, ran.error
    answer = printed(ran)
    assert answer == ANSWERS.get(f"{state.machine}.{state.name}", answer)
    assert answer is None or answer.keys() & {"result", "ok", "error"}


def test_a_sample_runs_as_often_as_one_likes_and_says_whose_items_it_makes(sfn_cqrs):
    first = sfn_cqrs("invoke", "order-saga", "ship_order")
    again = sfn_cqrs("invoke", "order-saga", "ship_order")
    shipped = sfn_cqrs("data", "list", "ORDER", "--tenant", "sample", "--json")
    mine = sfn_cqrs("data", "list", "ORDER", "--json")

    assert printed(first) == printed(again) == {"result": "DONE"}
    assert first.error.splitlines() == [
        "reserve_stock runs first, for what it leaves",
        "charge_payment runs first, for what it leaves",
        "the items are those of --tenant sample",
    ]
    assert shipped.output.count('"SHIPPED"') >= 2
    assert "SHIPPED" not in mine.output


@pytest.mark.parametrize(
    ("group", "name"), OTHERS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_the_sample_of_any_other_function_runs(group, name, sfn_cqrs):
    ran = sfn_cqrs("invoke", group, name)

    assert ran.code == 0, ran.error


def test_the_event_of_an_execution_is_the_real_one_without_its_token(sfn_cqrs):
    attributes = json.dumps({"customer": "ada", "total": 5})
    sfn_cqrs("publish", "ORDER", "e-1", "--name", "x", "--attributes", attributes, "--wait")
    asked = sfn_cqrs("approval", "request", "ORDER_RELEASE", "--subject", "e-1").output.strip()
    until = time.monotonic() + 60
    while (waits := sfn_cqrs("event", "approval", "request_approval", "--from", asked)).code:
        assert time.monotonic() < until, waits.error
        time.sleep(0.05)
    checked = printed(sfn_cqrs("event", "command", "check_version", "--from", "ORDER/e-1"))
    not_called = sfn_cqrs("event", "command", "wait_prev_command", "--from", "ORDER/e-1")

    assert checked["input"]["code"] == "e-1"
    assert checked["context"]["State"]["Name"] == "check_version"
    waiting = printed(waits)
    assert waiting["taskToken"] == waiting["context"]["Task"]["Token"] == SAMPLE_TOKEN
    assert not_called.code == 1
    assert "has called no function in wait_prev_command" in not_called.error
