from dataclasses import replace

import pytest

from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.errors import SupersededError
from sfn_cqrs.domain.import_job import Ending, Job, JobStatus, Source
from sfn_cqrs.domain.imports import Counts, PublishMode
from sfn_cqrs.domain.keys import ZipKey
from sfn_cqrs.domain.zip_directory import Place
from sfn_cqrs.domain.zip_job import ArchivedFile, FileStatus, ZipJob

NOON, LATER = "2026-11-25T12:00:00.000Z", "2026-11-25T13:00:00.000Z"
KEY = ZipKey("tenant1", "01JDHZ0000000000000000000A")
SOURCE = Source("imports", "uploads/tenant1/1/a.zip", "v1")
JOB = ZipJob(key=KEY, source=SOURCE, size=5 * 2**30, by=Audit(NOON, "taro"), opened_at=NOON)
PLACE = Place(2**33, 99, 8, 11, 2**32, 0xFFFFFFFF)
FILE = ArchivedFile(index=0, name="売上.csv", place=PLACE, table="airports")
SKIPPED = ArchivedFile(
    index=1, name="x/", place=PLACE, status=FileStatus.SKIPPED, problem=Problem("folder", "one")
)
EXTRACTED = Source("imports", "jobs/tenant1/z/files/0000.csv", "v2")
ENDING = Ending(JobStatus.FAILED, Counts(1, 2, 3, 4), 5, Problem("failed", "why"))


@pytest.fixture
def zips(world):
    world.zip_jobs.create(JOB)
    return world.zip_jobs


@pytest.fixture
def begun(zips):
    zips.begin(KEY, 1)
    zips.put_files(KEY, [FILE, SKIPPED])
    zips.listed(KEY, 2)
    return zips


@pytest.mark.parametrize(
    "job",
    [
        JOB,
        replace(JOB, table="airports", encoding="cp932", delimiter="\t", dry_run=True),
        replace(JOB, publish_mode=PublishMode.ASYNC, by=Audit(NOON, "taro", "192.0.2.1")),
        replace(JOB, retries=(replace(KEY, ulid="01JDHZ0000000000000000000Z"),)),
    ],
)
def test_a_job_comes_back_as_it_was_created(job, world):
    assert world.zip_jobs.create(job) is True
    assert world.zip_jobs.find(KEY) == job


def test_a_key_is_used_once(zips):
    assert zips.create(replace(JOB, table="others")) is False
    assert zips.find(KEY) == JOB


def test_jobs_are_listed_newest_first_and_by_tenant(zips):
    later = ZipKey("tenant1", "01JDHZ0000000000000000000B")
    zips.create(replace(JOB, key=later))
    zips.create(replace(JOB, key=ZipKey("tenant2", "01JDHZ0000000000000000000C")))

    first = zips.page("tenant1", 1, None)

    assert [job.key for job in first.items] == [later]
    assert [job.key for job in zips.page("tenant1", 1, first.next_cursor).items] == [KEY]


def test_only_its_attempt_begins_a_job_and_the_first_beginning_stays(zips, world):
    world.clock.advance(seconds=5)
    begun = zips.begin(KEY, 1)
    world.clock.advance(seconds=5)

    assert begun.status is JobStatus.PROCESSING
    assert zips.begin(KEY, 1).started_at == begun.started_at == "2026-11-25T12:00:05.000Z"
    assert zips.begin(KEY, 2) is None


def test_files_come_back_in_their_order_and_are_put_once(begun):
    begun.put_files(KEY, [replace(FILE, name="other.csv"), SKIPPED])

    assert begun.files(KEY) == [FILE, SKIPPED]
    assert begun.file(KEY, 0) == FILE
    assert begun.file(KEY, 7) is None
    assert begun.find(KEY).files == 2


def test_many_files_are_put_in_groups_and_a_missing_group_is_added(zips):
    files = [replace(FILE, index=n) for n in range(205)]
    zips.put_files(KEY, files[:100])
    zips.put_files(KEY, files)

    assert [file.index for file in zips.files(KEY)] == list(range(205))


def test_an_archive_that_cannot_be_read_has_no_files_and_a_reason(zips):
    job = zips.unreadable(KEY, Problem("not_a_zip", "no archive"))

    assert (job.files, job.problem) == (0, Problem("not_a_zip", "no archive"))
    assert zips.find(KEY) == job


def test_a_file_is_extracted_once(begun):
    extracted = begun.extracted(KEY, 0, EXTRACTED)

    assert (extracted.status, extracted.source) == (FileStatus.EXTRACTED, EXTRACTED)
    assert begun.extracted(KEY, 0, SOURCE) is None
    assert begun.refused(KEY, 0, Problem("damaged", "x")) is None
    assert begun.file(KEY, 0) == extracted


def test_a_file_that_is_refused_stays_refused(begun):
    refused = begun.refused(KEY, 0, Problem("damaged", "the sum is wrong"))

    assert (refused.status, refused.problem.code) == (FileStatus.FAILED, "damaged")
    assert begun.extracted(KEY, 0, EXTRACTED) is None
    assert begun.processing(KEY, 0) is None
    assert begun.file(KEY, 0) == refused


