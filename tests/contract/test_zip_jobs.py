from dataclasses import replace

import pytest

from sfn_cqrs.kernel.keys import ZipKey
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus, Source
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.job import End, FileStatus, Settle
from sfn_cqrs_tools.testing.builders import ARCHIVE, a_file, a_job, a_zip

NOON, LATER = "2026-11-25T12:00:00.000Z", "2026-11-25T13:00:00.000Z"
FILE = a_file(0)
SKIPPED = a_file(1, name="x/", status=FileStatus.SKIPPED, problem=Problem("folder", "one"))
EXTRACTED = Source("imports", "jobs/tenant1/z/files/0000.csv", "v2")
ENDING = Ending(JobStatus.FAILED, Counts(1, 2, 3, 4), 5, Problem("failed", "why"))


@pytest.fixture
def zips(world):
    world.seed_zips(a_zip(status=JobStatus.PROCESSING))
    return world.zip_jobs


@pytest.fixture
def listed(zips):
    zips.put_files(ARCHIVE, [FILE, SKIPPED])
    return zips


def test_a_job_leaves_the_index_of_open_ones_when_it_is_settled(zips):
    open_ = [open_keys(zips)]
    for write in (End(1, ENDING), Settle({})):
        zips.change(ARCHIVE, write)
        open_.append(open_keys(zips))

    assert open_ == [[ARCHIVE], [ARCHIVE], []]


def test_csv_jobs_are_in_other_shards_of_the_index(zips, world):
    world.import_jobs.create(a_job(ARCHIVE.child(7)))

    assert open_keys(zips) == [ARCHIVE]


def test_what_is_open_since_a_moment_ago_is_not_looked_at(zips):
    assert open_keys(zips, before=a_zip().opened_at) == []


def open_keys(zips, before=LATER):
    return [job.key for shard in range(2) for job in zips.opened(shard, None, before, 10)[0]]


def test_files_come_back_in_their_order_and_are_put_once(listed):
    listed.put_files(ARCHIVE, [replace(FILE, name="other.csv"), SKIPPED])

    assert listed.files(ARCHIVE) == [FILE, SKIPPED]
    assert listed.file(ARCHIVE, 0) == FILE
    assert listed.file(ARCHIVE, 7) is None


def test_many_files_are_put_in_groups_and_a_missing_group_is_added(zips):
    files = [a_file(n) for n in range(205)]
    zips.put_files(ARCHIVE, files[:100])
    zips.put_files(ARCHIVE, files)

    assert [file.index for file in zips.files(ARCHIVE)] == list(range(205))


def test_a_file_is_extracted_once(listed):
    extracted = listed.extracted(ARCHIVE, 0, EXTRACTED)

    assert (extracted.status, extracted.source) == (FileStatus.EXTRACTED, EXTRACTED)
    assert listed.extracted(ARCHIVE, 0, replace(EXTRACTED, version_id="v3")) is None
    assert listed.refused(ARCHIVE, 0, Problem("damaged", "x")) is None
    assert listed.file(ARCHIVE, 0) == extracted


def test_more_files_end_than_one_transaction_takes(zips):
    files = [a_file(n) for n in range(205)]
    zips.put_files(ARCHIVE, files)

    zips.end_files(ARCHIVE, 1, [file.ended(Ending(JobStatus.COMPLETED)) for file in files])

    assert {file.status for file in zips.files(ARCHIVE)} == {FileStatus.COMPLETED}


def test_a_hook_is_recorded_once(zips):
    zips.hook_ran(ARCHIVE, "notify", "")
    zips.hook_ran(ARCHIVE, "notify", "ValueError: no")
    zips.hook_ran(ARCHIVE, "clean", "ValueError: no")

    assert zips.hooks(ARCHIVE) == {"notify": "", "clean": "ValueError: no"}


def test_the_imports_of_files_are_found_by_their_indexes(zips, world):
    child = a_job(ARCHIVE.child(7))
    world.import_jobs.create(child)

    assert zips.children(ARCHIVE, [0, 7]) == {7: child}
    assert zips.children(ARCHIVE, []) == {}


def test_the_import_of_a_file_has_one_name_for_ever():
    key = ZipKey("tenant1", "01JDHZ0000000000000000000A")

    assert key.child(0).id == "c-01JDHZ000041YN8Z74RHTQ9DAA"
    assert len({key.child(n).ulid for n in range(1_000)}) == 1_000
    assert {len(key.child(n).ulid) for n in range(1_000)} == {26}
    assert key.child(1) != ZipKey("tenant2", key.ulid).child(1)
