"""command.asl.json: every path and catch, on stand-in functions; see test_retries, too."""

import json
from typing import Any

import pytest
from tests.statemachine.errors import TransientError, lambda_error
from tests.statemachine.runs import assert_told

from sfn_cqrs.domain.failure import BUSY_ERRORS
from sfn_local.pytest_plugin import MachineRun, RunMachine

KEYS = {"tenant": "acme", "type": "OFFER", "code": "A-1", "version": 3, "attempt": 1}
HANDLERS = ["dynamodb", "orders_by_day"]
STUBS: dict[str, Any] = {
    "check_version": {"result": 0},
    "set_ttl_command": {"result": "set"},
    "history_copy": {"result": "copied"},
    "transform_data": {"result": HANDLERS},
    "sync_data": lambda payload: {"handler": payload["input"], "ok": True},
    "finish": {"result": "applied"},
    "mark_failed": {"error": "recorded", "cause": "why"},
}
WORK = ["set_ttl_command", "history_copy", "transform_data", "sync_data_all"]
SYNC = ["sync_data", "sync_data"]
PARKED = ["check_version", "check_version_result", "wait_prev_command"]
RECORDED = ["mark_failed", "mark_failed_result"]
FAILED = [*RECORDED, "fail"]
RESUMED = {"Payload": {"result": "resumed_by_prev_version", "prevVersion": 2}}

RUNNING_STATES = [
    "check_version",
    "set_ttl_command",
    "history_copy",
    "transform_data",
    "sync_data",
    "finish",
    "mark_failed",
]
TIME_LIMITS = dict.fromkeys(RUNNING_STATES, 60) | {"sync_data": 150}


class VersionGapError(Exception):
    pass


def run_command(run_machine: RunMachine, **stubs: Any) -> MachineRun:
    run: MachineRun = run_machine("command", input=KEYS, stubs={**STUBS, **stubs})
    return run


def run_with_answers(run_machine: RunMachine, state: str, *answers: Any) -> MachineRun:
    """Run with these answers of one state; to reach mark_failed, finish fails first."""
    stubs: dict[str, Any] = {state: list(answers)}
    if state == "sync_data":
        stubs["transform_data"] = {"result": ["dynamodb"]}
    if state == "mark_failed":
        stubs["finish"] = VersionGapError
    return run_command(run_machine, **stubs)


def run_again(run_machine: RunMachine, state: str, first: Any) -> MachineRun:
    """Run with a first answer of a state, before the usual one."""
    if state == "wait_prev_command":
        return run_command(
            run_machine, check_version={"result": 1}, wait_prev_command=[first, None]
        )
    return run_with_answers(run_machine, state, first, STUBS[state])


def parked(run_machine: RunMachine) -> tuple[MachineRun, str]:
    run = run_command(run_machine, check_version={"result": 1}, wait_prev_command=None)
    return run, run.payloads["wait_prev_command"][0]["taskToken"]


def test_a_command_whose_turn_it_is_runs_to_the_end(run_machine: RunMachine) -> None:
    run = run_command(run_machine)

    assert run.path == ["check_version", "check_version_result", *WORK, *SYNC, "finish", "success"]
    assert run.status == "SUCCEEDED"
    assert run.output == {"result": "applied"}
    assert run.seconds == 0


def test_each_handler_runs_once_and_receives_its_name(run_machine: RunMachine) -> None:
    run = run_command(run_machine)

    assert [payload["input"] for payload in run.payloads["sync_data"]] == HANDLERS
    assert run.payloads["finish"][0]["input"] == {
        "result": HANDLERS,
        "results": [
            {"handler": "dynamodb", "ok": True},
            {"handler": "orders_by_day", "ok": True},
        ],
    }


def test_a_type_without_handlers_is_finished_all_the_same(run_machine: RunMachine) -> None:
    run = run_command(run_machine, transform_data={"result": []})

    assert run.path == ["check_version", "check_version_result", *WORK, "finish", "success"]


def test_every_state_receives_source_context_and_input(run_machine: RunMachine) -> None:
    run = run_command(run_machine)

    assert_told(run, KEYS)


