from dataclasses import replace

import pytest

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey, ImportKind
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import Answer, AwaitBy, End, Ending, JobStatus, Parent
from sfn_cqrs_tools.testing.builders import CSV, a_job

NOON, LATER = "2026-11-25T12:00:00.000Z", "2026-11-25T13:00:00.000Z"
FAILED = Ending(JobStatus.FAILED)


@pytest.fixture
def jobs(world):
    return world.import_jobs


def test_a_job_leaves_the_index_when_it_ends(world, jobs):
    jobs.create(a_job())
    listed = [world.stored_job(CSV)[1]]
    jobs.change(CSV, End(FAILED))

    assert [*listed, world.stored_job(CSV)[1]] == [True, False]


def test_a_job_stays_listed_until_who_waits_for_it_is_answered(world, jobs):
    jobs.create(a_job(parent=Parent("z-1", 0, "one")))
    jobs.change(CSV, End(FAILED))
    listed = [world.stored_job(CSV)[1]]
    for write in (Answer("another"), Answer("one"), AwaitBy(Parent("z-1", 0, "two", 1))):
        jobs.change(CSV, write)
        listed.append(world.stored_job(CSV)[1])

    assert listed == [True, True, False, True]


def test_the_oldest_open_jobs_are_listed_from_a_cursor_on(jobs):
    """Of one shard; what was opened lately, or has ended, is left out."""
    keys = [ImportKey("tenant1", f"01JDHZ00000000000000000{n:03d}") for n in range(40)]
    mine = [key for key in keys if IMPORTS.shard(key) == 0]
    for number, key in enumerate(mine):
        jobs.create(a_job(key, by=Audit(f"2026-11-25T11:00:{number:02d}.000Z")))
    jobs.change(mine[0], End(FAILED))

    first, cursor = jobs.opened(0, None, f"2026-11-25T11:00:{len(mine) - 1:02d}.000Z", 3)
    second, _ = jobs.opened(0, cursor, f"2026-11-25T11:00:{len(mine) - 1:02d}.000Z", 99)

    assert [job.key for job in (*first, *second)] == mine[1:-1]


def test_archives_are_listed_in_other_shards(world, jobs):
    jobs.create(a_job())

    assert [world.zip_jobs.opened(shard, None, LATER, 9)[0] for shard in (0, 1)] == [[], []]


def test_rows_and_files_are_listed_apart(jobs):
    row = a_job(replace(CSV, kind=ImportKind.ROW))
    jobs.create(a_job())
    jobs.create(row)

    assert jobs.page(ImportKey("tenant1", "", ImportKind.ROW), 10, None).items == [row]
    assert jobs.page(ImportKey("tenant1", ""), 10, None).items == [a_job()]
