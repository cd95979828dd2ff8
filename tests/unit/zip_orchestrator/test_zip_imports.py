"""Imports of archives from the outside."""

import pytest
from tests.support.import_states import extract_file, list_zip
from tests.unit.zip_orchestrator.zip_corpus import CSV, zipped

from sfn_cqrs.api.imports_schemas import zip_view
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    InvalidFileError,
    InvalidInputError,
    NotFailedError,
    NotFoundError,
    NotOpenError,
)
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.import_csv.results import Counts, Marker, PublishMode
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs.machines.zip_orchestrator.service import ZipImports, ZipRequest

KEY = "uploads/tenant1/1/a.zip"
ALICE = Caller(user="alice", ip="192.0.2.7")


@pytest.fixture
def archives():
    return ZipImports("tenant1")


@pytest.fixture
def started(world, archives):
    """Return a way to start the import of an archive of two files."""

    def start(**request):
        world.import_bucket.put(KEY, zipped(("a.csv", CSV), ("b.csv", CSV)))
        return archives.start(ZipRequest(key=KEY, **{"table": "airports", **request}), ALICE).job

    return start


@pytest.fixture
def begun(started):
    """Both files are extracted, and the import of the first has begun."""
    job = started()
    for index in list_zip(job.ref):
        extract_file(job.key, index, 300_000)
    return job


def test_a_start_pins_the_archive_and_says_how_it_is_imported(world, started):
    job = started(publish_mode=PublishMode.ASYNC, encoding="Shift_JIS", delimiter=";", dry_run=True)

    stored = world.zip_jobs.find(job.key)
    assert stored == job
    assert (job.source.key, job.source.version_id, job.size) == (
        KEY,
        "1",
        len(world.import_bucket.objects[KEY][0]),
    )
    assert (job.publish_mode, job.encoding, job.delimiter, job.dry_run) == (
        PublishMode.ASYNC,
        "cp932",
        ";",
        True,
    )
    assert (job.by.by, job.by.ip, job.by.at) == ("alice", "192.0.2.7", "2026-11-25T12:00:00.000Z")


