"""What the import table's stream has of an archive's job: its start, its files, its end."""

import pytest
from functions.stream.on_import_changed.app import lambda_handler
from tests.unit.consumers import ALL_DONE, NOTHING, ONE_OF_400_FAILED

from sfn_cqrs.kernel.keys import ZipRef
from sfn_cqrs.kernel.tables.dynamodb import unmarshal

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:sfn-cqrs-zip-orchestrator"
JOB = {
    "id": "z-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    "table": "sfn-cqrs-ImportTmpTable",
    "pk": "ZIP_IMPORT#tenant1",
    "sk": "JOB#01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    "tenantCode": "tenant1",
}


@pytest.fixture
def deliver(sample):
    """Return a way to deliver some of the sample's records: created, listed, ended."""
    records = sample("stream/on_import_changed_zip")["Records"]

    def run(*numbers, **changes):
        chosen = [records[number] for number in numbers]
        for record in chosen:
            record["dynamodb"]["NewImage"] |= changes
        return lambda_handler({"Records": chosen}, None)

    return run


def test_a_job_that_was_created_is_started_once(world, deliver, sample):
    ref = ZipRef.from_input(sample("zip_orchestrator/start_execution"))

    assert deliver(0) == deliver(0) == ALL_DONE
    assert world.zip_executions.started == [ref]
    assert world.events.messages == []


def test_the_world_is_told_how_many_files_there_are(world, deliver):
    assert deliver(1) == ALL_DONE

    content = {"status": "PROCESSING", "table": "airports", "files": 3, "total": 0, **NOTHING}
    assert world.events.messages == [{"action": "import-status", **JOB, "content": content}]


@pytest.mark.parametrize("changes", [{"files": {"N": "0"}}, {"is_cancelled": {"BOOL": True}}])
def test_there_is_nothing_to_tell_of_a_job_without_files_or_that_is_cancelled(
    world, deliver, changes
):
    deliver(1, **changes)

    assert world.events.messages == []


def test_the_world_is_told_of_the_end_and_alarmed_of_what_failed(world, deliver):
    assert deliver(2) == ALL_DONE

    (notice,) = world.events.messages
    ended = {"status": "FAILED", "table": "airports", "files": 3}
    assert notice["content"] == {**ended, **ONE_OF_400_FAILED}
    assert [(alarm["action"], alarm["content"]) for alarm in world.failures.messages] == [
        (
            "sfn-alarm",
            {
                "errorMessage": f"files or rows have failed; look at the files of {JOB['id']}",
                "sfnId": f"{EXECUTION}:z-55o3nj34wzdfx5j7g5tinbgx7b-a1",
            },
        ),
        (
            "sfn-alarm",
            {
                "errorMessage": "the hook tell failed: ValueError: no such channel",
                "sfnId": f"{EXECUTION}:z-55o3nj34wzdfx5j7g5tinbgx7b-a1",
            },
        ),
    ]


def test_an_archive_that_could_not_be_read_is_named_in_the_alarm(world, deliver, sample):
    record = sample("stream/on_import_changed_zip")["Records"][2]
    ending = record["dynamodb"]["NewImage"]["ending"]
    ending["M"]["problem"] = {"L": [{"S": "not_a_zip"}, {"S": "the file is not a ZIP archive"}]}

    deliver(2, ending=ending, hooks={"M": {}})

    (alarm,) = world.failures.messages
    assert alarm["content"]["errorMessage"] == "not_a_zip: the file is not a ZIP archive"
    assert world.events.messages[0]["content"]["error"] == "not_a_zip"


def test_what_went_well_is_no_alarm(world, deliver):
    completed = {"M": {**_ending(), "status": {"S": "COMPLETED"}}}

    deliver(2, status={"S": "COMPLETED"}, ending=completed, hooks={"M": {}})

    assert world.failures.messages == []
    assert world.events.messages[0]["content"]["status"] == "COMPLETED"


def _ending():
    zero = {"N": "0"}
    names = ("created", "updated", "unchanged", "failed", "cancelled")
    return dict.fromkeys(names, zero)


def test_what_is_no_job_goes_to_the_dead_letters(world, deliver):
    assert deliver(0, attempt={"S": "first"}, publish_mode={"S": "odd"}) == ALL_DONE

    ((keys, reason),) = world.dead_letters.letters
    assert unmarshal(keys)["pk"] == JOB["pk"]
    assert reason.startswith("no import: ValueError")
    assert world.zip_executions.started == []
