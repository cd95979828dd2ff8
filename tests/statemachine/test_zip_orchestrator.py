"""zip-orchestrator.asl.json: every path and catch, on stand-in functions."""

from typing import Any

import pytest
from tests.statemachine.errors import fails_at, lambda_error

from sfn_local.pytest_plugin import NEVER, MachineRun, RunMachine

KEYS = {"tenant": "acme", "id": "z-01KAXK3V9Q0M3W8C5R6T7Y8Z9A", "attempt": 1}
WAIT = "trigger_single_csv_and_wait"
STUBS: dict[str, Any] = {
    "list_zip": {"result": [0, 2]},
    "extract_file": lambda payload: {"index": payload["input"], "ok": True},
    WAIT: None,
    "finalize_zip_job": {"result": "COMPLETED"},
}
BEFORE = ["list_zip", "extract_files", "extract_file", "extract_file", "process_csv_files"]
END = ["finalize_zip_job", "success"]
ENDED = {"status": "COMPLETED"}
SIX_HOURS = 21_600


def run_zip(run_machine: RunMachine, **stubs: Any) -> MachineRun:
    run: MachineRun = run_machine("zip-orchestrator", input=KEYS, stubs={**STUBS, **stubs})
    return run


def tokens(run: MachineRun) -> list[str]:
    return [payload["taskToken"] for payload in run.payloads.get(WAIT, [])]


def end_waits(run: MachineRun, answer: Any = ENDED) -> MachineRun:
    """End each wait as soon as it is there, as the imports of the files do."""
    seen = 0
    while run.status == "RUNNING" and len(tokens(run)) > seen:
        seen = len(tokens(run))
        run.succeed(tokens(run)[-1], {"Payload": answer})
    return run


def ended(run_machine: RunMachine, **stubs: Any) -> MachineRun:
    return end_waits(run_zip(run_machine, **stubs))


def test_an_archive_is_listed_extracted_and_imported_file_by_file(run_machine: RunMachine) -> None:
    run = ended(run_machine)

    assert run.path == [*BEFORE, WAIT, WAIT, *END]
    assert (run.status, run.output) == ("SUCCEEDED", {"result": "COMPLETED"})


def test_files_are_imported_one_at_a_time_in_their_order(run_machine: RunMachine) -> None:
    run = run_zip(run_machine)
    first = [payload["input"] for payload in run.payloads[WAIT]]
    run.succeed(tokens(run)[0], {"Payload": ENDED})

    assert first == [{"index": 0, "ok": True}]
    assert [payload["input"]["index"] for payload in run.payloads[WAIT]] == [0, 2]
    assert run.status == "RUNNING"


def test_ten_files_are_extracted_at_a_time(run_machine: RunMachine) -> None:
    run = run_zip(run_machine, list_zip={"result": list(range(30))}, extract_file=NEVER)

    assert len(run.payloads["extract_file"]) == 10


def test_the_last_state_is_given_how_each_wait_ended(run_machine: RunMachine) -> None:
    run = ended(run_machine)

    assert [payload["input"] for payload in run.payloads["finalize_zip_job"]] == [[ENDED, ENDED]]


def test_a_thousand_files_stay_within_the_limits_of_an_execution(run_machine: RunMachine) -> None:
    counts = ["total", "created", "updated", "unchanged", "failed", "cancelled"]
    answer = {
        "id": "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
        "index": 999,
        "status": "COMPLETED",
        **dict.fromkeys(counts, 10_000_000),
    }
    run = end_waits(run_zip(run_machine, list_zip={"result": list(range(1_000))}), answer)

    assert run.status == "SUCCEEDED"
    assert len(run.payloads["finalize_zip_job"][0]["input"]) == 1_000
    assert len(run.events) < 20_000


def test_a_file_that_cannot_be_extracted_is_named_and_the_others_go_on(
    run_machine: RunMachine,
) -> None:
    run = ended(run_machine, extract_file=fails_at(0))

    assert sorted(run.path) == sorted([*BEFORE, "not_extracted", WAIT, WAIT, *END])
    assert [payload["input"] for payload in run.payloads[WAIT]] == [
        {"index": 0, "error": "SupersededError"},
        {"index": 2, "ok": True},
    ]


def test_a_file_whose_import_does_not_end_in_six_hours_is_named_and_the_next_begins(
    run_machine: RunMachine,
) -> None:
    run = run_zip(run_machine)
    run.advance(SIX_HOURS - 1)
    before = list(run.path)
    run.advance(1)

    assert before == [*BEFORE, WAIT]
    assert run.path == [*BEFORE, WAIT, "file_failed", WAIT]

    run.succeed(tokens(run)[-1], {"Payload": ENDED})

    assert run.payloads["finalize_zip_job"][0]["input"] == [
        {"index": 0, "error": "States.Timeout"},
        ENDED,
    ]
    assert run.status == "SUCCEEDED"


def test_the_token_of_a_try_that_failed_opens_nothing_any_more(run_machine: RunMachine) -> None:
    run = run_zip(run_machine, **{WAIT: [lambda_error("Lambda.ServiceException"), None, None]})
    first, second = tokens(run)

    assert first != second
    with pytest.raises(Exception, match="Task"):
        run.succeed(first, {"Payload": ENDED})
    run.succeed(second, {"Payload": ENDED})
    assert len(tokens(run)) == 3


def test_an_execution_ends_after_a_week_and_not_before(run_machine: RunMachine) -> None:
    run = run_zip(run_machine, list_zip={"result": list(range(40))})
    run.advance(7 * 86_400 - 1)
    before = run.status
    run.advance(1)

    assert (before, run.status) == ("RUNNING", "TIMED_OUT")


ONE = ["list_zip", "extract_files", "extract_file", "process_csv_files", WAIT, *END]
MOCKED = {
    "HappyPath": [*BEFORE, WAIT, WAIT, *END],
    "EverythingIsTriedAgain": ONE,
    "NothingToImport": ["list_zip", "extract_files", "process_csv_files", *END],
    "ArchiveCannotBeListed": ["list_zip", *END],
    "OneFileCannotBeExtracted": [*BEFORE, "not_extracted", WAIT, WAIT, *END],
    "OneFileTakesTooLong": [*BEFORE, WAIT, "file_failed", WAIT, *END],
    "EndCannotBeRecorded": [
        "list_zip",
        "extract_files",
        "process_csv_files",
        "finalize_zip_job",
        "not_recorded",
    ],
}


@pytest.mark.parametrize("case", MOCKED)
def test_a_mocked_case_takes_its_path(run_machine: RunMachine, case: str) -> None:
    run = run_machine("zip-orchestrator", input=KEYS, mock=case)

    assert sorted(run.path) == sorted(MOCKED[case])
