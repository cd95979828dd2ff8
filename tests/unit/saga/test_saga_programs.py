from dataclasses import replace

import pytest
from tests.support.orders import a_saga
from tests.unit.programs import play

from sfn_cqrs.kernel.errors import SagaLogError, SupersededError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.programs import Find
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.saga.rules import Begin, Entry, EntryStatus, SagaStatus
from sfn_cqrs.machines.saga.saga_programs import Move, finish, left_of, undo

MOVES = [
    Move("reserve_stock", "release_stock"),
    Move("charge_payment", "refund_payment"),
    Move("ship_order", "cancel_shipment"),
]
RUNNING = a_saga(status=SagaStatus.RUNNING)


def with_log(saga, **statuses):
    return replace(saga, log={name: Entry(status=status) for name, status in statuses.items()})


def turned(**statuses):
    return with_log(replace(RUNNING, status=SagaStatus.COMPENSATING, is_undoing=True), **statuses)


@pytest.mark.parametrize("began", list(EntryStatus))
def test_whatever_had_begun_is_left_to_be_undone_the_last_first(began):
    saga = turned(reserve_stock=EntryStatus.DONE, charge_payment=began)

    assert left_of(saga, MOVES) == ["refund_payment", "release_stock"]


def test_a_compensation_is_left_until_it_is_done():
    done = {"reserve_stock": EntryStatus.DONE, "charge_payment": EntryStatus.DONE}
    saga = turned(**done, refund_payment=EntryStatus.DONE, release_stock=EntryStatus.FAILED)

    assert left_of(saga, MOVES) == ["release_stock"]


def test_a_step_is_left_until_it_is_done():
    saga = with_log(RUNNING, reserve_stock=EntryStatus.DONE, charge_payment=EntryStatus.STARTED)

    assert left_of(saga, MOVES) == ["charge_payment", "ship_order"]


def test_a_saga_that_leaves_a_step_which_may_have_happened_is_not_ended():
    saga = turned(reserve_stock=EntryStatus.STARTED)

    with pytest.raises(SagaLogError, match="the log has left: release_stock"):
        play(finish(1, MOVES), (Find(), saga))


def test_a_late_try_does_not_answer_for_a_later_one_whose_compensation_has_failed():
    saga = turned(reserve_stock=EntryStatus.DONE)
    later = replace(
        saga, log={**saga.log, "release_stock": Entry(status=EntryStatus.FAILED, seq=1)}
    )

    with pytest.raises(SupersededError, match="try 0 of attempt 1 no longer owns release_stock"):
        play(
            undo(1, MOVES[0], 0, Failure("E", "why")),
            (Find(), saga),
            (Begin("release_stock", 1, 0, is_undo=True), Written(done=False, record=later)),
        )
