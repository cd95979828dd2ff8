"""approval.asl.json: every path, round and catch, on stand-in functions."""

from typing import Any

import pytest
from tests.statemachine.errors import SupersededError

from sfn_local.pytest_plugin import MachineRun, RunMachine

KEYS = {"tenant": "acme", "id": "a-01KAXK3V9Q0M3W8C5R6T7Y8Z9B", "attempt": 1}
DAY = 86_400
WAIT = {"result": "WAIT", "round": 1, "seconds": DAY}
ENDS = {"GRANTED": "process_approval", "REJECTED": "rejected", "EXPIRED": "expired"}
STUBS: dict[str, Any] = {
    "check_decision": {"result": "GRANTED"},
    "request_approval": None,
    "process_approval": {"result": "GRANTED"},
    "rejected": {"result": "REJECTED"},
    "expired": {"result": "EXPIRED"},
    "mark_failed": {"error": "ValueError", "cause": "no such order"},
}
RECORDED = ["check_decision", "process_approval", "rejected", "expired"]
WAY_TO = {
    "check_decision": {},
    "process_approval": {"check_decision": {"result": "GRANTED"}},
    "rejected": {"check_decision": {"result": "REJECTED"}},
    "expired": {"check_decision": {"result": "EXPIRED"}},
}


def run_approval(run_machine: RunMachine, **stubs: Any) -> MachineRun:
    run: MachineRun = run_machine("approval", input=KEYS, stubs={**STUBS, **stubs})
    return run


def token_of(run: MachineRun, round_: int = -1) -> str:
    return str(run.payloads["request_approval"][round_]["taskToken"])


@pytest.mark.parametrize(("decision", "end"), ENDS.items())
def test_what_is_decided_already_is_not_waited_for(
    run_machine: RunMachine, decision: str, end: str
) -> None:
    run = run_approval(run_machine, check_decision={"result": decision})

    assert run.path == ["check_decision", "decision", end, "success"]
    assert (run.status, run.output) == ("SUCCEEDED", {"result": decision})


@pytest.mark.parametrize(("decision", "end"), ENDS.items())
def test_a_token_that_comes_back_has_the_decision_read_again(
    run_machine: RunMachine, decision: str, end: str
) -> None:
    run = run_approval(run_machine, check_decision=[WAIT, {"result": decision}])
    before = (run.status, list(run.path))
    run.succeed(token_of(run), {"Payload": {"result": "LOOK_AGAIN"}})

    assert before == ("RUNNING", ["check_decision", "decision", "request_approval"])
    assert run.path[3:] == ["check_decision", "decision", end, "success"]
    assert run.output == {"result": decision}


def test_what_came_with_the_token_decides_nothing(run_machine: RunMachine) -> None:
    run = run_approval(run_machine, check_decision=[WAIT, {"result": "REJECTED"}])
    run.succeed(token_of(run), {"Payload": {"result": "GRANTED"}})

    assert run.path[-2:] == ["rejected", "success"]


def test_a_wait_that_ends_too_early_goes_on_in_another_round(run_machine: RunMachine) -> None:
    run = run_approval(run_machine, check_decision=[WAIT, {**WAIT, "round": 2}])
    run.succeed(token_of(run), {"Payload": {}})

    assert run.status == "RUNNING"
    assert [each["input"]["round"] for each in run.payloads["request_approval"]] == [1, 2]


def test_a_round_lasts_as_long_as_it_was_told_to(run_machine: RunMachine) -> None:
    run = run_approval(run_machine, check_decision=[WAIT, {**WAIT, "round": 2}])
    run.advance(DAY - 1)
    before = len(run.payloads["check_decision"])
    run.advance(1)

    assert (before, len(run.payloads["check_decision"])) == (1, 2)
    assert run.path == [
        *("check_decision", "decision", "request_approval"),
        *("check_decision", "decision", "request_approval"),
    ]
    assert run.status == "RUNNING"


def test_a_week_of_a_reminder_a_day_ends_as_expired(run_machine: RunMachine) -> None:
    rounds = [{**WAIT, "round": number} for number in range(1, 8)]
    run = run_approval(run_machine, check_decision=[*rounds, {"result": "EXPIRED"}])
    for _ in range(7):
        assert run.status == "RUNNING"
        run.advance(DAY)

    assert (run.status, run.seconds) == ("SUCCEEDED", 7 * DAY)
    assert run.path.count("request_approval") == 7
    assert run.path[-2:] == ["expired", "success"]


def test_the_token_of_a_round_that_is_over_opens_nothing(run_machine: RunMachine) -> None:
    run = run_approval(run_machine, check_decision=[WAIT, {**WAIT, "round": 2}])
    run.advance(DAY)

    with pytest.raises(Exception, match="Task Timed Out"):
        run.succeed(token_of(run, 0), {"Payload": {}})
    assert run.status == "RUNNING"


@pytest.mark.parametrize("answer", [{"result": "MAYBE"}, {"result": "APPROVED"}])
def test_an_answer_that_is_no_decision_is_recorded_as_a_failure(
    run_machine: RunMachine, answer: dict[str, Any]
) -> None:
    run = run_approval(run_machine, check_decision=answer)

    assert run.path == ["check_decision", "decision", "mark_failed", "fail"]


@pytest.mark.parametrize("state", RECORDED)
def test_what_a_state_raises_is_recorded(run_machine: RunMachine, state: str) -> None:
    run = run_approval(run_machine, **{**WAY_TO[state], state: SupersededError("no longer mine")})

    assert run.path[-3:] == [state, "mark_failed", "fail"]
    assert (run.status, run.error, run.cause) == ("FAILED", "ValueError", "no such order")
    assert run.payloads["mark_failed"][0]["input"]["Error"] == "SupersededError"


def test_an_execution_lives_a_day_longer_than_any_approval(run_machine: RunMachine) -> None:
    run = run_approval(run_machine, check_decision={**WAIT, "seconds": 40 * DAY})
    run.advance(31 * DAY - 1)
    before = run.status
    run.advance(1)

    assert (before, run.status) == ("RUNNING", "TIMED_OUT")


def test_an_approval_that_has_gone_stale_ends_as_one_that_nobody_decided_on(run_machine):
    stale = {"result": "STALE"}
    run = run_approval(run_machine, check_decision=stale, expired=stale)

    assert run.path == ["check_decision", "decision", "expired", "success"]
    assert (run.status, run.output) == ("SUCCEEDED", stale)
