"""Executions of several machines as one list, read page by page from a real engine."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.waiting import waited
from tools.tests.console.test_size import PASS, NoApi, NoFunctions, ended
from tools.tests.local.test_express_runs import FAILED, NAME

from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.executions import Executions, Filter
from sfn_cqrs_tools.console.masking import MASK
from sfn_cqrs_tools.console.pages.executions import waits_of
from sfn_cqrs_tools.console.usual import usual_times
from sfn_cqrs_tools.console.who import Who
from sfn_local import Engine
from sfn_local.server import serve_engine
from sfn_local.trace import stopped_in

FAIL = {"StartAt": "no", "States": {"no": {"Type": "Fail", "Error": "Broken", "Cause": "a cog"}}}
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:shop-{}"
NAMES = ["a-1", "b-1", "a-2", "b-2", "a-3", "b-3", "a-4"]


@pytest.fixture(scope="module")
def executions():
    """Seven executions, begun in the order of their names' list; those of b fail."""
    engine = Engine(functions=NoFunctions())
    engine.create_state_machine("shop-a", PASS)
    engine.create_state_machine("shop-b", FAIL)
    engine.create_state_machine("elsewhere", PASS)
    for name in NAMES:
        arn = engine.start_execution(ARN.format(name[0]), name, json.dumps({"name": name}))
        ended(engine, arn)
    server = serve_engine(engine, "127.0.0.1", 0)
    target = Target({}, {"aws": server.url, "stepfunctions": server.url})
    yield Executions(Backend("shop", target, lambda _who: NoApi(), Who("kim"), is_local=True))
    server.close()
    engine.close()


def test_an_execution_that_runs_is_drawn_as_it_began():
    """A deploy changes the machine, and not what already runs."""
    before = {"StartAt": "rest", "States": {"rest": {"Type": "Wait", "Seconds": 60, "End": True}}}
    engine = Engine(functions=NoFunctions())
    arn = engine.create_state_machine("shop-rests", before)
    started = engine.start_execution(arn, "early", "{}")
    engine.update_state_machine(arn, PASS)
    server = serve_engine(engine, "127.0.0.1", 0)
    target = Target({}, {"aws": server.url, "stepfunctions": server.url})
    shown = Executions(Backend("shop", target, lambda _who: NoApi(), Who("kim"), is_local=True))
    (machine,) = shown.machines()
    (run,) = shown.page(Filter()).runs

    assert (run.arn, run.status) == (started, "RUNNING")
    assert shown.definition(machine, run) == before
    assert "rest" not in shown.definition(machine)["States"]
    server.close()
    engine.close()


def names(listed):
    return [run.name for run in listed.runs]


def test_only_the_stacks_machines_are_shown(executions):
    assert [machine.short for machine in executions.machines()] == ["a", "b"]


def test_pages_hold_each_execution_once_the_latest_first(executions):
    first = executions.page(Filter(), limit=3)
    second = executions.page(Filter(), first.cursor, limit=3)
    third = executions.page(Filter(), second.cursor, limit=3)

    assert sorted(names(first) + names(second) + names(third)) == sorted(NAMES)
    began = [run.started for page in (first, second, third) for run in page.runs]
    assert began == sorted(began, reverse=True)
    assert third.cursor is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(machine="a"), {"a-1", "a-2", "a-3", "a-4"}),
        (Filter(status="FAILED"), {"b-1", "b-2", "b-3"}),
        (Filter(name="-2"), {"a-2", "b-2"}),
        (Filter(error="COG"), {"b-1", "b-2", "b-3"}),
        (Filter(machine="a", error="cog"), set()),
        (Filter(since=datetime.now(UTC) + timedelta(hours=1)), set()),
        (Filter(until=datetime(2020, 1, 1, tzinfo=UTC)), set()),
    ],
)
def test_a_filter_takes_what_it_says(executions, wanted, found):
    assert set(names(executions.page(wanted))) == found


