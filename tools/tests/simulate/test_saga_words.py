"""Lists and children of sagas are simulated like their steps."""

from dataclasses import dataclass, field

import pytest
from tests.support.proof import deep

from sfn_cqrs.sagas import SagaStep, Steps, saga
from sfn_cqrs_tools.testing.simulation import NewSaga, SimulationError


@dataclass(frozen=True)
class Parcels:
    """The input."""

    codes: list[str] = field(default_factory=list)


def carry(parcel: str, idempotency_key: str) -> None:
    """What a courier does; in a test, `simulate` stands for him."""


def bring_back(parcel: str, idempotency_key: str) -> None:
    """The reverse."""


def parcels(step: SagaStep[Parcels]) -> list[str]:
    return step.model.codes


def send(step: SagaStep[Parcels]) -> None:
    carry(step.item, idempotency_key=step.key)


def fetch(step: SagaStep[Parcels]) -> None:
    bring_back(step.item, idempotency_key=step.key)


def given(step: SagaStep[Parcels]) -> Parcels:
    return step.model


def nothing(_step: SagaStep[Parcels]) -> None:
    """What is brought cannot be fetched back."""


def done(_step: SagaStep[Parcels]) -> None:
    """Nothing is left to do."""


GIVEN = {"codes": ["p-1", "p-2"]}
OUTSIDE = [carry, bring_back]
SOME = deep(60, 500)


def declared(make, undo=None):
    return saga("van", input=Parcels)(
        lambda s: s.each(parcels, lambda s: s.step(make, undo=undo), at_most=3)
    )


def test_what_is_made_for_each_item_is_made_once(simulate):
    van = declared(send, fetch)

    simulate(van, commands=[NewSaga("van", GIVEN)], outside=OUTSIDE, schedules=SOME)


def test_what_is_not_undone_for_each_item_is_found(simulate):
    def fails(_step: SagaStep[Parcels]) -> None:
        raise ValueError("a flat tyre")

    def van(s: Steps[Parcels]) -> None:
        s.each(parcels, [send], at_most=3)
        s.step(fails)

    with pytest.raises(SimulationError, match=r"nothing undoes send\.1"):
        simulate(saga("van", input=Parcels)(van), commands=[NewSaga("van", GIVEN)], outside=OUTSIDE)


def test_a_child_is_started_and_ends_once(simulate):
    van = declared(send, fetch)

    def fleet(s: Steps[Parcels]) -> None:
        s.saga(van, given, undo=nothing)
        s.step(done)

    fleet_saga = saga("fleet", input=Parcels)(fleet)

    simulate(van, fleet_saga, commands=[NewSaga("fleet", GIVEN)], outside=OUTSIDE, schedules=SOME)
