"""renewal.asl.json, by the test cases of MockConfigFile.json."""

import pytest

from sfn_local.pytest_plugin import RunMachine

MACHINE = "renewal"
INPUT = {"id": "w-1"}
STATES = [
    "check",
    "approve",
    "renew",
]
FAILURES = [
    "CheckFails",
    "ApproveFails",
    "RenewFails",
]


def test_the_states_run_one_after_the_other(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, mock="HappyPath")

    assert run.path == [*STATES, "success"]
    assert run.output == {"id": "w-1", "result": "done"}


def test_what_a_service_could_not_do_is_tried_again(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, mock="EverythingIsTriedAgain")

    assert run.path == [*STATES, "success"]
    assert run.seconds > 0


@pytest.mark.parametrize(("count", "case"), list(enumerate(FAILURES, start=1)))
def test_an_error_is_recorded_and_ends_the_execution(
    run_machine: RunMachine, count: int, case: str
) -> None:
    run = run_machine(MACHINE, input=INPUT, mock=case)

    assert run.path == [*STATES[:count], "mark_failed", "fail"]
    assert (run.error, run.cause) == ("AccessDeniedException", "the role may not do this")


def test_recording_is_tried_again(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, mock="FailureIsRecordedAfterRetries")

    assert run.path == [*STATES[:1], "mark_failed", "fail"]


def test_a_failure_that_cannot_be_recorded_ends_the_execution_too(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, mock="FailureCannotBeRecorded")

    assert run.path == [*STATES[:1], "mark_failed", "not_recorded"]
    assert run.error == "NotRecorded"


WAITS = [
    "approve",
]
STUBS = {
    "check": {"id": "w-1", "result": "done"},
    "approve": None,
    "renew": {"id": "w-1", "result": "done"},
    "mark_failed": {"error": "AccessDeniedException", "cause": "the role may not do this"},
}
RESUMED = {"Payload": {"id": "w-1", "result": "approved"}}


def test_it_waits_until_somebody_resumes_it(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, stubs=STUBS)
    for state in WAITS:
        assert (run.path[-1], run.status) == (state, "RUNNING")
        run.succeed(run.payloads[state][0]["taskToken"], RESUMED)

    assert run.path == [*STATES, "success"]


def test_a_refusal_is_recorded(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, stubs=STUBS)
    run.fail(run.payloads[WAITS[0]][0]["taskToken"], "Refused", "not this time")

    assert run.payloads["mark_failed"][0]["input"] == {
        "Error": "Refused",
        "Cause": "not this time",
    }


def test_nobody_is_waited_for_longer_than_a_day(run_machine: RunMachine) -> None:
    run = run_machine(MACHINE, input=INPUT, stubs=STUBS)
    run.advance(86_399)
    before = run.status
    run.advance(1)

    assert (before, run.status) == ("RUNNING", "FAILED")
    assert run.payloads["mark_failed"][0]["input"]["Error"] == "States.Timeout"
