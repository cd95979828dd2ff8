import re
from dataclasses import replace
from datetime import timedelta

import pytest
from functions.zip_orchestrator.finalize_zip_job.app import lambda_handler
from tests.support.import_states import extract_file, list_zip
from tests.unit.zip_orchestrator.zip_corpus import CSV, zipped

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, Job, JobStatus, Loaded, Reader
from sfn_cqrs.machines.import_csv.results import Counts, Marker
from sfn_cqrs.machines.zip_orchestrator import hooks as zip_hooks
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus
from sfn_cqrs.machines.zip_orchestrator.state import PATIENCE

FOUR = zipped(*[(f"{name}.csv", CSV) for name in "abcd"], ("x.txt", b"x"))
GOOD = Ending(JobStatus.COMPLETED, Counts(created=3, unchanged=2))
BAD = Ending(JobStatus.FAILED, Counts(created=1, failed=4))
STOPPED = Ending(JobStatus.CANCELLED, Counts(updated=1), 6)


@pytest.fixture
def extracted(world, key, upload):
    """The four files of an archive are extracted."""
    list_zip(upload(FOUR).ref)
    for index in range(4):
        assert extract_file(key, index, 300_000)
    return world.zip_jobs


@pytest.fixture
def child(world, key, extracted):
    """Return a way to begin the import of a file, and to end it."""

    def begun(index, ending=None):
        extracted.processing(key, index)
        source = extracted.file(key, index).source
        world.import_jobs.create(
            Job(key=key.child(index), table="airports", source=source, by=Audit(iso(world.clock())))
        )
        world.import_jobs.change(key.child(index), import_job.Begin())
        if ending is not None:
            world.import_jobs.change(key.child(index), import_job.End(ending))

    return begun


@pytest.fixture
def finalize(world, sample, lambda_context):
    def run(given=(), *, attempt=1, waited=timedelta(0)):
        event = sample("zip_orchestrator/finalize_zip_job")
        event["context"]["Execution"]["Input"]["attempt"] = attempt
        event["context"]["State"]["EnteredTime"] = iso(world.clock() - waited)
        event["input"] = given if isinstance(given, dict) else list(given)
        return lambda_handler(event, lambda_context)

    return run


def statuses(zips, key):
    return "".join(str(file.status)[0] for file in zips.files(key))


def test_three_files_of_which_one_fails_are_summed_exactly(world, key, upload, finalize):
    zips = world.zip_jobs
    list_zip(upload(zipped(*[(f"{name}.csv", CSV) for name in "abc"])).ref)
    for index, ending in enumerate([GOOD, BAD, GOOD]):
        extract_file(key, index, 300_000)
        zips.processing(key, index)
        source = zips.file(key, index).source
        world.import_jobs.create(
            Job(key=key.child(index), table="airports", source=source, by=Audit(iso(world.clock())))
        )
        world.import_jobs.change(key.child(index), import_job.End(ending))

    assert finalize() == {"result": "FAILED"}

    job = zips.find(key)
    assert job.ending == Ending(
        JobStatus.FAILED, Counts(created=7, updated=0, unchanged=4, failed=4)
    )
    assert [file.status for file in zips.files(key)] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert [file.total for file in zips.files(key)] == [5, 5, 5]
    assert job.finished_at == "2026-11-25T12:00:00.000Z"


def test_files_that_all_went_well_make_a_completed_job(key, extracted, child, finalize):
    for index in range(4):
        child(index, GOOD)

    assert finalize() == {"result": "COMPLETED"}
    assert extracted.find(key).ending == Ending(
        JobStatus.COMPLETED, Counts(created=12, unchanged=8)
    )


def test_a_file_that_gave_up_is_failed_with_its_error(key, extracted, child, finalize):
    for index in (0, 2, 3):
        child(index, GOOD)

    assert finalize([{"status": "COMPLETED"}, {"index": 1, "error": "States.Timeout"}]) == {
        "result": "FAILED"
    }
    assert extracted.file(key, 1).problem == Problem(
        "failed", "States.Timeout; the execution's history has more"
    )
    assert statuses(extracted, key) == "CFCCS"


