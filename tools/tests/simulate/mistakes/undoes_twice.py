"""A compensation that gives money back whenever it runs again."""

from dataclasses import dataclass

from sfn_cqrs.sagas import saga

OUTSIDE = ("move_money", "send")


@dataclass(frozen=True)
class Sale:
    card: str


def move_money(card, amount, idempotency_key=None):
    raise ConnectionError(card, amount, idempotency_key)


def send(card, idempotency_key):
    raise ConnectionError(card, idempotency_key)


def charge(step):
    move_money(step.model.card, 10, idempotency_key=step.key)


def refund_wrong(step):
    move_money(step.model.card, -10)


def refund(step):
    move_money(step.model.card, -10, idempotency_key=step.key)


def ship(step):
    send(step.model.card, idempotency_key=step.key)


def call_back(step):
    """Nothing: the parcel stays."""


@saga("sale-wrong", input=Sale)
def wrong(s):
    s.step(charge, undo=refund_wrong)
    s.step(ship, undo=call_back)


@saga("sale-right", input=Sale)
def right(s):
    s.step(charge, undo=refund)
    s.step(ship, undo=call_back)
