"""command.asl.json: every path and catch, on stand-in functions."""

from typing import Any

import pytest
from tests.statemachine.errors import TransientError

from sfn_local.pytest_plugin import MachineRun, RunMachine

KEYS = {"tenant": "acme", "type": "OFFER", "code": "A-1", "version": 3, "attempt": 1}
HANDLERS = ["orders_by_customer", "orders_by_day"]
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


class VersionGapError(Exception):
    pass


def run_command(run_machine: RunMachine, **stubs: Any) -> MachineRun:
    run: MachineRun = run_machine("command", input=KEYS, stubs={**STUBS, **stubs})
    return run


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
            {"handler": "orders_by_customer", "ok": True},
            {"handler": "orders_by_day", "ok": True},
        ],
    }


def test_a_type_without_handlers_is_finished_all_the_same(run_machine: RunMachine) -> None:
    run = run_command(run_machine, transform_data={"result": []})

    assert run.path == ["check_version", "check_version_result", *WORK, "finish", "success"]


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


def test_a_retried_wait_gets_a_new_token(run_machine: RunMachine) -> None:
    answers = [TransientError(), None]
    run = run_command(run_machine, check_version={"result": 1}, wait_prev_command=answers)
    first, second = (payload["taskToken"] for payload in run.payloads["wait_prev_command"])
    run.succeed(second, RESUMED)

    assert first != second
    assert run.status == "SUCCEEDED"


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
