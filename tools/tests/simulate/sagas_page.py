"""A saga, and what it does outside: once, or not at all."""

from dataclasses import dataclass

from sfn_cqrs.sagas import SagaStep, Steps, saga
from sfn_cqrs_tools.testing.simulation import NewSaga


@dataclass(frozen=True)
class Pickup:
    parcel: str


def call_courier(parcel: str, idempotency_key: str) -> None:
    """Ask a courier; in a test, `simulate` stands for him."""


def tell_courier(parcel: str, idempotency_key: str) -> None:
    """Tell him that nobody waits for him."""


def send_mail(parcel: str, idempotency_key: str) -> None:
    """Tell the customer."""


def book(step: SagaStep[Pickup]) -> None:
    call_courier(step.model.parcel, idempotency_key=step.key)


def cancel(step: SagaStep[Pickup]) -> None:
    tell_courier(step.model.parcel, idempotency_key=step.key)


def tell(step: SagaStep[Pickup]) -> None:
    send_mail(step.model.parcel, idempotency_key=step.key)


@saga("pickup", input=Pickup)
def pickup(s: Steps[Pickup]) -> None:
    s.step(book, undo=cancel)
    s.step(tell)


def test_a_courier_who_is_not_needed_is_told(simulate):
    outside = [call_courier, tell_courier, send_mail]
    simulate(pickup, commands=[NewSaga("pickup", {"parcel": "p-1"})], outside=outside)