def test_what_no_filter_matches_was_looked_at_all_the_same(executions):
    listed = executions.page(Filter(name="nothing"))

    assert (listed.runs, listed.cursor, listed.examined) == ([], None, 7)


def test_an_execution_has_its_data_and_its_whole_history(executions):
    run = executions.describe(executions.arn("b", "b-1"))

    assert (run.machine, run.status, run.error, run.cause) == ("b", "FAILED", "Broken", "a cog")
    assert json.loads(run.input) == {"name": "b-1"}
    assert executions.unread(run) == 3
    assert [event["type"] for event in executions.history(run)] == [
        "ExecutionStarted",
        "FailStateEntered",
        "ExecutionFailed",
    ]
    assert executions.unread(run) == 0


@pytest.mark.parametrize("name", ["nobody", "x/y", ""])
def test_what_does_not_exist_is_told(executions, name):
    with pytest.raises(LookupError, match="there is no execution"):
        executions.describe(executions.arn("a", name))


def test_an_unknown_machine_is_told(executions):
    with pytest.raises(LookupError, match="no state machine 'elsewhere'"):
        executions.machine("elsewhere")


def test_a_cursor_that_is_none_is_refused(executions):
    with pytest.raises(ValueError, match="this is not a cursor"):
        executions.page(Filter(), "no-cursor")


# ------------------------------------------------------------------------ waits


class Silent:
    """Each function keeps its token, and says nothing."""

    def submit(self, _name, _payload, done):
        done(b"null")


ASKING = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "f", "Payload": {"taskToken.$": "$$.Task.Token"}},
    "End": True,
}
MAPPED = {"Type": "Map", "ItemsPath": "$.ids", "End": True}
TOUR = {
    "StartAt": "all",
    "States": {
        "all": {**MAPPED, "ItemProcessor": {"StartAt": "guides", "States": {"guides": ASKING}}}
    },
}


@pytest.mark.parametrize(("machine", "shown"), [("tour", True), ("order-saga", False)])
def test_an_execution_shows_once_how_to_resume_what_waits_in_a_map(machine, shown):
    engine = Engine(functions=Silent())
    engine.create_state_machine(f"shop-{machine}", TOUR)
    engine.start_execution(ARN.format(machine), "tour-1", '{"ids": [1, 2, 3]}')
    server = serve_engine(engine, "127.0.0.1", 0)
    target = Target({}, {"aws": server.url, "stepfunctions": server.url})
    own = Executions(Backend("shop", target, lambda _who: NoApi(), Who("kim"), is_local=True))
    run = own.describe(own.arn(machine, "tour-1"))
    waited(
        lambda: stopped_in(own.history(run)),
        lambda waiting: len(waiting) >= 3 and waiting[0].type != "Map",
    )

    lines = waits_of(own, run, own.history(run))

    line = "sfn-cqrs resume tour-1 guides '{}' --key KEY  # waits 3 times"
    assert lines == ([line] if shown else [])
    server.close()
    engine.close()


# ------------------------------------------------------------------------ the express lane


@pytest.fixture(scope="module")
def lanes(tmp_path_factory):
    """A stack with a machine of each lane: two runs in the one, three in the other."""
    log = tmp_path_factory.mktemp("lanes") / "express.log"
    engine = Engine(functions=NoFunctions(), express_log=log)
    engine.create_state_machine("shop-command", PASS)
    engine.create_state_machine("shop-command-express", FAIL, "EXPRESS")
    for name in ("s-1", "s-2"):
        ended(engine, engine.start_execution(ARN.format("command"), name, "{}"))
    for name in ("x-1", "x-2", "x-3"):
        given = json.dumps({"name": name, "taskToken": "AAAA" + "b" * 70})
        engine.start_execution(ARN.format("command-express"), name, given)
    logged(log, "ExecutionFailed", 3)
    server = serve_engine(engine, "127.0.0.1", 0)
    target = Target({}, {"aws": server.url, "stepfunctions": server.url}, express_log=log)
    yield Executions(Backend("shop", target, lambda _who: NoApi(), Who("kim"), is_local=True))
    server.close()
    engine.close()


