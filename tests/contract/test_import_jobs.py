from dataclasses import replace
from io import BytesIO

import pytest

from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.import_job import Ending, Job, JobStatus, Loaded, Reader, Source
from sfn_cqrs.domain.imports import Counts, PublishMode
from sfn_cqrs.domain.keys import ImportKey

KEY = ImportKey("tenant1", "01JDHZ0000000000000000000A")
SOURCE = Source("imports", "uploads/tenant1/1/a.csv", "v1")
JOB = Job(key=KEY, table="airports", source=SOURCE, by=Audit("2026-11-25T12:00:00.000Z", "taro"))
LOADED = Loaded(3, ("icao", "row"), ("icao", None), Reader.JSONL, replace(SOURCE, key="rows"))
ENDING = Ending(JobStatus.FAILED, Counts(1, 2, 3, 4), 5, Problem("encoding", "row 3: no UTF-8"))
NOON = "2026-11-25T12:00:00.000Z"


@pytest.fixture
def jobs(world):
    return world.import_jobs


@pytest.mark.parametrize(
    "job",
    [
        JOB,
        replace(JOB, encoding="cp932", delimiter="\t", by=Audit(NOON, "taro", "192.0.2.1")),
        replace(JOB, publish_mode=PublishMode.ASYNC, dry_run=True, by=Audit(NOON)),
    ],
)
def test_a_job_comes_back_as_it_was_created(job, jobs):
    assert jobs.create(job) is True
    assert jobs.find(KEY) == job


def test_a_key_is_used_once(jobs):
    jobs.create(JOB)

    assert jobs.create(replace(JOB, table="others")) is False
    assert jobs.find(KEY) == JOB


def test_a_job_that_nobody_created_is_not_there(jobs):
    assert jobs.find(KEY) is None
    assert jobs.begin(KEY) is None
    assert jobs.cancel(KEY) is None
    with pytest.raises(KeyError):
        jobs.end(KEY, ENDING)


def test_a_job_begins_once_however_often_it_is_begun(world, jobs):
    jobs.create(JOB)
    begun = jobs.begin(KEY)
    world.clock.advance(minutes=1)
    again = jobs.begin(KEY)

    assert begun == again == replace(JOB, status=JobStatus.PROCESSING, started_at=NOON)


def test_what_the_loader_found_and_a_cancellation_are_kept(jobs):
    jobs.create(JOB)
    jobs.loaded(KEY, LOADED)
    cancelled = jobs.cancel(KEY)

    assert cancelled == jobs.find(KEY) == replace(JOB, loaded=LOADED, step=0, is_cancelled=True)


@pytest.mark.parametrize(
    "ending",
    [ENDING, Ending(JobStatus.COMPLETED, Counts(7)), Ending(JobStatus.CANCELLED, Counts(), 9)],
)
def test_a_job_ends_once(ending, jobs):
    jobs.create(JOB)
    jobs.begin(KEY)
    ended = jobs.end(KEY, ending)
    late = jobs.end(KEY, Ending(JobStatus.COMPLETED))

    expected = replace(JOB, status=ending.status, ending=ending, started_at=NOON, finished_at=NOON)
    assert ended == late == jobs.find(KEY) == expected


def test_nothing_changes_a_job_that_has_ended(jobs):
    jobs.create(JOB)
    ended = jobs.end(KEY, ENDING)

    assert (jobs.begin(KEY), jobs.loaded(KEY, LOADED), jobs.cancel(KEY)) == (None, None, None)
    assert jobs.find(KEY) == ended


def test_the_jobs_of_a_tenant_are_listed_newest_first(jobs):
    made = [
        replace(JOB, key=ImportKey("tenant1", f"01JDHZ000000000000000000{n:02d}")) for n in range(5)
    ]
    for job in made:
        jobs.create(job)
    jobs.create(replace(JOB, key=ImportKey("tenant2", "01JDHZ00000000000000000099")))

    first = jobs.page("tenant1", 3, None)
    second = jobs.page("tenant1", 3, first.next_cursor)

    assert [job.key.ulid for job in (*first.items, *second.items)] == [
        job.key.ulid for job in reversed(made)
    ]
    assert second.next_cursor is None


def test_a_file_is_read_in_the_version_that_was_pinned(world):
    bucket, key = world.import_bucket, "uploads/tenant1/1/a.csv"
    assert bucket.head(key) is None
    world.upload(key, b"first")
    head = bucket.head(key)
    world.upload(key, b"second, longer")

    assert head.size == 5
    assert b"".join(bucket.chunks(bucket.source(key, head.version_id))) == b"first"


@pytest.mark.parametrize("count", [0, 1, 30_000])
def test_rows_are_written_a_part_at_a_time(count, world):
    line = '{"row":2,"cells":["' + "x" * 500 + '"]}'

    source = world.import_bucket.put_rows(KEY, (line for _ in range(count)))

    assert b"".join(world.import_bucket.chunks(source)) == (line + "\n").encode() * count


def test_a_report_comes_back(world):
    assert world.import_bucket.report(KEY) is None
    world.import_bucket.put_report(KEY, BytesIO(b"icao,row,code,reason\r\n"))

    assert b"".join(world.import_bucket.report(KEY)) == b"icao,row,code,reason\r\n"
