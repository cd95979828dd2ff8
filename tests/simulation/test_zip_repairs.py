"""An archive of which something is lost, stopped, late or broken, under the virtual clock."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.simulation.test_zip_crashes import (
    ARCHIVE,
    FINALIZE,
    FINALIZE_CHILD,
    TRIGGER,
    assert_exact,
)
from tests.support.calls import AwsCall
from tests.support.import_system import a_file, a_line
from tests.support.proof import sampled
from tests.support.system import silent
from tests.support.zip_system import ZipSystem, an_archive, hear

from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.hooks import FinishedImport

SIX_HOURS = 21_600
LOADER = "ImportCsvCsvLoaderFunction"
TWO = an_archive(("a.csv", a_file([a_line("RJAA")])), ("b.csv", a_file([a_line("RJBB")])))


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[FinishedImport]:
    """What the one finalization hook was told."""
    return hear(monkeypatch)


@pytest.fixture
def system() -> Iterator[ZipSystem]:
    with silent(), ZipSystem() as entered:
        yield entered


def stop_when(system: ZipSystem, function: str, operation: str) -> None:
    """Stop the archive's execution when a function first makes a call."""

    def stop(call: AwsCall, moment: str) -> None:
        if (call.function, call.operation, moment) == (function, operation, "before"):
            system.calls.observers.remove(stop)
            system.engine.stop_execution(system.zip_executions()[-1]["executionArn"])

    system.calls.observers.append(stop)


@pytest.mark.parametrize(
    ("function", "operation"),
    sampled(
        [
            ("ZipOrchestratorListZipFunction", "GetObject"),
            ("ZipOrchestratorExtractFileFunction", "UploadPart"),
            (TRIGGER, "PutItem"),
            (LOADER, "GetObject"),
            (FINALIZE_CHILD, "SendTaskSuccess"),
            (FINALIZE, "TransactWriteItems"),
            (FINALIZE, "PutItem"),
        ],
        2,
    ),
)
def test_an_execution_that_is_stopped_is_followed_by_one_that_goes_on(
    system: ZipSystem, function: str, operation: str
) -> None:
    stop_when(system, function, operation)
    id_ = system.start_zip(ARCHIVE)
    system.run()
    system.settle_zips()

    assert_exact(system, id_)
    first, *others = system.zip_executions()
    assert first["status"] == "ABORTED"
    assert [each["status"] for each in others] in ([], ["SUCCEEDED"])


def test_an_import_that_never_ends_is_given_up_after_six_hours_and_the_next_is_begun(
    system: ZipSystem,
) -> None:
    """Nothing starts the first file's import, and no sweep comes by."""
    id_ = system.start_zip(TWO)
    job = system.zip_job(id_)
    system.import_stream.dropped = lambda record: (
        record["dynamodb"]["NewImage"]["ulid"]["S"] == job.key.child(0).ulid
    )
    system.run()
    system.pass_time(SIX_HOURS - 60)
    assert [str(file.status) for file in files_of(system, id_)] == ["PROCESSING", "EXTRACTED"]

    system.pass_time(120)

    (first, second) = files_of(system, id_)
    assert (str(first.status), first.problem and first.problem.code) == ("FAILED", "timed_out")
    assert (str(second.status), second.counts) == ("COMPLETED", Counts(created=1))
    ended = system.zip_job(id_)
    assert ended.status is JobStatus.FAILED
    assert ended.ending is not None
    assert ended.ending.counts == Counts(created=1)
    child = system.job(job.key.child(0).id)
    assert child.is_cancelled


def files_of(system: ZipSystem, id_: str) -> list[Any]:
    return [each.file for each in system.archives.get(id_).files]


def test_an_end_that_is_never_recorded_is_tried_by_six_attempts_and_then_by_the_sweep(
    system: ZipSystem,
) -> None:
    with system.losing(FINALIZE, "Query"):
        id_ = system.start_zip(TWO)
        system.run()
        assert system.zip_job(id_).attempt == 6
        assert {each["status"] for each in system.zip_executions()} == {"FAILED"}
        system.sweep()
        assert system.zip_job(id_).attempt == 7

    system.settle_zips()

    job = system.zip_job(id_)
    assert (job.status, job.ending and job.ending.counts) == (
        JobStatus.COMPLETED,
        Counts(created=2),
    )
    assert system.unsettled() == []
