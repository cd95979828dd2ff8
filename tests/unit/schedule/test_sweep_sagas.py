from dataclasses import replace
from datetime import datetime

import pytest
from tests.support.orders import a_saga
from tests.unit.schedule.sweeping import OLD, measured

from sfn_cqrs.care.sweep import SAGAS
from sfn_cqrs.kernel.keys import SagaRef
from sfn_cqrs.machines.saga.rules import Entry, Move, MoveKind, SagaStatus
from sfn_cqrs_tools.testing.builders import ORDERED

REF = SagaRef(ORDERED, 1, "order-saga")


def running(key=ORDERED, **changes):
    fields = {"status": SagaStatus.RUNNING, "opened_at": OLD, "updated_at": OLD}
    return a_saga(key, **{**fields, **changes})


def test_a_start_that_was_lost_is_made_without_asking_for_the_execution(sweep, world, monkeypatch):
    monkeypatch.setattr(world.saga_executions, "describe", lambda _ref: pytest.fail("described"))
    world.seed_sagas(running(status=SagaStatus.CREATED))

    assert sweep() == {"saga_started": 1}


def test_a_saga_that_died_before_its_first_state_is_restarted(sweep, world):
    world.seed_sagas(running(status=SagaStatus.CREATED))
    world.saga_executions.end(REF, "ABORTED")

    assert sweep() == {"saga_restarted": 1}


def test_a_saga_whose_execution_runs_is_left_alone(sweep, world):
    world.seed_sagas(running())
    world.saga_executions.start(REF)

    assert sweep() == {"saga_running": 1}

    assert world.sagas.find(ORDERED) == running()


@pytest.mark.parametrize("is_undoing", [False, True])
def test_a_saga_whose_execution_died_goes_on_in_its_direction(is_undoing, sweep, world):
    status = SagaStatus.COMPENSATING if is_undoing else SagaStatus.RUNNING
    log = {"reserve_stock": Entry()}
    world.seed_sagas(running(status=status, is_undoing=is_undoing, log=log))
    world.saga_executions.end(REF, "TIMED_OUT")

    assert sweep() == {"saga_restarted": 1}

    saga = world.sagas.find(ORDERED)
    assert (saga.status, saga.attempt, saga.restarts) == (SagaStatus.CREATED, 2, 1)
    assert (saga.is_undoing, dict(saga.log)) == (is_undoing, log)


def test_a_saga_whose_fourth_execution_died_is_parked(sweep, world):
    world.seed_sagas(running(attempt=4, restarts=3))
    world.saga_executions.end(replace(REF, attempt=4), "NotRecorded")

    assert sweep() == {"saga_parked": 1}

    saga = world.sagas.find(ORDERED)
    assert (saga.status, saga.error) == (SagaStatus.PARKED, "ExecutionDied")
    assert saga.cause == "4 executions died; the last with NotRecorded"


def test_what_is_parked_or_has_ended_is_not_swept(sweep, world):
    world.seed_sagas(running(status=SagaStatus.PARKED))

    assert sweep() == {}


def test_where_nothing_is_open_no_age_is_paid_for(sweep, world, capsys):
    world.seed_sagas(running(status=SagaStatus.PARKED))

    sweep()

    assert measured(capsys, "OldestOpenSagaAge") == []


def pausing(days, **changes):
    """A saga that began to pause for so many days when it was opened."""
    pause = Move("wait", kind=MoveKind.PAUSE, seconds=days * 86_400)
    return running(order=(pause,), log={"wait": Entry(began_at=OLD)}, **changes)


def test_a_saga_that_pauses_is_not_asked_for_and_is_not_old(sweep, world, monkeypatch, capsys):
    monkeypatch.setattr(
        world.declared_executions, "describe", lambda _ref: pytest.fail("described")
    )
    world.seed_sagas(pausing(days=30))

    assert sweep() == {"saga_pauses": 1}

    assert measured(capsys, "OldestOpenSagaAge") == []


def test_once_its_pause_is_over_a_saga_counts_from_there(sweep, world, capsys):
    world.seed_sagas(pausing(days=1))
    world.declared_executions.end(replace(REF, is_declared=True), "TIMED_OUT")
    age = (world.clock() - datetime.fromisoformat(OLD)).total_seconds()
    world.clock.advance(days=1)

    assert sweep() == {"saga_restarted": 1}

    (told,) = measured(capsys, "OldestOpenSagaAge")
    assert told["OldestOpenSagaAge"] == [age]


def test_a_pausing_saga_whose_execution_has_ended_is_restarted_at_once(world):
    world.seed_sagas(pausing(days=30))
    ref = replace(REF, is_declared=True)
    world.declared_executions.end(ref, "ABORTED")

    assert SAGAS.repair_ended(ref) == "restarted"
