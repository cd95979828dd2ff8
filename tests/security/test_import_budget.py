"""One tenant's imports cannot take it all: so many at a time, of so many bytes and rows."""

import json

import pytest
from tests.support.api import Answer, Api, Person
from tests.support.system import template
from tests.unit.zip_orchestrator.zip_corpus import zipped

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.budget import Limits
from sfn_cqrs.machines.import_csv.items import IMPORT_BUDGETS, IMPORTS
from sfn_cqrs.machines.import_csv.job import Cancel, Ending, Job, JobStatus, Parent
from sfn_cqrs.machines.import_csv.load import load
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.files import list_files
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob
from sfn_cqrs.machines.zip_orchestrator.service import ZipImports, ZipRequest

MALLORY = Person("mallory")
ADA = Person("ada", tenant="tenant2")
HEADER = "icao,name,country,lat,lon,tz\n"
LINE = "RJAA,Narita,JP,35.76,140.39,Asia/Tokyo\n"
PLENTY = 10**9
MACHINE = Caller(user="s3", client=Client(is_machine=True))
MALLORY_CALLS = Caller(user="mallory", client=Client())


def in_bucket(api: Api, who: Person, rows: int = 1, body: bytes | None = None) -> str:
    key = f"uploads/{who.tenant}/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/{len(api.world.import_bucket.objects)}"
    api.world.import_bucket.put(key, body or (HEADER + LINE * rows).encode())
    return key


def start(api: Api, who: Person = MALLORY, rows: int = 1, **more: object) -> Answer:
    body = {"tableName": "airports", "processingMode": "STEP_FUNCTION", **more}
    return api.send(who, "POST", "/imports", {"key": in_bucket(api, who, rows), **body})


def start_zip(api: Api, body: bytes) -> Answer:
    asked = {"key": in_bucket(api, MALLORY, body=body), "kind": "zip", "tableName": "airports"}
    return api.send(MALLORY, "POST", "/imports", asked)


def jobs(api: Api) -> list[Job]:
    return sorted(api.world.all_of(IMPORTS), key=lambda job: job.key.id)


def zips(api: Api) -> list[ZipJob]:
    return api.world.all_of(ZIPS)


def end(api: Api, job: Job | ZipJob, status: JobStatus = JobStatus.COMPLETED) -> None:
    if isinstance(job, Job):
        api.world.import_jobs.change(job.key, import_job.End(Ending(status)))
    else:
        api.world.zip_jobs.change(job.key, zip_job.End(job.attempt, Ending(status)))


def counted(api: Api) -> int:
    return sum(len(budget.jobs) for budget in api.world.all_of(IMPORT_BUDGETS))


@pytest.fixture
def few():
    with Api(import_limits=Limits(2, PLENTY, PLENTY)) as api:
        yield api


def limited(size: int = PLENTY, rows: int = PLENTY) -> Api:
    return Api(import_limits=Limits(20, size, rows))


# --------------------------------------------------------------------------- open imports


def test_a_tenant_with_as_many_open_imports_as_it_may_have_is_told_so(few):
    answers = [start(few) for _ in range(3)]

    assert [answer.status for answer in answers] == [202, 202, 429]
    assert answers[2].code == "too_many_imports"
    assert answers[2].headers["Retry-After"] == "30"
    assert "TenantOpenImports" in answers[2].body["detail"]
    assert len(jobs(few)) == 2


def test_files_and_archives_are_counted_together(few):
    archive = zipped(("a.csv", (HEADER + LINE).encode()))

    assert [start(few).status, start_zip(few, archive).status] == [202, 202]
    assert [start(few).code, start_zip(few, archive).code] == ["too_many_imports"] * 2


def test_another_tenant_is_not_refused(few):
    for _ in range(3):
        start(few)

    assert start(few, ADA).status == 202


@pytest.mark.parametrize("which", ["c-", "z-"])
def test_an_import_that_has_ended_gives_its_place_to_the_next(few, which):
    start(few)
    start_zip(few, zipped(("a.csv", (HEADER + LINE).encode())))
    end(few, jobs(few)[0] if which == "c-" else zips(few)[0])

    assert [start(few).status, start(few).status] == [202, 429]


def test_an_import_that_is_cancelled_keeps_its_place_until_it_has_ended(few):
    start(few), start(few)
    few.world.import_jobs.change(jobs(few)[0].key, Cancel())
    assert start(few).status == 429

    end(few, jobs(few)[0])
    assert start(few).status == 202


def test_small_files_that_are_imported_at_once_leave_no_places_taken(few):
    answers = [start(few, processingMode="DIRECT").status for _ in range(7)]

    assert answers == [200] * 7
    assert counted(few) <= 2


def test_a_place_whose_job_was_never_stored_is_free_after_a_while(few, monkeypatch):
    monkeypatch.setattr(few.world.import_jobs, "create", dies)
    assert [start(few).status for _ in range(2)] == [500, 500]
    monkeypatch.undo()

    assert start(few).status == 429
    few.world.clock.advance(seconds=16 * 60)
    assert start(few).status == 202


def dies(*_args, **_more):
    raise RuntimeError("the function dies here")


def test_the_same_request_takes_one_place_however_often_it_comes(few):
    body = {"tableName": "airports", "processingMode": "STEP_FUNCTION"}
    key = in_bucket(few, MALLORY)
    for _ in range(4):
        answer = few.send(MALLORY, "POST", "/imports", {"key": key, **body}, key="k-1")
        assert answer.status == 202

    assert counted(few) == 1


