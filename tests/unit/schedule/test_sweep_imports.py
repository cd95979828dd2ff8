from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.schedule.sweeping import (
    IMPORT,
    LOADED,
    ages,
    seed_import,
)

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKind
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus, Parent, ProcessingMode, Reader
from sfn_cqrs.machines.import_csv.places import ImportQueue
from sfn_cqrs.machines.import_csv.results import Counts


def test_a_job_that_was_made_lately_is_left_to_its_start(sweep, world):
    seed_import(world, by=Audit("2026-11-25T11:58:30.000Z"))

    assert sweep() == {}


def test_a_direct_import_whose_process_died_is_taken_up(sweep, world):
    seed_import(world, status=JobStatus.PROCESSING, mode=ProcessingMode.DIRECT)

    assert sweep() == {"import_started": 1}


def test_a_job_that_was_begun_is_left_alone(sweep, world):
    seed_import(world, status=JobStatus.PROCESSING)

    assert sweep() == {"import_begun": 1}
    assert world.import_executions.started == []


@pytest.mark.parametrize(
    ("made", "done", "sent"),
    [
        ("2026-11-25T11:45:00.000Z", {"import_waiting": 1}, 0),
        ("2026-11-25T11:44:59.999Z", {"import_queued": 1}, 1),
    ],
)
def test_a_message_of_a_row_that_is_lost_is_sent_again(sweep, world, made, done, sent):
    key = replace(IMPORT, kind=ImportKind.ROW)
    loaded = replace(LOADED, rows=1, reader=Reader.NONE)
    seed_import(world, key=key, by=Audit(made), cells={"icao": "RJAA"}, loaded=loaded)

    assert sweep() == done

    assert [one["id"] for one in world.events.messages] == [key.id] * sent
    assert world.import_executions.started == []


@pytest.mark.parametrize(
    ("later", "done"),
    [
        (timedelta(minutes=1), {"import_waiting": 1}),
        (timedelta(days=4), {"import_waiting": 1}),
        (timedelta(days=4, seconds=1), {"import_queued": 1}),
    ],
)
def test_a_message_is_not_sent_a_third_time_while_the_second_may_lie_in_its_queue(
    sweep, world, later, done
):
    key = replace(IMPORT, kind=ImportKind.ROW)
    loaded = replace(LOADED, rows=1, reader=Reader.NONE)
    seed_import(world, key=key, cells={"icao": "RJAA"}, loaded=loaded, status=JobStatus.PROCESSING)
    assert sweep() == {"import_queued": 1}
    world.clock.advance(seconds=later.total_seconds())

    assert sweep() == done


def test_who_waits_for_a_job_that_has_ended_is_answered(sweep, world):
    """finalize_parent_job died between the two."""
    seed_import(world, parent=Parent("z-1", 3, "token"))
    ending = Ending(JobStatus.COMPLETED, Counts(created=1))
    world.import_jobs.change(IMPORT, import_job.End(ending))

    assert sweep() == {"import_closed": 1}

    ((token, output),) = world.import_executions.succeeded
    assert (token, output["Payload"]["index"]) == ("token", 3)
    assert sweep() == {}


@pytest.mark.parametrize(
    ("begun", "age"),
    [
        ({}, 3600.0),
        ({"status": JobStatus.PROCESSING, "started_at": "2026-11-25T11:50:00.000Z"}, 600.0),
    ],
    ids=["is open", "has waited for its turn"],
)
def test_the_age_of_the_oldest_job_is_a_metric_from_its_beginning_on(
    begun, age, sweep, world, capsys
):
    seed_import(world, **begun)

    sweep()

    assert ages(capsys, "OldestOpenImportAge") == [age]


@pytest.mark.parametrize(
    ("tenants", "age"),
    [
        (["tenant1"] * 5, []),
        ([f"tenant{number}" for number in range(2, 17)], []),
        (["tenant1"] * 4, [3600.0]),
        (["tenant2"] * 14, [3600.0]),
    ],
)
def test_a_job_ages_once_there_is_a_place_for_it(sweep, world, capsys, tenants, age):
    seed_import(world)
    running = {f"{tenant}/c-{nth:026}": "" for nth, tenant in enumerate(tenants)}
    world.import_queue.create(ImportQueue(running=running))

    sweep()

    assert ages(capsys, "OldestOpenImportAge") == age


def test_a_job_that_has_its_place_and_does_not_begin_ages(sweep, world, capsys):
    seed_import(world)
    others = {f"tenant1/c-{nth:026}": "" for nth in range(4)}
    world.import_queue.create(ImportQueue(running={f"tenant1/{IMPORT.id}": "", **others}))

    sweep()

    assert ages(capsys, "OldestOpenImportAge") == [3600.0]
