"""A saga whose first step stays done when a later one fails."""

from dataclasses import dataclass

from sfn_cqrs.sagas import saga

OUTSIDE = ("reserve", "release", "charge")


@dataclass(frozen=True)
class Trip:
    code: str


def reserve(code, idempotency_key):
    raise ConnectionError(code, idempotency_key)


def release(code, idempotency_key):
    raise ConnectionError(code, idempotency_key)


def charge(code, idempotency_key):
    raise ConnectionError(code, idempotency_key)


def take_seat(step):
    reserve(step.model.code, idempotency_key=step.key)


def give_seat_back(step):
    release(step.model.code, idempotency_key=step.key)


def pay(step):
    charge(step.model.code, idempotency_key=step.key)


def pay_back(step):
    """Nothing: the bank forgets what it has refused."""


@saga("trip-wrong", input=Trip)
def wrong(s):
    s.step(take_seat)
    s.step(pay, undo=pay_back)


@saga("trip-right", input=Trip)
def right(s):
    s.step(take_seat, undo=give_seat_back)
    s.step(pay, undo=pay_back)
