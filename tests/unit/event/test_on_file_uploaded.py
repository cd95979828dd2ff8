import json

import pytest
from functions.event.on_file_uploaded.app import lambda_handler

from sfn_cqrs.kernel.errors import InvalidInputError, UnknownTableError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import JobStatus, Source
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS

KEY = "uploads/tenant1/auto/airports/2026/airports.csv"


@pytest.fixture
def event(sample):
    """Return a maker of events of a version of an object."""

    def make(key=KEY, version="1", **changes):
        event = sample("event/on_file_uploaded")
        event["detail"]["object"] |= {"key": key, "version-id": version}
        if version is None:
            del event["detail"]["object"]["version-id"]
        return {**event, **changes}

    return make


@pytest.fixture
def uploaded(world):
    world.import_bucket.put(KEY, b"icao,name\n")


def jobs():
    return [each.job for each in ImportService("tenant1").list().items]


@pytest.mark.usefixtures("uploaded")
def test_a_file_in_the_place_of_a_table_is_imported_into_it(event):
    answer = lambda_handler(event(), None)

    (job,) = jobs()
    assert answer == {"id": job.key.id}
    assert (job.table, job.status) == ("airports", JobStatus.CREATED)
    assert job.source == Source("imports", KEY, "1")
    assert (job.by.by, job.by.ip) == ("s3", "192.0.2.10")


@pytest.mark.usefixtures("uploaded")
def test_an_event_that_comes_twice_under_another_id_starts_one_import(event, world):
    first = lambda_handler(event(), None)
    world.clock.advance(hours=1)
    again = lambda_handler(event(id="another", time="2026-11-25T13:00:00Z"), None)

    assert first == again
    assert len(jobs()) == 1


@pytest.mark.usefixtures("uploaded")
def test_an_event_that_comes_after_the_import_has_ended_changes_nothing(event, world):
    id_ = lambda_handler(event(), None)["id"]
    world.import_jobs.change(jobs()[0].key, import_job.Cancel())
    cancelled = jobs()

    assert lambda_handler(event(), None) == {"id": id_}
    assert jobs() == cancelled


@pytest.mark.usefixtures("uploaded")
def test_each_version_of_a_file_is_an_import_of_its_own(event, world):
    world.clock.advance(seconds=1)
    world.import_bucket.put(KEY, b"icao,name\n")

    answers = [lambda_handler(event(version=version), None)["id"] for version in ("2", "1", "2")]

    assert answers[0] == answers[2] != answers[1]
    assert [job.source.version_id for job in jobs()] == ["2", "1"]


@pytest.mark.usefixtures("uploaded")
def test_an_event_without_a_version_means_the_current_one(event):
    assert lambda_handler(event(version=None), None) == lambda_handler(event(), None)
    assert len(jobs()) == 1


def test_an_archive_is_imported_as_one(event, world):
    key = KEY.replace(".csv", ".ZIP")
    world.import_bucket.put(key, b"PK")

    first, again = (lambda_handler(event(key), None)["id"] for _ in range(2))

    (job,) = world.all_of(ZIPS)
    assert (first, again) == (job.key.id, job.key.id)
    assert (job.table, job.source.version_id, job.by.by) == ("airports", "1", "s3")
    assert jobs() == []


def test_a_file_that_was_deleted_meanwhile_is_passed_by(event, world):
    assert lambda_handler(event(), None) == {"id": None}
    assert world.all_of(IMPORTS) == []


def test_a_table_that_nobody_knows_is_an_error_that_names_those_that_are_known(event, world):
    key = KEY.replace("airports", "airprots")
    world.import_bucket.put(key, b"icao,name\n")

    with pytest.raises(UnknownTableError, match="known tables: airports"):
        lambda_handler(event(key), None)


@pytest.mark.parametrize(
    "key",
    [
        "uploads/tenant1/1/a.csv",
        "uploads/tenant1/auto/a.csv",
        "uploads/tenant1/auto/airports/",
        "jobs/tenant1/auto/airports/a.csv",
        "uploads/ten ant/auto/airports/a.csv",
    ],
)
def test_a_place_that_names_no_tenant_and_table_is_an_error(key, event, world):
    world.import_bucket.put(key, b"icao,name\n")

    with pytest.raises(InvalidInputError):
        lambda_handler(event(key), None)


@pytest.mark.usefixtures("uploaded")
def test_nothing_of_the_file_is_logged(event, log):
    lambda_handler(event(), None)

    assert json.loads(log.getvalue())["message"] == "a file was uploaded"
    assert "icao" not in log.getvalue()
