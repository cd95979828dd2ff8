import pytest
from functions.import_csv.csv_loader.app import lambda_handler
from tests.unit.import_csv.conftest import HEADER, KEY, OBJECT, a_line

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv import load as loading
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus, Loaded, Reader, Source

COLUMNS = ("icao", "name", "country", "lat", "lon", "tz")
ROWS = f"jobs/tenant1/{KEY.id}/rows.jsonl"


@pytest.fixture
def load(sample, lambda_context):
    lambda_context.remaining_ms = 900_000
    return lambda: lambda_handler(sample("import_csv/csv_loader"), lambda_context)


def test_a_plain_file_is_left_to_the_native_reader_in_its_version(load, job_of, world):
    job_of(HEADER + a_line("RJAA") + a_line("RJBB"))

    assert load() == {
        "result": "native",
        "id": KEY.id,
        "tenant": "tenant1",
        "source": {"bucket": "imports", "key": OBJECT, "versionId": "1"},
        "results": f"jobs/tenant1/{KEY.id}/results",
        "concurrency": 50,
        "rows": 100,
    }
    job = world.import_jobs.find(KEY)
    assert job.loaded == Loaded(2, COLUMNS, COLUMNS, Reader.NATIVE, Source("imports", OBJECT, "1"))
    assert (job.status, job.step) == (JobStatus.PROCESSING, 0)


def test_any_other_file_is_rewritten_and_read_from_there(load, job_of):
    job_of(HEADER + "\n" + a_line("RJAA"))

    assert load()["source"] == {"bucket": "imports", "key": ROWS, "versionId": "1"}
    assert load()["result"] == "jsonl"


def test_a_second_try_takes_what_the_first_one_has_kept(load, job_of, world):
    job_of(HEADER + "\n" + a_line("RJAA"))
    first = load()
    second = load()

    assert first == second
    assert len(world.import_bucket.objects[ROWS]) == 1


def test_a_file_that_cannot_be_imported_has_no_reader_and_the_job_says_why(load, job_of, world):
    job_of("icao,name,country,lat\n" + a_line("RJAA"))

    assert load() == {"result": "none"}
    job = world.import_jobs.find(KEY)
    assert job.refusal.code == "header_missing"
    assert (job.loaded, job.status) == (None, JobStatus.PROCESSING)


def test_a_file_that_was_deleted_is_told_of(load, job_of, world):
    job_of(HEADER)
    del world.import_bucket.objects[OBJECT]

    assert load() == {"result": "none"}
    problem = Problem("gone", "the file was deleted; upload it again")
    assert world.import_jobs.find(KEY).refusal == problem


def test_a_file_that_takes_too_long_is_refused_before_the_function_dies(
    load, job_of, lambda_context, world
):
    job_of(HEADER + a_line("RJAA"))
    lambda_context.remaining_ms = 29_999

    assert load() == {"result": "none"}
    assert world.import_jobs.find(KEY).refusal.code == "too_slow"


def test_a_file_of_too_many_rows_is_refused(load, job_of, world, monkeypatch):
    monkeypatch.setattr(loading, "MAX_ROWS", 1)
    job_of(HEADER + a_line("RJAA") + a_line("RJBB"))

    assert load() == {"result": "none"}
    assert world.import_jobs.find(KEY).refusal.code == "too_many_rows"


def test_a_cancelled_job_is_not_read(load, job_of, world):
    job_of(HEADER + a_line("RJAA"))
    world.import_jobs.change(KEY, import_job.Cancel())

    assert load() == {"result": "none"}
    assert world.import_jobs.find(KEY).loaded is None


def test_a_job_that_has_ended_is_not_begun_again(load, job_of, world):
    job_of(HEADER)
    world.import_jobs.change(KEY, import_job.End(Ending(JobStatus.CANCELLED)))

    with pytest.raises(SupersededError, match="has ended"):
        load()
