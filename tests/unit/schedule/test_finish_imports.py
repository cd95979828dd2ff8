import pytest
from functions.schedule.finish_imports.app import lambda_handler
from tests.unit.schedule.sweeping import IMPORT, LOADED, Context, seed_import

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.import_csv.results import Counts, Marker


@pytest.fixture
def finish(sample):
    """Finish what has ended."""
    return lambda: lambda_handler(sample("schedule/finish_imports"), Context())


def test_a_job_whose_execution_died_ends_by_what_was_counted(finish, world):
    seed_import(world, status=JobStatus.PROCESSING, loaded=LOADED)
    world.imports.count(IMPORT, Marker(2, 3, Counts(created=2)))
    world.import_executions.end(IMPORT, "States.Timeout")

    assert finish() == {"ended_import_finished": 1}

    problem = Problem("execution_ended", "its execution ended: States.Timeout")
    ending = Ending(JobStatus.FAILED, Counts(created=2, failed=1), problem=problem)
    assert world.import_jobs.find(IMPORT).ending == ending
    with pytest.raises(SupersededError):
        world.imports.count(IMPORT, Marker(4, 4, Counts(created=1)))


def test_a_job_that_only_lacked_its_end_is_completed(finish, world):
    seed_import(world, status=JobStatus.PROCESSING, loaded=LOADED)
    world.imports.count(IMPORT, Marker(2, 4, Counts(created=3)))
    world.import_executions.end(IMPORT, "NotRecorded")

    finish()

    assert world.import_jobs.find(IMPORT).ending == Ending(JobStatus.COMPLETED, Counts(3))


def test_a_file_that_was_refused_keeps_its_reason(finish, world):
    refusal = Problem("encoding", "row 3: no UTF-8")
    seed_import(world, status=JobStatus.PROCESSING, refusal=refusal)
    world.import_executions.end(IMPORT, "NotRecorded")

    finish()

    assert world.import_jobs.find(IMPORT).ending.problem == refusal


def test_the_end_of_an_execution_is_looked_at_at_once(sample, world):
    seed_import(world, status=JobStatus.PROCESSING, loaded=LOADED)
    world.imports.count(IMPORT, Marker(2, 4, Counts(created=3)))
    world.import_executions.end(IMPORT, "ABORTED")

    assert lambda_handler(sample("schedule/finish_imports_ended"), Context()) == {"finished": 1}
    assert world.import_jobs.find(IMPORT).status is JobStatus.COMPLETED


def test_a_job_that_failed_as_it_should_is_not_touched_again(sample, world):
    seed_import(world)
    ended = world.import_jobs.change(
        IMPORT, import_job.End(Ending(JobStatus.FAILED, Counts(failed=1)))
    ).record

    assert lambda_handler(sample("schedule/finish_imports_ended"), Context()) == {"closed": 1}
    assert world.import_jobs.find(IMPORT) == ended
