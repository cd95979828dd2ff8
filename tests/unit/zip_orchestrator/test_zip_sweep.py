"""The sweep of archives' jobs: what was lost, and executions that have died."""

from dataclasses import replace

import pytest
from functions.schedule.sweep_imports.app import lambda_handler
from tests.support.import_states import list_zip
from tests.unit.zip_orchestrator.zip_corpus import CSV, zipped

from sfn_cqrs.kernel.keys import ZipRef
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.zip_orchestrator import job as zip_job

TWO = zipped(("a.csv", CSV), ("b.csv", CSV))


@pytest.fixture
def sweep(world, sample, lambda_context):
    """Return a way to sweep after an hour; answers what was done with archives."""

    def run():
        world.clock.advance(hours=1)
        done = lambda_handler(sample("schedule/sweep_imports"), lambda_context)
        return {name: count for name, count in done.items() if name.startswith("zip_")}

    return run


@pytest.fixture
def swept_one(sample, lambda_context):
    """Return a way to tell the sweep that the execution of an attempt was stopped."""

    def run(attempt=1):
        event = sample("schedule/sweep_imports_ended")
        event["detail"]["input"] = event["detail"]["input"].replace(
            '"attempt": 1', f'"attempt": {attempt}'
        )
        return lambda_handler(event, lambda_context)

    return run


def test_a_job_whose_start_was_lost_is_started(world, key, upload, sweep):
    upload(TWO)

    assert sweep() == {"zip_started": 1}
    assert world.zip_executions.started == [ZipRef(key, 1)]


def test_a_job_that_runs_is_left_alone(world, upload, sweep):
    world.zip_executions.start(upload(TWO).ref)

    assert sweep() == {"zip_running": 1}
    assert len(world.zip_executions.started) == 1


def test_a_job_whose_execution_has_died_goes_on_as_the_next_attempt(world, key, upload, sweep):
    job = upload(TWO)
    list_zip(job.ref)
    world.zip_executions.end(job.ref, "ABORTED")

    assert sweep() == {"zip_restarted": 1}

    assert world.zip_executions.started == [ZipRef(key, 2)]
    assert world.zip_jobs.find(key).attempt == 2


def test_a_job_that_has_ended_and_whose_hooks_have_not_run_goes_on(world, key, upload, sweep):
    job = upload(TWO)
    world.zip_jobs.change(key, zip_job.End(1, Ending(JobStatus.COMPLETED)))
    world.zip_executions.end(job.ref, "ABORTED")

    assert sweep() == {"zip_restarted": 1}
    assert world.zip_executions.started == [ZipRef(key, 2)]


def test_a_job_with_nothing_left_to_do_is_not_looked_at(world, key, upload, sweep):
    upload(TWO)
    world.zip_jobs.change(key, zip_job.End(1, Ending(JobStatus.COMPLETED)))
    world.zip_jobs.change(key, zip_job.Settle({}))

    assert sweep() == {}


def test_a_job_that_left_the_index_a_moment_ago_is_not_begun_again(
    world, upload, sweep, monkeypatch
):
    """The index still lists it."""
    job = upload(TWO)
    world.zip_executions.end(job.ref)
    opened = world.zip_jobs.opened

    def opened_and_then_settled(*asked):
        found = opened(*asked)
        world.zip_jobs.change(job.key, zip_job.End(1, Ending(JobStatus.COMPLETED)))
        world.zip_jobs.change(job.key, zip_job.Settle({}))
        return found

    monkeypatch.setattr(world.zip_jobs, "opened", opened_and_then_settled)

    assert sweep() == {"zip_closed": 1}
    assert world.zip_executions.started == []


def test_a_job_that_is_gone_is_closed(world, upload, sweep, monkeypatch):
    upload(TWO)
    monkeypatch.setattr(world.zip_jobs, "find", lambda _key: None)

    assert sweep() == {"zip_closed": 1}


def test_the_end_of_an_execution_is_followed_at_once(world, key, upload, swept_one):
    world.zip_executions.end(upload(TWO).ref, "ABORTED")

    assert swept_one() == {"restarted": 1}
    assert world.zip_executions.started == [ZipRef(key, 2)]


def test_the_end_of_an_attempt_that_has_a_successor_is_nothing_new(world, upload, swept_one):
    job = upload(TWO)
    world.zip_jobs.change(job.key, zip_job.Restart(1))

    assert swept_one() == {"superseded": 1}
    assert world.zip_executions.started == []


def test_after_the_last_attempt_only_the_tick_goes_on(world, key, upload, swept_one, sweep):
    job = upload(TWO)
    world.seed_zips(replace(job, attempt=6))
    world.zip_executions.end(ZipRef(key, 6), "FAILED")

    assert swept_one(attempt=6) == {"waiting": 1}
    assert sweep() == {"zip_restarted": 1}
