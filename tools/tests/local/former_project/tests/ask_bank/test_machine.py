"""ask-bank.asl.json, by the test cases of MockConfigFile.json."""

import pytest

from sfn_local.pytest_plugin import RunMachine

MACHINE = "ask-bank"
INPUT = {
    "id": "w-1",
    "parent": {"execution": "renewal-w-1-dgydqyzjkrz6673evsavfzwhe4", "state": "approve"},
}
STATES = [
    "check",
    "work",
    "answer_parent",
]
FAILURES = [
    "CheckFails",
    "WorkFails",
    "AnswerParentFails",
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