def test_a_new_job_is_shown_with_every_field(archives, started):
    id_ = started().key.id

    assert zip_view(archives.get(id_)) == {
        "id": id_,
        "kind": "zip",
        "table": "airports",
        "status": "CREATED",
        "publishMode": "SYNC",
        "dryRun": False,
        "total": 0,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "failed": 0,
        "cancelled": 0,
        "createdAt": "2026-11-25T12:00:00.000Z",
        "startedAt": None,
        "finishedAt": None,
        "fileStatuses": {},
        "file": "a.zip",
        "files": [],
    }


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"key": "uploads/tenant2/1/a.zip"}, "key"),  # another tenant's
        ({"key": "jobs/tenant1/x/files/0000.csv"}, "key"),
        ({"key": "uploads/tenant1/1/none.zip"}, "key"),
        ({"key": KEY, "table": "nothing"}, "tableName"),
        ({"key": KEY, "encoding": "klingon"}, "encoding"),
        ({"key": KEY, "delimiter": "x"}, "delimiter"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_nothing_is_stored(world, archives, request_, field):
    world.import_bucket.put(KEY, zipped(("a.csv", CSV)))

    with pytest.raises((InvalidInputError, InvalidFileError)) as refusal:
        archives.start(ZipRequest(**request_), ALICE)

    assert getattr(refusal.value, "field", field) == field
    assert world.all_of(ZIPS) == []


def test_the_counts_of_a_file_are_those_of_its_import_while_it_runs(
    world, archives, begun, sample, lambda_context
):
    from functions.zip_orchestrator.trigger_single_csv_and_wait.app import (  # noqa: PLC0415
        lambda_handler,
    )

    event = sample("zip_orchestrator/trigger_single_csv_and_wait")
    event["context"]["Execution"]["Input"] = begun.ref.as_input()
    lambda_handler({**event, "input": {"index": 0, "ok": True}}, lambda_context)
    child = begun.key.child(0)
    world.imports.count(child, Marker(2, 3, Counts(created=2)))
    world.clock.advance(seconds=10)

    view = zip_view(archives.get(begun.key.id))

    sizes = [file.place.size for file in world.zip_jobs.files(begun.key)]
    assert view["rowsPerSecond"] == 0.2
    assert view["etaSeconds"] == round(10 * sizes[1] / sizes[0], 1)  # its one file is done so far
    assert (view["total"], view["created"], view["status"]) == (2, 2, "PROCESSING")
    assert view["fileStatuses"] == {"extracted": 1, "processing": 1}
    assert [(file["id"], file["created"]) for file in view["files"]] == [(child.id, 2), (None, 0)]

    world.import_jobs.change(
        child, import_job.End(Ending(JobStatus.COMPLETED, Counts(created=2, unchanged=1)))
    )

    view = zip_view(archives.get(begun.key.id))
    assert [(file["status"], file["total"]) for file in view["files"]] == [
        ("COMPLETED", 3),
        ("EXTRACTED", 0),
    ]

    archives.cancel(begun.key.id)
    assert world.zip_jobs.find(begun.key).is_cancelled


def test_cancelling_stops_the_import_at_work(world, archives, begun, sample, lambda_context):
    from functions.zip_orchestrator.trigger_single_csv_and_wait.app import (  # noqa: PLC0415
        lambda_handler,
    )

    event = sample("zip_orchestrator/trigger_single_csv_and_wait")
    event["context"]["Execution"]["Input"] = begun.ref.as_input()
    lambda_handler({**event, "input": {"index": 0, "ok": True}}, lambda_context)

    archives.cancel(begun.key.id)

    assert world.import_jobs.find(begun.key.child(0)).is_cancelled
    assert world.import_jobs.find(begun.key.child(1)) is None


def test_what_has_ended_cannot_be_cancelled(world, archives, begun):
    world.zip_jobs.change(begun.key, zip_job.End(1, Ending(JobStatus.COMPLETED)))

    with pytest.raises(NotOpenError, match="has ended as COMPLETED"):
        archives.cancel(begun.key.id)


def test_a_retry_is_one_job_of_the_same_archive_for_whoever_asks(world, archives, begun):
    world.zip_jobs.change(begun.key, zip_job.End(1, Ending(JobStatus.FAILED)))
    world.clock.advance(hours=1)

    again = archives.retry(begun.key.id, Caller(user="bob")).job

    assert archives.retry(begun.key.id, ALICE).job.key == again.key
    assert (again.source, again.size, again.table) == (begun.source, begun.size, begun.table)
    assert (again.status, again.attempt, again.retries) == (JobStatus.CREATED, 1, (begun.key,))
    assert (again.by.by, again.by.at) == ("bob", "2026-11-25T13:00:00.000Z")
    assert zip_view(archives.get(begun.key.id))["retriedBy"] == again.key.id


def test_a_retry_lists_the_files_that_did_not_go_well(world, archives, begun):
    zips = world.zip_jobs
    good, bad = (zips.file(begun.key, index) for index in (0, 1))
    ends = [good.ended(Ending(JobStatus.COMPLETED)), bad.ended(Ending(JobStatus.CANCELLED))]
    zips.end_files(begun.key, 1, ends)
    zips.change(begun.key, zip_job.End(1, Ending(JobStatus.CANCELLED)))

    again = archives.retry(begun.key.id, ALICE).job

    assert list_zip(again.ref) == [1]
    assert [file.name for file in zips.files(again.key)] == ["b.csv"]


def test_a_retry_of_an_archive_that_was_never_listed_lists_all_of_it(world, archives, started):
    job = started()
    world.zip_jobs.change(job.key, zip_job.End(1, Ending(JobStatus.FAILED)))

    assert list_zip(archives.retry(job.key.id, ALICE).job.ref) == [0, 1]


@pytest.mark.parametrize("status", [None, JobStatus.COMPLETED])
def test_only_what_did_not_go_well_is_retried(world, archives, begun, status):
    if status is not None:
        world.zip_jobs.change(begun.key, zip_job.End(1, Ending(status)))

    with pytest.raises(NotFailedError, match="not FAILED or CANCELLED"):
        archives.retry(begun.key.id, ALICE)


def test_the_service_of_all_imports_knows_archives_by_their_ids(world, begun):
    service = ImportService("tenant1")
    id_ = begun.key.id

    assert service.get(id_).job == world.zip_jobs.find(begun.key)
    assert [each.job.key for each in service.list_zips().items] == [begun.key]
    assert service.cancel(id_).job.is_cancelled
    world.zip_jobs.change(begun.key, zip_job.End(1, Ending(JobStatus.CANCELLED)))
    again = service.retry(id_)
    assert again.job.retries == (begun.key,)
    world.import_bucket.put(KEY, zipped(("a.csv", CSV)))
    assert service.start_zip(ZipRequest(key=KEY)).job.status is JobStatus.CREATED
    with pytest.raises(NotFoundError):
        service.errors(id_)


@pytest.mark.parametrize("id_", ["z-01KAXK3V9Q0M3W8C5R6T7Y8Z9B", "c-x", "", "z-../../etc"])
def test_a_job_that_does_not_exist_is_not_found(world, archives, id_):  # noqa: ARG001
    for method in (archives.get, archives.cancel):
        with pytest.raises(NotFoundError):
            method(id_)


def test_a_version_of_an_archive_is_imported_once(world, archives):
    world.import_bucket.put(KEY, zipped(("a.csv", CSV)))
    request = ZipRequest(key=KEY, table="airports")

    first = archives.start_version(request, "1", ALICE)
    world.clock.advance(hours=1)
    again = archives.start_version(request, None, ALICE)
    world.import_bucket.put(KEY, zipped(("b.csv", CSV)))

    assert first == again != archives.start_version(request, None, ALICE)
    assert len(world.all_of(ZIPS)) == 2
