import pytest
from functions.zip_orchestrator.trigger_single_csv_and_wait.app import lambda_handler
from tests.support.import_states import extract_file, list_zip
from tests.unit.zip_orchestrator.zip_corpus import CSV, zipped

from sfn_cqrs.kernel.errors import InvalidInputError, SupersededError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.import_csv.results import Counts, PublishMode
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus

THREE = zipped(*[(f"{name}.csv", CSV) for name in "abc"])
FIRST = "AAAA-sample-task-token-that-opens-nothing"


@pytest.fixture
def listed(world, upload):
    """Return a way to list an archive of three files, and to extract the second."""

    def run(*, extracted=True, **fields):
        job = upload(THREE, **fields)
        list_zip(job.ref)
        if extracted:
            extract_file(job.key, 1, 300_000)
        return world.zip_jobs

    return run


@pytest.fixture
def trigger(sample, lambda_context):
    def run(given=None, *, token=FIRST, tries=0, attempt=1):
        event = sample("zip_orchestrator/trigger_single_csv_and_wait")
        event["taskToken"] = token
        event["context"]["State"]["RetryCount"] = tries
        event["context"]["Execution"]["Input"]["attempt"] = attempt
        if given is not None:
            event["input"] = given
        return lambda_handler(event, lambda_context)

    return run


def answered(world):
    """What the waits were answered, by their tokens."""
    sent = [*world.zip_executions.succeeded, *world.import_executions.succeeded]
    return {token: output["Payload"] for token, output in sent}


def test_the_import_of_the_file_is_created_with_the_token_and_nothing_is_answered(
    world, key, listed, trigger
):
    zips = listed(encoding="cp932", delimiter=";", dry_run=True, publish_mode=PublishMode.ASYNC)

    assert trigger() is None

    file, child = zips.file(key, 1), world.import_jobs.find(key.child(1))
    assert (file.status, file.begun) == (FileStatus.PROCESSING, True)
    assert (child.status, child.table, child.source) == (
        JobStatus.CREATED,
        "airports",
        file.source,
    )
    assert (child.encoding, child.delimiter, child.dry_run, child.publish_mode) == (
        "cp932",
        ";",
        True,
        PublishMode.ASYNC,
    )
    assert (child.parent.id, child.parent.index, child.parent.token) == (key.id, 1, FIRST)
    assert child.by.by == "taro"
    assert answered(world) == {}


def test_a_later_try_brings_a_new_token_and_no_second_import(world, key, listed, trigger):
    listed()
    trigger()
    world.import_jobs.change(key.child(1), import_job.Begin())

    trigger(token="second", tries=1)

    assert [job.parent.token for job in world.all_of(IMPORTS)] == ["second"]
    assert world.import_jobs.find(key.child(1)).status is JobStatus.PROCESSING


def test_an_earlier_try_that_comes_late_does_not_take_the_token_s_place(
    world, key, listed, trigger
):
    listed()
    trigger(token="second", tries=1)

    with pytest.raises(SupersededError):
        trigger(token="late", tries=0)

    assert world.import_jobs.find(key.child(1)).parent.token == "second"


def test_an_import_that_has_ended_already_is_answered_at_once(world, key, listed, trigger):
    listed()
    trigger(token="lost")
    world.import_jobs.change(
        key.child(1), import_job.End(Ending(JobStatus.FAILED, Counts(failed=2)))
    )

    trigger(token="new", tries=1)

    answer = answered(world)["new"]
    assert (answer["id"], answer["status"], answer["failed"]) == (key.child(1).id, "FAILED", 2)
    assert world.import_jobs.find(key.child(1)).parent.token is None


@pytest.mark.parametrize("given", [None, {"index": 1, "ok": False}])
def test_a_file_that_was_not_extracted_is_answered_and_not_imported(
    world, key, listed, trigger, given
):
    listed(extracted=False)

    trigger(given)

    assert answered(world) == {FIRST: {"index": 1, "status": "NOT_BEGUN"}}
    assert world.import_jobs.find(key.child(1)) is None


def test_the_error_of_a_file_that_could_not_be_extracted_is_handed_on(world, listed, trigger):
    listed(extracted=False)

    trigger({"index": 1, "error": "Runtime.OutOfMemory"})

    assert answered(world) == {
        FIRST: {"index": 1, "status": "NOT_BEGUN", "error": "Runtime.OutOfMemory"}
    }


def test_nothing_is_begun_of_a_cancelled_job(world, key, listed, trigger):
    zips = listed()
    zips.change(key, import_job.Cancel())

    trigger()

    assert answered(world)[FIRST]["status"] == "NOT_BEGUN"
    assert zips.file(key, 1).status is FileStatus.EXTRACTED


def test_a_job_that_is_cancelled_while_its_file_is_begun_has_that_cancelled(
    world, key, listed, trigger, monkeypatch
):
    zips = listed()
    create = world.import_jobs.create

    def create_late(job):
        zips.change(key, import_job.Cancel())
        return create(job)

    monkeypatch.setattr(world.import_jobs, "create", create_late)

    trigger()

    assert world.import_jobs.find(key.child(1)).is_cancelled


def test_an_attempt_that_does_not_own_the_job_begins_nothing(world, key, listed, trigger):
    zips = listed()
    zips.change(key, zip_job.Restart(1))

    trigger()

    assert answered(world)[FIRST]["status"] == "NOT_BEGUN"
    assert world.import_jobs.find(key.child(1)) is None


def test_a_job_that_does_not_exist_is_superseded(world, trigger):
    with pytest.raises(SupersededError, match="does not exist"):
        trigger()
    assert answered(world) == {}


def test_a_state_that_waits_for_no_token_is_told_so(listed, trigger):
    listed()

    with pytest.raises(InvalidInputError, match="taskToken"):
        trigger({"index": 0, "ok": True}, token=None)


def test_the_token_is_not_logged(log, listed, trigger):
    listed()
    trigger()

    assert "state finished" in log.getvalue()
    assert FIRST not in log.getvalue()
