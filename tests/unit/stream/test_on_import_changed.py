import copy

import pytest
from functions.stream.on_import_changed.app import lambda_handler
from tests.unit.consumers import ALL_DONE, NOTHING, ONE_OF_400_FAILED

from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.results import Counts, Marker

JOB = {
    "id": "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    "table": "sfn-cqrs-ImportTmpTable",
    "pk": "CSV_IMPORT#tenant1#04",
    "sk": "JOB#01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    "tenantCode": "tenant1",
}
STARTED = {
    "action": "import-status",
    **JOB,
    "content": {"status": "PROCESSING", "table": "airports", "total": 400, **NOTHING},
}
ENDED = {
    "action": "import-status",
    **JOB,
    "content": {"status": "FAILED", "table": "airports", **ONE_OF_400_FAILED},
}
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:sfn-cqrs-import-csv"
ALARM = {
    "action": "sfn-alarm",
    **JOB,
    "content": {
        "errorMessage": "1 of 400 rows failed; see errors.csv",
        "sfnId": f"{EXECUTION}:i-mj4k2mxsz3drdyxdbrpslpnsou",
    },
}


@pytest.fixture
def records(sample):
    """The sample's records: created, read, counted, ended."""
    return sample("stream/on_import_changed")["Records"]


@pytest.fixture
def seed(world, records):
    """Put the job in its place as one of the records has it."""

    def put(number, **changes):
        job = IMPORTS.record(unmarshal({**records[number]["dynamodb"]["NewImage"], **changes}))
        world.seed_jobs(job)
        return job

    return put


def handle(*records):
    return lambda_handler({"Records": list(records)}, None)


def test_a_new_job_is_started_and_a_second_time_it_is_not(records, world):
    assert handle(records[0], records[0]) == ALL_DONE
    assert handle(records[0]) == ALL_DONE

    assert [key.id for key in world.import_executions.started] == [JOB["id"]]
    assert world.events.messages == []


def test_the_world_is_told_when_the_file_is_read(records, world):
    assert handle(records[1]) == ALL_DONE

    assert world.events.messages == [STARTED]
    assert world.failures.messages == []


def test_a_job_that_begins_is_not_told_of_yet(records, world):
    begun = copy.deepcopy(records[1])
    del begun["dynamodb"]["NewImage"]["step"]

    handle(begun)

    assert world.events.messages == []


def test_the_world_is_told_of_the_end_and_an_alarm_of_a_failure(records, world):
    assert handle(records[3]) == ALL_DONE

    assert world.events.messages == [ENDED]
    assert world.failures.messages == [ALARM]


def test_a_job_that_ends_well_raises_no_alarm(records, world):
    well = copy.deepcopy(records[3])
    well["dynamodb"]["NewImage"]["status"] = {"S": "COMPLETED"}

    handle(well)

    assert world.failures.messages == []


@pytest.mark.parametrize(
    "change", [{"mode": {"S": "DIRECT"}}, {"cells": {"M": {"icao": {"S": "RJAA"}}}}], ids=str
)
def test_the_alarm_of_what_needs_no_execution_names_none(change, records, world):
    ended = copy.deepcopy(records[3])
    ended["dynamodb"]["NewImage"].update(change)

    handle(ended)

    assert world.failures.messages[0]["content"]["sfnId"] is None


@pytest.mark.parametrize(("rows", "step"), [(19, 0), (20, 1), (39, 1), (200, 10), (400, 0)])
def test_each_twentieth_of_the_rows_is_noted_on_the_job(records, seed, world, rows, step):
    """All of them is the end, of which finalize_parent_job tells."""
    job = seed(1)
    world.imports.count(job.key, Marker(2, rows + 1, Counts(created=rows)))
    world.clock.advance(seconds=60)

    assert handle(records[2], records[2]) == ALL_DONE

    assert world.import_jobs.find(job.key).step == step
    assert world.events.messages == []


def test_progress_is_told_with_the_counts(records, seed, world):
    job = seed(1)
    world.imports.count(job.key, Marker(2, 101, Counts(created=99, failed=1)))
    advanced = copy.deepcopy(records[1])
    advanced["dynamodb"]["NewImage"]["step"] = {"N": "5"}

    handle(advanced)

    content = world.events.messages[0]["content"]
    assert (content["created"], content["failed"], content["total"]) == (99, 1, 400)


def test_a_counter_of_a_job_that_has_ended_or_is_gone_moves_nothing(records, seed, world):
    assert handle(records[2]) == ALL_DONE
    job = seed(3)
    world.imports.count(job.key, Marker(2, 401, Counts(created=400)))

    assert handle(records[2]) == ALL_DONE
    assert world.import_jobs.find(job.key).step == 0


def test_a_counter_that_cannot_be_looked_at_comes_again(records, seed, world, monkeypatch):
    seed(1)

    def counts(_key):
        raise ConnectionError("no DynamoDB")

    monkeypatch.setattr(world.imports, "counts", counts)

    number = records[2]["dynamodb"]["SequenceNumber"]
    assert handle(records[2]) == {"batchItemFailures": [{"itemIdentifier": number}]}
