from dataclasses import replace
from io import BytesIO

import pytest

from sfn_cqrs.adapters.import_jobs import open_shard
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.errors import InvalidFileError
from sfn_cqrs.domain.import_job import (
    NO_SOURCE,
    Ending,
    Job,
    JobStatus,
    Loaded,
    Parent,
    ProcessingMode,
    Reader,
    Source,
)
from sfn_cqrs.domain.imports import Counts, PublishMode
from sfn_cqrs.domain.keys import ImportKey, ImportKind

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


@pytest.mark.parametrize(
    "job",
    [
        replace(
            JOB,
            key=replace(KEY, kind=ImportKind.ROW),
            source=NO_SOURCE,
            cells={"icao": "RJAA", "name": ""},
            loaded=replace(LOADED, rows=1, reader=Reader.NONE, source=NO_SOURCE),
        ),
        replace(JOB, retries=("c-2", "c-1"), since=NOON),
        replace(JOB, parent=Parent("z-1", 7, "token", 2)),
        replace(JOB, mode=ProcessingMode.DIRECT, status=JobStatus.PROCESSING, started_at=NOON),
    ],
)
def test_each_kind_of_job_comes_back_as_it_was_created(job, jobs):
    jobs.create(job)

    assert jobs.find(job.key) == job


def test_a_refusal_is_kept(jobs):
    jobs.create(JOB)
    problem = Problem("encoding", "row 3: no UTF-8")

    assert jobs.refuse(KEY, problem) == jobs.find(KEY) == replace(JOB, refusal=problem)


def test_progress_only_moves_on(jobs):
    jobs.create(JOB)
    assert jobs.advance(KEY, 1) is None  # the file is not read yet
    jobs.loaded(KEY, LOADED)

    assert jobs.advance(KEY, 3).step == 3
    assert jobs.advance(KEY, 3) is None
    assert jobs.advance(KEY, 2) is None
    assert jobs.loaded(KEY, LOADED).step == 3
    jobs.end(KEY, ENDING)
    assert jobs.advance(KEY, 4) is None


def test_a_job_that_is_handed_over_waits_for_its_machine(jobs):
    jobs.create(replace(JOB, mode=ProcessingMode.DIRECT, status=JobStatus.PROCESSING))

    assert jobs.hand_over(KEY) == jobs.find(KEY) == JOB
    jobs.end(KEY, ENDING)
    assert jobs.hand_over(KEY) is None


def test_a_job_is_retried_by_the_first_that_is_noted(jobs):
    jobs.create(JOB)
    with pytest.raises(KeyError):
        jobs.retried_by(KEY, "c-1")
    jobs.end(KEY, ENDING)

    assert [jobs.retried_by(KEY, id_) for id_ in ("c-1", "c-2")] == ["c-1", "c-1"]
    assert jobs.find(KEY).retried_by == "c-1"


def test_a_job_that_is_done_is_not_retried(jobs):
    jobs.create(JOB)
    jobs.end(KEY, Ending(JobStatus.COMPLETED))

    with pytest.raises(KeyError):
        jobs.retried_by(KEY, "c-1")


def test_a_later_wait_takes_an_earlier_ones_place_and_not_the_other_way(jobs):
    first, second = Parent("z-1", 0, "one"), Parent("z-1", 0, "two", 1)
    assert jobs.wait(KEY, first) is None
    jobs.create(replace(JOB, parent=first))

    assert jobs.wait(KEY, second).parent == second
    assert jobs.wait(KEY, first) is None
    assert jobs.wait(KEY, second).parent == second
    assert jobs.find(KEY).parent == second


def test_a_job_that_nobody_waits_for_is_not_waited_for(jobs):
    jobs.create(JOB)

    assert jobs.wait(KEY, Parent("z-1", 0, "one")) is None


def test_a_job_stays_listed_until_who_waits_for_it_is_answered(jobs):
    parent = Parent("z-1", 0, "one")
    jobs.create(replace(JOB, parent=parent))
    jobs.end(KEY, ENDING, is_awaited=True)
    later = "2026-11-25T13:00:00.000Z"
    assert [job.key for job in jobs.opened(open_shard(KEY), None, later, 9)[0]] == [KEY]

    assert jobs.answered(KEY, "another") is None
    assert jobs.answered(KEY, "one").parent == replace(parent, token=None)
    assert jobs.answered(KEY, "one") is None
    assert jobs.opened(open_shard(KEY), None, later, 9)[0] == []


def test_who_waits_for_a_job_that_has_ended_is_listed_again(jobs):
    jobs.create(replace(JOB, parent=Parent("z-1", 0, "one")))
    jobs.end(KEY, ENDING)
    jobs.wait(KEY, Parent("z-1", 0, "two", 1))

    found, _ = jobs.opened(open_shard(KEY), None, "2026-11-25T13:00:00.000Z", 9)
    assert [job.parent.token for job in found] == ["two"]


def test_the_oldest_open_jobs_are_listed_from_a_cursor_on(jobs):
    """Of one shard; what was opened lately, or has ended, is left out."""
    keys = [ImportKey("tenant1", f"01JDHZ00000000000000000{n:03d}") for n in range(40)]
    mine = [key for key in keys if open_shard(key) == 0]
    for number, key in enumerate(mine):
        jobs.create(replace(JOB, key=key, by=Audit(f"2026-11-25T11:00:{number:02d}.000Z")))
    jobs.end(mine[0], ENDING)

    first, cursor = jobs.opened(0, None, f"2026-11-25T11:00:{len(mine) - 1:02d}.000Z", 3)
    second, _ = jobs.opened(0, cursor, f"2026-11-25T11:00:{len(mine) - 1:02d}.000Z", 99)

    assert [job.key for job in (*first, *second)] == mine[1:-1]
    jobs.keep_cursors({"0": cursor})
    assert jobs.cursors() == {"0": cursor}


def test_rows_and_files_are_listed_apart(jobs):
    row = replace(JOB, key=replace(KEY, kind=ImportKind.ROW))
    jobs.create(JOB)
    jobs.create(row)

    assert jobs.page("tenant1", 10, None, ImportKind.ROW).items == [row]
    assert jobs.page("tenant1", 10, None).items == [JOB]


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


def test_rows_are_read_a_line_at_a_time(world):
    source = world.import_bucket.put_rows(KEY, iter(["one", "two"]))

    assert list(world.import_bucket.lines(source)) == [b"one", b"two"]


def test_a_file_that_was_deleted_is_told_of(world):
    for read in (world.import_bucket.chunks, world.import_bucket.lines):
        with pytest.raises(InvalidFileError, match="was deleted"):
            read(world.import_bucket.source("uploads/tenant1/1/gone.csv", "1"))


def test_a_report_comes_back(world):
    assert world.import_bucket.report(KEY) is None
    world.import_bucket.put_report(KEY, BytesIO(b"icao,row,code,reason\r\n"))

    assert b"".join(world.import_bucket.report(KEY)) == b"icao,row,code,reason\r\n"
