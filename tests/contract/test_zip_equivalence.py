"""Ending the files of an archive: a transaction's expressions, and the rules that they repeat.

The job has to be the attempt's, as its records' writes ask, and the file open; both are asked in
the same moment, whatever becomes of either before and after.
"""

from dataclasses import replace
from itertools import product

import pytest

from sfn_cqrs.kernel.errors import BusyError, SupersededError
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus
from sfn_cqrs_tools.testing.builders import ARCHIVE, a_file, a_zip

ENDINGS = (
    Ending(JobStatus.FAILED, Counts(1, 2, 3, 4), 5, Problem("failed", "why")),
    Ending(JobStatus.COMPLETED, Counts(7)),
    Ending(JobStatus.CANCELLED, Counts(), 9),
)


def outcome_of(job, attempt, file, ending):
    """What the domain's rules make of it: the file as it is then, and who refuses."""
    if job is None or not job.is_mine(attempt):
        return file, SupersededError
    if file is None or not file.status.is_open:
        return file, BusyError
    return file.ended(ending), None


def ended(world, attempt, file, ending):
    """What the expressions make of it."""
    try:
        world.zip_jobs.end_files(ARCHIVE, attempt, [(file or a_file()).ended(ending)])
    except (BusyError, SupersededError) as error:
        return world.zip_jobs.file(ARCHIVE, 0), type(error)
    return world.zip_jobs.file(ARCHIVE, 0), None


@pytest.mark.parametrize("attempt", [1, 2])
def test_files_end_as_the_rules_of_the_job_and_of_the_file_say(attempt, make_world):
    world = make_world()
    jobs = [None, *[a_zip(status=one, attempt=n) for one, n in product(JobStatus, (1, 2))]]
    files = [None, *[a_file(status=status) for status in FileStatus]]
    seen = set()
    for (number, job), file in product(enumerate(jobs), files):
        _empty(world)
        if job is not None:
            world.seed_zips(job)
        if file is not None:
            world.zip_jobs.put_files(ARCHIVE, [file])
        ending = ENDINGS[number % len(ENDINGS)]
        wanted = outcome_of(job, attempt, file, ending)

        assert ended(world, attempt, file, ending) == wanted, (job, file)
        seen.add(wanted[1])
    assert seen == {None, BusyError, SupersededError}


def test_of_several_files_all_end_or_none(make_world):
    world = make_world()
    world.seed_zips(a_zip(status=JobStatus.PROCESSING))
    files = [a_file(0), a_file(1, status=FileStatus.COMPLETED)]
    world.zip_jobs.put_files(ARCHIVE, files)

    with pytest.raises(BusyError):
        world.zip_jobs.end_files(ARCHIVE, 1, [replace(one).ended(ENDINGS[0]) for one in files])
    assert world.zip_jobs.files(ARCHIVE) == files


def _empty(world):
    for pk, sk in ((ARCHIVE.pk, ARCHIVE.sk), (ARCHIVE.parts_pk, ARCHIVE.file_sk(0))):
        keys = {"pk": {"S": pk}, "sk": {"S": sk}}
        world.dynamodb.delete_item(TableName="ImportTmpTable", Key=keys)
