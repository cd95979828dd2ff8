"""Executions of several machines as one list, read page by page from a real engine."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.console.test_size import PASS, NoApi, NoFunctions, ended

from sfn_cqrs_local.client.aws import Target
from sfn_cqrs_local.console.backend import Backend
from sfn_cqrs_local.console.executions import Executions, Filter
from sfn_cqrs_local.console.who import Who
from sfn_local import Engine
from sfn_local.server import serve_engine

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
    with pytest.raises(ValueError, match="this is no cursor"):
        executions.page(Filter(), "no-cursor")
