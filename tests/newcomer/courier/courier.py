"""courier: a parcel is booked, paid, released by a person, and delivered within three days."""

from dataclasses import dataclass
from datetime import timedelta

from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import StepRefusedError
from sfn_cqrs.sagas import Retry, SagaStep, Steps, publish_once, saga, undo_once
from sfn_cqrs.types import MEMBERS, Content, command_type


@dataclass(frozen=True)
class Parcel:
    code: str
    kilograms: float


@dataclass(frozen=True)
class Pickup:
    state: str


@dataclass(frozen=True)
class Charge:
    cents: int


command_type("PICKUP", model=Pickup, publish=MEMBERS)
command_type("CHARGE", model=Charge)


def book(step: SagaStep[Parcel]) -> int:
    if step.model.kilograms > 1000:
        raise StepRefusedError("too_heavy", "no vehicle carries a ton")
    return publish_once(step, "PICKUP", step.model.code, lambda _: a_pickup("booked"))


def cancel(step: SagaStep[Parcel]) -> int | None:
    return undo_once(step, "PICKUP", step.model.code, lambda _: a_pickup("cancelled"))


def charge(step: SagaStep[Parcel]) -> int:
    new = Content("a charge", {"cents": round(step.model.kilograms * 150)})
    return publish_once(step, "CHARGE", step.model.code, lambda _: new)


def refund(step: SagaStep[Parcel]) -> int | None:
    code = step.model.code
    return undo_once(step, "CHARGE", code, lambda it: Content(it.name, it.attributes, True))


def size(step: SagaStep[Parcel]) -> str:
    return "heavy" if step.model.kilograms > 20 else "light"


def released(step: SagaStep[Parcel]) -> bool:
    return state_of(step) == "released"


def refuse(_step: SagaStep[Parcel]) -> None:
    raise StepRefusedError("not_released", "nobody has released it within a day")


def collect(step: SagaStep[Parcel]) -> int:
    return publish_once(step, "PICKUP", step.model.code, lambda _: a_pickup("on its way"))


def delivered(step: SagaStep[Parcel]) -> bool:
    return state_of(step) == "delivered"


def escalate(step: SagaStep[Parcel]) -> int:
    return publish_once(step, "PICKUP", step.model.code, lambda _: a_pickup("escalated"))


def a_pickup(state: str) -> Content:
    return Content("a pickup", {"state": state})


def state_of(step: SagaStep[Parcel]) -> object:
    pickup = CommandService(step.tenant).latest("PICKUP", step.model.code)
    return pickup and pickup.attributes["state"]


def until_released(s: Steps[Parcel]) -> None:
    s.wait(until=released, at_most=timedelta(days=1), otherwise=[refuse])


@saga("courier", input=Parcel, publish=MEMBERS)
def courier(s: Steps[Parcel]) -> None:
    s.step(book, undo=cancel, retry=Retry(5), within=timedelta(minutes=2))
    s.step(charge, undo=refund)
    s.choice(size, light=[], heavy=until_released)
    s.step(collect)
    s.wait(until=delivered, at_most=timedelta(days=3), otherwise=[escalate])