def test_whatever_ended_the_execution_early_fails_the_files_that_have_not_ended(
    key, extracted, child, finalize
):
    child(0, GOOD)

    assert finalize({"Error": "States.DataLimitExceeded", "Cause": "too much\nmore"}) == {
        "result": "FAILED"
    }
    assert statuses(extracted, key) == "CFFFS"
    assert extracted.file(key, 3).problem.reason == (
        "States.DataLimitExceeded: too much; the execution's history has more"
    )


def test_a_listing_that_failed_is_the_job_s_own_error(world, key, upload, finalize):
    upload(FOUR)

    assert finalize({"Error": "Runtime.OutOfMemory", "Cause": '{"errorMessage": "killed"}'}) == {
        "result": "FAILED"
    }
    assert world.zip_jobs.find(key).ending == Ending(
        JobStatus.FAILED, problem=Problem("failed", "Runtime.OutOfMemory: killed")
    )


def test_an_archive_that_cannot_be_read_ends_failed_with_its_reason(world, key, upload, finalize):
    list_zip(upload(b"no archive").ref)

    assert finalize() == {"result": "FAILED"}
    assert world.zip_jobs.find(key).ending.problem.code == "not_a_zip"


def test_a_cancelled_job_says_what_was_not_begun(key, extracted, child, finalize):
    child(0, GOOD)
    child(1, STOPPED)
    extracted.change(key, import_job.Cancel())

    assert finalize() == {"result": "CANCELLED"}
    assert extracted.find(key).ending == Ending(
        JobStatus.CANCELLED, Counts(created=3, updated=1, unchanged=2), 6
    )
    assert [file.status for file in extracted.files(key)] == [
        FileStatus.COMPLETED,
        FileStatus.CANCELLED,
        FileStatus.CANCELLED,
        FileStatus.CANCELLED,
        FileStatus.SKIPPED,
    ]


def test_an_import_that_is_still_at_work_is_cancelled_and_waited_for(
    world, key, extracted, child, finalize
):
    child(0)

    with pytest.raises(TransientError, match="1 imports of files are still at work"):
        finalize([{"index": 0, "error": "States.Timeout"}])

    assert world.import_jobs.find(key.child(0)).is_cancelled
    world.import_jobs.change(key.child(0), import_job.End(STOPPED))
    assert finalize([{"index": 0, "error": "States.Timeout"}]) == {"result": "FAILED"}
    assert extracted.file(key, 0).status is FileStatus.CANCELLED
    assert extracted.file(key, 1).problem.code == "abandoned"


def test_an_import_that_never_ends_is_failed_with_the_rows_that_it_has_counted(
    world, key, extracted, child, finalize
):
    child(0)
    source = extracted.file(key, 0).source
    loaded = Loaded(10, ("code",), ("code",), Reader.JSONL, source)
    world.import_jobs.change(key.child(0), import_job.Load(loaded))
    world.imports.count(key.child(0), Marker(2, 4, Counts(created=2, failed=1)))

    finalize([{"index": 0, "error": "States.Timeout"}], waited=PATIENCE + timedelta(seconds=1))

    file = extracted.file(key, 0)
    assert (file.status, file.counts, file.problem.code) == (
        FileStatus.FAILED,
        Counts(created=2, failed=8),
        "timed_out",
    )


def test_a_job_that_has_ended_is_open_for_the_sweep_until_its_hooks_have_run(
    key, extracted, hooks, finalize
):
    hooks["tell"] = lambda _finished: (_ for _ in ()).throw(TransientError("busy"))

    with pytest.raises(TransientError, match="tell: busy"):
        finalize()

    assert extracted.find(key).status is JobStatus.FAILED
    assert not extracted.find(key).settled
    del hooks["tell"]
    finalize()
    assert extracted.find(key).settled


