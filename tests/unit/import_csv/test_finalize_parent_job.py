import csv
import json

import pytest
from functions.import_csv.finalize_parent_job.app import lambda_handler
from tests.unit.import_csv.conftest import HEADER, KEY, a_line

from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus, Loaded, Reader
from sfn_cqrs.machines.import_csv.results import Counts, Marker

COLUMNS = ("icao", "name", "country", "lat", "lon", "tz")
FAILED = {
    "Error": "States.ItemReaderFailed",
    "Cause": "Attempting to map over non-iterable node.",
}


@pytest.fixture
def job(job_of, world):
    """A job of four rows, none of them counted."""
    job = job_of(HEADER + "".join(a_line(f"RJ0{n}") for n in range(4)))
    world.import_jobs.change(KEY, import_job.Begin())
    return world.import_jobs.change(
        KEY, import_job.Load(Loaded(4, COLUMNS, COLUMNS, Reader.NATIVE, job.source))
    ).record


@pytest.fixture
def finalize(sample, lambda_context):
    def run(state_input=None):
        event = sample("import_csv/finalize_parent_job")
        return lambda_handler({**event, "input": state_input or event["input"]}, lambda_context)

    return run


def count(world, *markers):
    for marker in markers:
        world.imports.count(KEY, marker)


def ending_of(world):
    return world.import_jobs.find(KEY).ending


@pytest.mark.usefixtures("job")
def test_a_job_whose_rows_are_all_counted_is_completed(finalize, world):
    count(world, Marker(2, 3, Counts(created=2)), Marker(4, 5, Counts(updated=1, unchanged=1)))

    assert finalize() == {"result": "COMPLETED"}
    assert ending_of(world) == Ending(JobStatus.COMPLETED, Counts(2, 1, 1, 0))
    count(world, Marker(6, 6, Counts(created=1)))  # it was not sealed


@pytest.mark.usefixtures("job")
def test_rows_without_a_marker_have_failed_with_their_batch(finalize, world):
    count(world, Marker(2, 3, Counts(created=2)))

    assert finalize() == {"result": "FAILED"}
    assert ending_of(world) == Ending(JobStatus.FAILED, Counts(created=2, failed=2))
    report = csv.reader(world.import_bucket.reports[KEY].decode("utf-8-sig").splitlines())
    assert [line[6:8] for line in report][1:] == [
        ["4", "batch_failed"],
        ["5", "batch_failed"],
    ]


@pytest.mark.usefixtures("job")
def test_a_batch_that_comes_to_its_end_afterwards_changes_nothing(finalize, world):
    finalize()

    with pytest.raises(SupersededError):
        count(world, Marker(2, 5, Counts(created=4)))
    assert world.imports.counts(KEY) == Counts()


@pytest.mark.usefixtures("job")
def test_what_a_catch_caught_is_the_jobs_problem_and_a_fault(finalize, world):
    assert finalize(FAILED) == {"result": "FAULT"}

    problem = Problem("unreadable", f"the rows could not be read: {FAILED['Cause']}")
    assert ending_of(world) == Ending(JobStatus.FAILED, Counts(failed=4), problem=problem)


@pytest.mark.usefixtures("job")
def test_a_failure_that_kept_no_row_from_being_counted_is_none(finalize, world):
    count(world, Marker(2, 5, Counts(created=4)))

    assert finalize({"Error": "States.ResultWriterFailed", "Cause": "busy"}) == {
        "result": "COMPLETED"
    }
    assert ending_of(world).problem is None


@pytest.mark.usefixtures("job")
def test_more_rows_than_the_file_has_fail_the_job(finalize, world):
    """The Map's reader would have read something else than the loader."""
    count(world, Marker(2, 6, Counts(created=5)))

    assert finalize() == {"result": "FAULT"}
    problem = Problem("miscounted", "5 rows were gone through, and the file has 4")
    assert ending_of(world) == Ending(JobStatus.FAILED, Counts(created=5), problem=problem)


def test_a_loader_that_failed_is_named_without_its_stack(finalize, job_of, world):
    job_of(HEADER)
    cause = {"errorMessage": "no such bucket\nsecond line", "stackTrace": ["File app.py"]}

    assert finalize({"Error": "ClientError", "Cause": json.dumps(cause)}) == {"result": "FAULT"}
    assert ending_of(world).problem == Problem("failed", "ClientError: no such bucket")


def test_a_refused_file_fails_its_job_with_the_loaders_reason(finalize, job_of, world):
    job_of(HEADER)
    world.import_jobs.change(KEY, import_job.Refuse(Problem("encoding", "row 2: no UTF-8")))

    assert finalize({"result": "none"}) == {"result": "FAILED"}
    assert ending_of(world).problem == Problem("encoding", "row 2: no UTF-8")


@pytest.mark.usefixtures("job")
def test_a_cancelled_jobs_rows_that_were_not_begun_are_cancelled(finalize, world):
    world.import_jobs.change(KEY, import_job.Cancel())
    count(world, Marker(2, 3, Counts(created=2)))

    assert finalize() == {"result": "CANCELLED"}
    assert ending_of(world) == Ending(JobStatus.CANCELLED, Counts(created=2), cancelled=2)


@pytest.mark.usefixtures("job")
def test_a_cancelled_job_has_no_fault(finalize, world):
    world.import_jobs.change(KEY, import_job.Cancel())

    assert finalize(FAILED) == {"result": "CANCELLED"}


@pytest.mark.usefixtures("job")
def test_a_job_ends_once_and_tells_every_other_caller_how(finalize, world):
    count(world, Marker(2, 5, Counts(created=4)))
    finalize()

    assert finalize(FAILED) == {"result": "COMPLETED"}


@pytest.mark.usefixtures("job")
def test_markers_and_counters_that_disagree_are_looked_at_again(finalize, world):
    count(world, Marker(2, 5, Counts(created=4)))
    world.seed_counts(KEY, created=3)

    with pytest.raises(TransientError, match="disagree"):
        finalize()


def test_a_job_that_nobody_made_is_nothing_to_end(finalize, world):  # noqa: ARG001 - the fakes
    with pytest.raises(SupersededError):
        finalize()
