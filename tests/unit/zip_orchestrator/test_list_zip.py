from dataclasses import replace

import pytest
from functions.zip_orchestrator.list_zip.app import lambda_handler
from tests.unit.zip_orchestrator.zip_corpus import CORPUS, CSV, zipped

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus

THREE = zipped(("b.csv", CSV), ("README.txt", b"x"), ("a.csv", CSV))


@pytest.fixture
def list_zip(sample, lambda_context):
    def run(attempt=1):
        event = sample("zip_orchestrator/list_zip")
        event["context"]["Execution"]["Input"]["attempt"] = attempt
        return lambda_handler(event, lambda_context)

    return run


def test_the_files_to_import_are_stored_and_answered_by_their_indexes(world, key, upload, list_zip):
    upload(THREE)

    assert list_zip() == {"result": [1, 2]}

    stored = [(file.name, file.status) for file in world.zip_jobs.files(key)]
    assert stored == [
        ("README.txt", FileStatus.SKIPPED),
        ("a.csv", FileStatus.CREATED),
        ("b.csv", FileStatus.CREATED),
    ]
    job = world.zip_jobs.find(key)
    assert (job.status, job.files, job.started_at) == (
        JobStatus.PROCESSING,
        3,
        "2026-11-25T12:00:00.000Z",
    )


def test_an_archive_that_is_none_is_recorded_and_nothing_is_answered(world, key, upload, list_zip):
    upload(b"code,name\n1,a\n")

    assert list_zip() == {"result": []}

    job = world.zip_jobs.find(key)
    assert (job.status, job.files, job.problem.code) == (JobStatus.PROCESSING, 0, "not_a_zip")


def test_the_archive_of_the_moment_of_the_start_is_read(world, upload, list_zip):
    job = upload(THREE)
    world.import_bucket.put(job.source.key, CORPUS["a CSV"].data)

    assert list_zip() == {"result": [1, 2]}


def test_a_later_attempt_answers_what_has_not_ended_and_reads_nothing(world, key, upload, list_zip):
    upload(THREE)
    list_zip()
    world.zip_jobs.end_files(
        key, 1, [world.zip_jobs.file(key, 1).ended(Ending(JobStatus.COMPLETED))]
    )
    world.zip_jobs.change(key, zip_job.Restart(1))
    world.import_bucket.objects.clear()

    assert list_zip(attempt=2) == {"result": [2]}


def test_a_cancelled_job_has_nothing_left_to_import(world, key, upload, list_zip):
    upload(THREE)
    world.zip_jobs.change(key, import_job.Cancel())

    assert list_zip() == {"result": []}


def test_a_job_that_was_begun_too_often_only_comes_to_its_end(world, upload, list_zip):
    job = upload(THREE)
    world.seed_zips(replace(job, attempt=6))

    assert list_zip(attempt=6) == {"result": []}


def test_a_job_that_has_ended_has_nothing_left_to_import(world, key, upload, list_zip):
    upload(THREE)
    world.zip_jobs.change(
        key, zip_job.End(1, Ending(JobStatus.FAILED, problem=Problem("failed", "x")))
    )

    assert list_zip() == {"result": []}


@pytest.mark.parametrize("attempt", [1, 3])
def test_an_attempt_that_does_not_own_the_job_is_told_so(world, key, upload, list_zip, attempt):
    upload(THREE)
    world.zip_jobs.change(key, zip_job.Restart(1))

    with pytest.raises(SupersededError):
        list_zip(attempt=attempt)


def test_a_table_that_nobody_knows_fails_its_file_and_no_other(world, key, upload, list_zip):
    upload(CORPUS["tables by their names"].data, table=None)

    assert list_zip() == {"result": [0]}

    problem = world.zip_jobs.file(key, 1).problem
    assert problem.code == "unknown_table"
    assert problem.reason.startswith("'nothing' has no strategy; known tables: ")
