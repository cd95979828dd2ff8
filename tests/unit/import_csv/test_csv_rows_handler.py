from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from functions.import_csv.csv_rows_handler.app import lambda_handler
from tests.unit.import_csv.conftest import HEADER, KEY, key_of

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.batch import Result, RowBatch
from sfn_cqrs.machines.import_csv.job import Loaded, Reader
from sfn_cqrs.machines.import_csv.results import Counts

COLUMNS = ("icao", "name", "country", "lat", "lon", "tz")


@pytest.fixture
def job(job_of, world):
    job = job_of(HEADER)

    def loaded(reader):
        world.import_jobs.change(KEY, import_job.Begin())
        world.import_jobs.change(
            KEY, import_job.Load(Loaded(2, COLUMNS, COLUMNS, reader, job.source))
        )

    return loaded


@pytest.fixture
def handle(sample, lambda_context):
    def run(event="csv_rows_handler", retries=0, began=None):
        payload = sample(f"import_csv/{event}")
        payload["context"]["State"]["RetryCount"] = retries
        if began is not None:
            payload["context"]["Execution"]["StartTime"] = iso(began)
        return lambda_handler(payload, lambda_context)

    return run


def test_rows_as_aws_reads_them_are_applied_and_counted(handle, job, world):
    job(Reader.NATIVE)

    assert handle() == {"result": 2}
    assert world.imports.counts(KEY) == Counts(created=2)
    assert world.data.find(key_of("NRT1")).source_row == 2
    assert world.data.find(key_of("HND1")).source_row == 3


def test_rows_as_the_loader_wrote_them_keep_their_numbers_and_problems(handle, job, world):
    job(Reader.JSONL)

    assert handle("csv_rows_handler_jsonl") == {"result": 2}
    assert world.imports.counts(KEY) == Counts(created=1, failed=1)
    assert world.data.find(key_of("NRT1")).source_row == 3
    assert [one.row.number for one in world.import_bucket.errors(KEY, 3)] == [5]


def test_a_batch_that_comes_twice_is_counted_once(handle, job, world):
    job(Reader.NATIVE)
    handle()

    assert handle() == {"result": 2}
    assert world.imports.counts(KEY) == Counts(created=2)


def test_a_cancelled_job_begins_no_further_batch(handle, job, world):
    job(Reader.NATIVE)
    world.import_jobs.change(KEY, import_job.Cancel())

    assert handle() == {"result": 0}
    assert world.imports.counts(KEY) == Counts()


def test_a_batch_that_comes_after_the_job_was_ended_without_it_is_not_counted(handle, job, world):
    job(Reader.NATIVE)
    world.imports.seal(KEY)

    with pytest.raises(SupersededError):
        handle()
    assert world.imports.counts(KEY) == Counts()


def test_what_passes_by_itself_is_tried_again_by_the_machine(handle, job, world, monkeypatch):
    job(Reader.NATIVE)
    busy = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")

    def plan(*_):
        raise busy

    monkeypatch.setattr(world.imports, "plan", plan)

    with pytest.raises(TransientError, match="ThrottlingException"):
        handle()


@pytest.mark.parametrize(
    ("retries", "seconds", "is_last_try"),
    [(14, 0, False), (15, 0, True), (16, 0, True), (1, 204, False), (1, 205, True)],
)
def test_on_its_last_try_a_batch_no_longer_waits(
    handle, job, monkeypatch, world, retries, seconds, is_last_try
):
    job(Reader.NATIVE)
    seen = []
    monkeypatch.setattr(RowBatch, "run", lambda batch: seen.append(batch) or Result(Counts(), {}))
    handle(retries=retries, began=world.clock() - timedelta(seconds=seconds))

    assert [batch._is_last_try for batch in seen] == [is_last_try]