def logged(log, what, count):
    waited(
        lambda: log.read_text().count(f'"type": "{what}"') if log.exists() else 0,
        lambda found: found >= count,
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), {"s-1", "s-2", "x-1", "x-2", "x-3"}),
        (Filter(lane="EXPRESS"), {"x-1", "x-2", "x-3"}),
        (Filter(lane="STANDARD"), {"s-1", "s-2"}),
        (Filter(machine="command-express"), {"x-1", "x-2", "x-3"}),
        (Filter(machine="command-express", lane="STANDARD"), set()),
        (Filter(lane="EXPRESS", status="SUCCEEDED"), set()),
        (Filter(lane="EXPRESS", error="cog", name="-2"), {"x-2"}),
    ],
)
def test_a_lane_has_its_own(lanes, wanted, found):
    assert set(names(lanes.page(wanted))) == found


def test_pages_of_both_lanes_hold_each_execution_once(lanes):
    seen, cursor = [], None
    for _ in range(3):
        page = lanes.page(Filter(), cursor, limit=2)
        seen += names(page)
        cursor = page.cursor

    assert (sorted(seen), cursor) == (["s-1", "s-2", "x-1", "x-2", "x-3"], None)


def test_a_run_of_the_express_lane_has_its_data_from_the_log_and_no_token(lanes):
    run = lanes.describe(lanes.arn("command-express", "x-2"))

    assert (run.machine, run.status, run.cause) == ("command-express", "FAILED", "a cog")
    assert json.loads(run.input) == {"name": "x-2", "taskToken": MASK}
    assert [event["type"] for event in lanes.history(run)] == [
        "ExecutionStarted",
        "FailStateEntered",
        "ExecutionFailed",
    ]
    assert lanes.unread(run) == 0


def test_a_run_that_the_log_does_not_have_is_told(lanes):
    with pytest.raises(LookupError, match="in the log of command-express"):
        lanes.describe(lanes.arn("command-express", "nobody"))


class Cloud:
    """A stack on AWS whose express lane has logged one failed run; what it was asked."""

    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:dev-command-express"
    express_log = None

    def __init__(self):
        self.outputs = {"CommandExpressStateMachineArn": self.machine}
        self.asked = []

    def client(self, service):
        self.service = service
        return self

    def physical_id(self, logical_id):
        return logical_id

    def get_paginator(self, operation):
        self.operation = operation
        return self

    def paginate(self, **given):
        if self.operation == "list_state_machines":
            found = {"name": "dev-command-express", "stateMachineArn": self.machine}
            return [{"stateMachines": [{**found, "type": "EXPRESS"}]}]
        self.asked.append(given.get("filterPattern", ""))
        return [{"events": [{"message": json.dumps(event)} for event in FAILED]}]


@pytest.fixture
def cloud():
    return Cloud()


@pytest.fixture
def deployed(cloud):
    return Executions(Backend("dev", cloud, lambda _who: NoApi(), Who("kim"), is_local=False))


def test_the_log_on_aws_is_read_if_it_is_asked_for_and_kept_for_a_moment(cloud, deployed):
    assert (names(deployed.page(Filter())), cloud.asked) == ([], [])

    for _ in range(2):
        assert names(deployed.page(Filter(lane="EXPRESS"))) == [NAME]

    assert cloud.asked == [""]


def test_no_log_on_aws_is_searched_for_what_is_usual(cloud, deployed):
    assert usual_times(deployed, "command-express") == {}
    assert cloud.asked == []


def test_of_one_run_on_aws_that_alone_is_asked_for(cloud, deployed):
    run = deployed.describe(deployed.arn("command-express", NAME))

    assert (run.status, run.error) == ("FAILED", "SyncHandlerError")
    assert cloud.asked == [f'{{ ($.execution_arn = "*:{NAME}:*") }}']