@pytest.mark.parametrize("kind", ["csv", "zip"])
def test_a_retry_takes_a_place_and_is_asked_for_again_when_there_is_one(few, kind):
    start(few) if kind == "csv" else start_zip(few, zipped(("a.csv", LINE.encode())))
    (failed,) = jobs(few) or zips(few)
    end(few, failed, JobStatus.FAILED)
    start(few), start(few)
    path = f"/imports/{failed.key.id}/retry"

    assert few.send(MALLORY, "POST", path).code == "too_many_imports"
    end(few, next(job for job in jobs(few) if job.status.is_open))
    again = [few.send(MALLORY, "POST", path) for _ in range(3)]
    assert [answer.status for answer in again] == [202] * 3
    assert len({answer.body["id"] for answer in again}) == 1
    assert counted(few) == 2

    for job in [*jobs(few), *zips(few)]:
        end(few, job)
    start(few), start(few)
    assert few.send(MALLORY, "POST", path).body["id"] == again[0].body["id"]


def test_of_two_writers_one_gets_the_last_place(few):
    start(few)
    put = few.world.dynamodb.put_item
    answers = []

    def meanwhile(**item):
        if json.dumps(item["Item"]["kind"]) == '{"S": "budget"}' and not answers:
            answers.append(None)
            answers.append(start(few).status)
        return put(**item)

    few.world.dynamodb.put_item = meanwhile
    answers.append(start(few).status)

    assert answers[1:] == [202, 429]
    assert len(jobs(few)) == 2


def test_code_takes_no_place_and_neither_does_what_is_put_into_the_bucket(few):
    for _ in range(5):
        ImportService("tenant1").start(Request(table="airports", key=in_bucket(few, MALLORY)))
        ZipImports("tenant1").start_version(ZipRequest(key=in_bucket(few, MALLORY)), None, MACHINE)

    assert counted(few) == 0
    assert start(few).status == 202


# ------------------------------------------------------------------------- bytes and rows


def test_the_bytes_of_open_imports_are_bounded():
    size = len(HEADER + LINE * 10)
    with limited(size=2 * size) as api:
        answers = [start(api, rows=10) for _ in range(3)]

        assert [answer.status for answer in answers] == [202, 202, 429]
        assert "TenantOpenBytes" in answers[2].body["detail"]
        end(api, jobs(api)[0])
        assert start(api, rows=10).status == 202


def test_a_file_that_is_larger_than_all_may_be_is_refused_for_good():
    with limited(size=100) as api:
        answer = start(api, rows=10)

        assert (answer.status, answer.code) == (400, "file_too_large")
        assert jobs(api) == []


def test_a_retry_takes_the_bytes_of_its_file():
    size = len(HEADER + LINE * 10)
    with limited(size=size + 200) as api:
        start(api, rows=10)
        (failed,) = jobs(api)
        end(api, failed, JobStatus.FAILED)
        start(api, rows=10)

        assert api.send(MALLORY, "POST", f"/imports/{failed.key.id}/retry").status == 429


def test_an_archive_has_the_bytes_of_its_files_as_they_are_extracted():
    bomb = zipped(("a.csv", (HEADER + LINE * 1_000).encode()))
    with limited(size=10_000) as api:
        assert len(bomb) < 10_000
        assert start_zip(api, bomb).status == 202

        job = list_files(zips(api)[0])

        assert (job.files, job.problem.code) == (0, "too_many_imports")


def test_the_rows_of_open_imports_are_bounded_when_they_are_read():
    with limited(rows=25) as api:
        for _ in range(3):
            start(api, rows=10)
        first, second, third = jobs(api)
        load(first, lambda: 900_000)
        load(second, lambda: 900_000)
        load(second, lambda: 900_000)  # a second try

        with pytest.raises(InvalidFileError, match="25 rows") as refused:
            load(third, lambda: 900_000)
        assert refused.value.problem == "too_many_imports"

        end(api, first)
        assert load(third, lambda: 900_000).rows == 10


def test_the_files_of_an_archive_take_the_rows_of_the_one_at_work():
    text = (HEADER + LINE * 10).encode()
    with limited(rows=15) as api:
        start_zip(api, zipped(("a.csv", text), ("b.csv", text)))
        (archive,) = zips(api)
        for index in (0, 1):
            assert load(child(api, archive, index), lambda: 900_000).rows == 10
        start(api, rows=10)

        with pytest.raises(InvalidFileError):
            load(next(job for job in jobs(api) if job.parent is None), lambda: 900_000)


def child(api: Api, archive: ZipJob, index: int) -> Job:
    key = f"jobs/tenant1/{archive.key.id}/files/{index:04d}.csv"
    api.world.import_bucket.put(key, (HEADER + LINE * 10).encode())
    ImportService("tenant1").start_child(
        archive.key, index, Request(table="airports", key=key), "token", caller=MALLORY_CALLS
    )
    found = api.world.import_jobs.find(archive.key.child(index))
    assert found is not None
    assert found.parent == Parent(archive.key.id, index, "token", 0)
    return found


# ------------------------------------------------------------------------------- template


def test_the_template_says_how_much_and_a_deployment_may_say_otherwise(monkeypatch):
    for name, value in template().environment.items():
        monkeypatch.setenv(name, value)
    bootstrap.reset()

    assert bootstrap.import_limits() == Limits(20, 10 * 1024**3, 10_000_000)
    bootstrap.reset()