def test_an_early_command_parks_until_its_predecessor_finishes(run_machine: RunMachine) -> None:
    run, token = parked(run_machine)

    assert run.path == PARKED
    assert run.status == "RUNNING"
    assert sorted(run.payloads["wait_prev_command"][0]) == [
        "context",
        "input",
        "source",
        "taskToken",
    ]
    assert run.payloads["wait_prev_command"][0]["context"]["Task"] == {"Token": token}


def test_an_answer_that_nobody_knows_parks_too(run_machine: RunMachine) -> None:
    run = run_command(run_machine, check_version={"result": 7}, wait_prev_command=None)

    assert run.path == PARKED


def test_a_parked_command_goes_on_when_its_token_comes_back(run_machine: RunMachine) -> None:
    run, token = parked(run_machine)
    run.advance(3600)
    run.succeed(token, RESUMED)

    assert run.path == [*PARKED, *WORK, *SYNC, "finish", "success"]
    assert run.payloads["set_ttl_command"][0]["input"] == RESUMED["Payload"]
    assert run.status == "SUCCEEDED"


def test_a_parked_command_fails_with_its_predecessor(run_machine: RunMachine) -> None:
    run, token = parked(run_machine)
    run.fail(token, "PredecessorFailedError", "version 2 has failed")

    assert run.path == [*PARKED, *FAILED]
    assert run.payloads["mark_failed"][0]["input"] == {
        "Error": "PredecessorFailedError",
        "Cause": "version 2 has failed",
    }
    assert (run.status, run.error, run.cause) == ("FAILED", "recorded", "why")


def test_a_wait_ends_after_24_hours_and_not_before(run_machine: RunMachine) -> None:
    run, _ = parked(run_machine)
    run.advance(86_399)
    before = run.status
    run.advance(1)

    assert before == "RUNNING"
    assert run.path == [*PARKED, *FAILED]
    assert run.payloads["mark_failed"][0]["input"] == {"Error": "States.Timeout", "Cause": ""}
    assert run.seconds == 86_400


def test_a_wait_that_is_over_is_not_waited_for_again(run_machine: RunMachine) -> None:
    run, _ = parked(run_machine)
    run.advance(86_400)

    assert len(run.payloads["wait_prev_command"]) == 1


def test_a_late_command_is_refused_with_error_and_cause(run_machine: RunMachine) -> None:
    refusal = {
        "result": -1,
        "error": "version is not match",
        "cause": "next version must be 3 but got 2",
    }
    recorded = {"error": refusal["error"], "cause": refusal["cause"]}
    run = run_command(run_machine, check_version=refusal, mark_failed=recorded)

    assert run.path == ["check_version", "check_version_result", *FAILED]
    assert run.payloads["mark_failed"][0]["input"] == refusal
    assert (run.error, run.cause) == ("version is not match", "next version must be 3 but got 2")


@pytest.mark.parametrize("state", [state for state in RUNNING_STATES if state != "mark_failed"])
def test_an_error_of_the_function_is_recorded_at_once(run_machine: RunMachine, state: str) -> None:
    run = run_with_answers(run_machine, state, VersionGapError("2 is missing"))
    recorded = run.payloads["mark_failed"][0]["input"]

    assert run.path[-3:] == FAILED
    assert recorded["Error"] == "VersionGapError"
    assert json.loads(recorded["Cause"])["errorMessage"] == "2 is missing"
    assert (run.status, run.seconds) == ("FAILED", 0)


def test_one_failed_handler_fails_the_command(run_machine: RunMachine) -> None:
    def sync(payload: dict[str, Any]) -> dict[str, Any]:
        if payload["input"] == "orders_by_day":
            raise ValueError("no such day")
        return {"handler": payload["input"], "ok": True}

    run = run_command(run_machine, sync_data=sync)

    assert run.path == ["check_version", "check_version_result", *WORK, *SYNC, *FAILED]
    assert run.payloads["mark_failed"][0]["input"]["Error"] == "ValueError"


def test_a_retried_wait_gets_a_new_token(run_machine: RunMachine) -> None:
    answers = [TransientError(), None]
    run = run_command(run_machine, check_version={"result": 1}, wait_prev_command=answers)
    first, second = (payload["taskToken"] for payload in run.payloads["wait_prev_command"])
    run.succeed(second, RESUMED)

    assert first != second
    assert run.status == "SUCCEEDED"


