from dataclasses import replace

import pytest

from sfn_cqrs.kernel.errors import StepRefusedError, SupersededError, TransientError
from sfn_cqrs.kernel.keys import SagaKey
from sfn_cqrs.machines.saga import children
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.saga.types import SagaStep

pytestmark = pytest.mark.usefixtures("courier", "world")
STARTS = SagaStep("tenant1", "sends", "g-1", "payment", 1, {})
UNDOES = replace(STARTS, name="payment_undone", undoes="payment")


def given(_step):
    return {"weight": 1}


def give_back(_step):
    return "given back"


@pytest.fixture
def child(world):
    """Return what starts a child, and lets it stand as it is said."""

    def started(status):
        id_ = children.start_once(STARTS, "courier", given)
        key = SagaKey.of("tenant1", id_)
        world.seed_sagas(replace(world.sagas.find(key), status=status, error="no_room"))
        return id_

    return started


def test_a_child_is_started_once():
    first = children.start_once(STARTS, "courier", given)

    assert children.start_once(STARTS, "courier", lambda _: {"weight": 2}) == first


def test_a_child_that_was_undone_first_is_never_started():
    assert children.undo_started(UNDOES, give_back) is None

    with pytest.raises(SupersededError):
        children.start_once(STARTS, "courier", given)


@pytest.mark.parametrize(
    ("status", "has_ended"),
    [(SagaStatus.COMPLETED, True), (SagaStatus.RUNNING, False), (SagaStatus.PARKED, False)],
)
def test_a_child_is_waited_for_until_it_is_completed(child, status, has_ended):
    assert children.has_ended(STARTS, child(status)) is has_ended


def test_a_child_that_has_turned_back_is_a_refusal(child):
    id_ = child(SagaStatus.COMPENSATED)

    with pytest.raises(StepRefusedError, match=f"courier {id_}: no_room"):
        children.has_ended(STARTS, id_)


@pytest.mark.parametrize(
    ("status", "undone"), [(SagaStatus.COMPLETED, "given back"), (SagaStatus.COMPENSATED, None)]
)
def test_only_what_is_completed_is_undone(child, status, undone):
    child(status)

    assert children.undo_started(UNDOES, give_back) == undone


def test_a_child_that_runs_is_waited_for_before_it_is_undone(child):
    child(SagaStatus.RUNNING)

    with pytest.raises(TransientError, match="is RUNNING"):
        children.undo_started(UNDOES, give_back)


def test_a_child_that_is_parked_parks_its_parent(child):
    id_ = child(SagaStatus.PARKED)

    with pytest.raises(StepRefusedError, match=f"sfn-cqrs saga retry {id_}, then this one"):
        children.undo_started(UNDOES, give_back)