def test_only_what_is_extracted_is_processed_and_again(begun):
    assert begun.processing(KEY, 0) is None
    begun.extracted(KEY, 0, EXTRACTED)

    assert begun.processing(KEY, 0).status is FileStatus.PROCESSING
    assert begun.processing(KEY, 0).status is FileStatus.PROCESSING
    assert begun.processing(KEY, 1) is None


def test_files_end_with_what_their_imports_say_and_only_by_the_jobs_attempt(begun):
    ended = FILE.ended(ENDING)
    with pytest.raises(SupersededError):
        begun.end_files(KEY, 2, [ended])
    assert begun.file(KEY, 0) == FILE

    begun.end_files(KEY, 1, [ended])

    assert begun.file(KEY, 0) == ended
    assert (ended.status, ended.total, ended.problem.code) == (FileStatus.FAILED, 15, "failed")


def test_more_files_end_than_one_transaction_takes(zips):
    files = [replace(FILE, index=n) for n in range(205)]
    zips.begin(KEY, 1)
    zips.put_files(KEY, files)

    zips.end_files(KEY, 1, [file.ended(Ending(JobStatus.COMPLETED)) for file in files])

    assert {file.status for file in zips.files(KEY)} == {FileStatus.COMPLETED}


def test_a_job_ends_once_and_by_its_attempt_alone(begun):
    assert begun.end(KEY, 2, ENDING) is None
    ended = begun.end(KEY, 1, ENDING)

    assert (ended.status, ended.ending, ended.finished_at) == (JobStatus.FAILED, ENDING, NOON)
    assert begun.end(KEY, 1, Ending(JobStatus.COMPLETED)) is None
    assert begun.begin(KEY, 1) is None
    assert begun.cancel(KEY) is None
    assert begun.find(KEY) == ended


def test_a_hook_is_recorded_once(begun):
    begun.hook_ran(KEY, "notify", "")
    begun.hook_ran(KEY, "notify", "ValueError: no")
    begun.hook_ran(KEY, "clean", "ValueError: no")

    assert begun.hooks(KEY) == {"notify": "", "clean": "ValueError: no"}


def test_a_job_leaves_the_index_of_open_ones_once_it_has_ended(begun):
    assert begun.leave(KEY, {}) is None
    begun.end(KEY, 1, ENDING)
    assert open_keys(begun) == [KEY]

    assert begun.leave(KEY, {"notify": "ValueError: no"}).hooks == {"notify": "ValueError: no"}

    assert begun.leave(KEY, {}) is None
    assert open_keys(begun) == []


def test_the_next_attempt_is_opened_by_one(begun, world):
    world.clock.advance(hours=1)

    job = begun.go_on(KEY, 1)

    assert (job.attempt, job.opened_at) == (2, LATER)
    assert begun.go_on(KEY, 1) is None
    assert begun.begin(KEY, 1) is None
    assert begun.begin(KEY, 2).attempt == 2


def test_a_job_that_has_left_the_index_has_no_next_attempt(begun):
    begun.end(KEY, 1, ENDING)
    begun.leave(KEY, {})

    assert begun.go_on(KEY, 1) is None


def test_a_job_is_retried_by_one_other_and_only_if_it_did_not_go_well(begun):
    assert begun.retried_by(KEY, "z-first") is None
    begun.end(KEY, 1, ENDING)

    assert begun.retried_by(KEY, "z-first") == "z-first"
    assert begun.retried_by(KEY, "z-second") == "z-first"
    assert begun.find(KEY).retried_by == "z-first"


def test_a_job_that_went_well_is_not_retried(begun):
    begun.end(KEY, 1, Ending(JobStatus.COMPLETED))

    assert begun.retried_by(KEY, "z-first") is None


def test_a_cancelled_job_is_open_and_says_so(begun):
    assert begun.cancel(KEY).is_cancelled is True
    assert begun.find(KEY).status is JobStatus.PROCESSING


def test_the_imports_of_files_are_found_by_their_indexes(begun, world):
    child = Job(key=KEY.child(7), table="airports", source=EXTRACTED, by=Audit(NOON))
    world.import_jobs.create(child)

    assert begun.children(KEY, [0, 7]) == {7: child}
    assert begun.children(KEY, []) == {}


def test_csv_jobs_are_in_other_shards_of_the_index(begun, world):
    world.import_jobs.create(Job(key=KEY.child(7), table="t", source=SOURCE, by=Audit(NOON)))

    assert open_keys(begun) == [KEY]


def test_what_is_open_since_a_moment_ago_is_not_looked_at(begun):
    assert open_keys(begun, before=NOON) == []


def test_cursors_are_kept(begun):
    begun.keep_cursors({"1": {"pk": "a"}})

    assert begun.cursors() == {"1": {"pk": "a"}}


def open_keys(zips, before=LATER):
    return [job.key for shard in range(2) for job in zips.opened(shard, None, before, 10)[0]]


def test_the_import_of_a_file_has_one_name_for_ever():
    assert KEY.child(0).id == "c-01JDHZ000041YN8Z74RHTQ9DAA"
    assert len({KEY.child(n).ulid for n in range(1_000)}) == 1_000
    assert {len(KEY.child(n).ulid) for n in range(1_000)} == {26}
    assert KEY.child(1) != ZipKey("tenant2", KEY.ulid).child(1)