def test_a_later_attempt_owns_the_job(key, extracted, finalize):
    extracted.change(key, zip_job.Restart(1))

    with pytest.raises(SupersededError):
        finalize()
    assert extracted.find(key).status is JobStatus.PROCESSING


def test_a_job_that_a_later_attempt_took_meanwhile_is_not_ended(extracted, finalize, monkeypatch):
    files = extracted.files

    def files_and_then_restart(key):
        extracted.change(key, zip_job.Restart(1))
        return files(key)

    monkeypatch.setattr(extracted, "files", files_and_then_restart)
    monkeypatch.setattr(extracted, "end_files", lambda *_: None)

    with pytest.raises(SupersededError):
        finalize()


def test_hooks_are_told_once_of_the_job_as_it_has_ended(key, extracted, child, hooks, finalize):
    child(0, GOOD)
    told = []
    hooks["tell"] = told.append

    finalize()
    finalize()

    (finished,) = told
    assert (finished.tenant, finished.id) == ("tenant1", key.id)
    assert finished.job.status is JobStatus.FAILED
    assert [file.status for file in finished.files][:2] == ["COMPLETED", "FAILED"]
    assert extracted.find(key).hooks == {"tell": ""}


def test_a_hook_that_fails_changes_neither_the_status_nor_the_other_hooks(
    key, extracted, hooks, finalize
):
    told = []

    def breaks(_finished):
        raise ValueError("no such channel")

    hooks |= {"a_breaks": breaks, "b_tell": told.append}

    assert finalize() == {"result": "FAILED"}
    assert len(told) == 1
    went = extracted.find(key).hooks
    place = r"\(test_finalize_zip_job\.py, line \d+\)"
    assert re.fullmatch(rf"ValueError: no such channel {place}", went["a_breaks"])
    assert went["b_tell"] == ""


def test_a_hook_that_asks_for_another_try_gets_it_and_the_others_do_not_run_again(
    key, extracted, hooks, finalize
):
    told, tries = [], []

    def busy(_finished):
        tries.append(1)
        if len(tries) == 1:
            raise TransientError("busy")

    hooks |= {"a_busy": busy, "b_tell": told.append}

    with pytest.raises(TransientError, match="a_busy: busy"):
        finalize()
    finalize()

    assert (len(tries), len(told)) == (2, 1)
    assert extracted.find(key).hooks == {"a_busy": "", "b_tell": ""}


def test_a_hook_that_is_always_busy_has_failed_at_last(key, extracted, hooks, finalize):
    def busy(_finished):
        raise TransientError("busy")

    hooks["busy"] = busy

    assert finalize(waited=PATIENCE + timedelta(seconds=1)) == {"result": "FAILED"}
    assert extracted.find(key).hooks["busy"].startswith("TransientError: busy (test_finalize")


def test_a_hook_that_takes_too_long_has_failed(key, extracted, hooks, finalize, monkeypatch):
    monkeypatch.setattr(zip_hooks, "HOOK_SECONDS", 0.01)

    def slow(_finished):
        while True:
            pass

    hooks["slow"] = slow

    finalize()

    assert extracted.find(key).hooks == {"slow": "TimeoutError: it took longer than 0.01 s"}


@pytest.mark.usefixtures("extracted")
def test_a_hook_is_not_begun_when_there_is_no_time_for_it(hooks, sample, lambda_context):
    hooks["tell"] = print
    lambda_context.remaining_ms = 69_000

    with pytest.raises(TransientError, match="no time is left for the hook tell"):
        lambda_handler(sample("zip_orchestrator/finalize_zip_job") | {"input": []}, lambda_context)


def test_what_was_cancelled_before_it_was_listed_has_no_rows(world, key, upload, finalize):
    job = upload(FOUR)
    world.zip_jobs.change(key, import_job.Cancel())
    world.seed_zips(replace(world.zip_jobs.find(key), status=JobStatus.PROCESSING))

    assert finalize() == {"result": "CANCELLED"}
    assert world.zip_jobs.find(job.key).ending == Ending(JobStatus.CANCELLED)