@pytest.mark.parametrize("error", ["Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown"])
@pytest.mark.parametrize("state", RUNNING_STATES)
def test_six_retries_are_enough_for_a_function_that_dies(
    run_machine: RunMachine, state: str, error: str
) -> None:
    run = run_with_answers(run_machine, state, *[lambda_error(error)] * 7)

    assert len(run.payloads[state]) == 7
    assert run.status == "FAILED"
    assert 0 < run.seconds <= 2 + 4 + 8 + 16 + 32 + 60


@pytest.mark.parametrize("error", BUSY_ERRORS)
@pytest.mark.parametrize("state", RUNNING_STATES)
def test_a_busy_aws_is_waited_for_before_a_version_fails(
    run_machine: RunMachine, state: str, error: str
) -> None:
    run = run_with_answers(run_machine, state, *[lambda_error(error)] * 41)

    assert len(run.payloads[state]) == 41
    assert run.status == "FAILED"
    assert 15 * 60 < run.seconds <= 1 + 2 + 4 + 8 + 16 + 32 + 64 + 33 * 120


@pytest.mark.parametrize(
    ("machine", "error", "end"),
    [
        ("command", "PredecessorFailedError", "blocked"),
        ("command", "SupersededError", "superseded"),
        ("command-express", "PredecessorFailedError", "blocked"),
        ("command-express", "SupersededError", "superseded"),
        ("command-express", "HandedOver", "handed_over"),
    ],
)
def test_what_is_no_failure_of_its_own_ends_the_execution_well(
    run_machine: RunMachine, machine: str, error: str, end: str
) -> None:
    stubs = {**STUBS, "finish": VersionGapError, "mark_failed": {"error": error, "cause": "why"}}
    run = run_machine(machine, input=KEYS, stubs=stubs)

    assert (run.path[-1], run.status) == (end, "SUCCEEDED")


def test_a_failure_that_cannot_be_recorded_is_left_to_the_sweep(run_machine: RunMachine) -> None:
    run = run_command(run_machine, finish=VersionGapError, mark_failed=VersionGapError)

    assert run.path[-2:] == ["mark_failed", "not_recorded"]
    assert (run.status, run.error) == ("FAILED", "NotRecorded")
    assert run.cause == "The failure could not be recorded; the sweep will close this command."


BEGUN = ["check_version", "check_version_result"]
MOCKED = {
    "HappyPath": [*BEGUN, *WORK, *SYNC, "finish", "success"],
    "EverythingIsTriedAgain": [*BEGUN, *WORK, *SYNC, "finish", "success"],
    "WaitsForItsPredecessor": [*PARKED, *WORK, *SYNC, "finish", "success"],
    "WaitsAfterRetries": [*PARKED, *WORK, *SYNC, "finish", "success"],
    "WaitsWhenInDoubt": [*PARKED, *WORK, *SYNC, "finish", "success"],
    "TooLate": [*BEGUN, *FAILED],
    "PredecessorFailed": [*PARKED, *RECORDED, "blocked"],
    "AnotherAttemptHasIt": ["check_version", *RECORDED, "superseded"],
    "WaitTimesOut": [*PARKED, *FAILED],
    "CheckVersionFails": ["check_version", *FAILED],
    "SetTtlCommandFails": [*BEGUN, *WORK[:1], *FAILED],
    "HistoryCopyFails": [*BEGUN, *WORK[:2], *FAILED],
    "TransformDataFails": [*BEGUN, *WORK[:3], *FAILED],
    "OneHandlerFails": [*BEGUN, *WORK, *SYNC, *FAILED],
    "FinishFails": [*BEGUN, *WORK, *SYNC, "finish", *FAILED],
    "FailureIsRecordedAfterRetries": [*BEGUN, *WORK, *SYNC, "finish", *FAILED],
    "FailureCannotBeRecorded": [*BEGUN, *WORK, *SYNC, "finish", "mark_failed", "not_recorded"],
}


@pytest.mark.parametrize("case", MOCKED)
def test_a_mocked_case_takes_its_path(run_machine: RunMachine, case: str) -> None:
    run = run_machine("command", input=KEYS, mock=case)

    assert run.path == MOCKED[case]
