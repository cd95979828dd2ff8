"""An order as a saga: goods out of stock, card charged, goods sent; or nothing of all that.

Stock, payment and order are items whose states are versions: every effect is a command that
is published once, and what undoes it is the next version.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import InvalidInputError, StepRefusedError
from sfn_cqrs.sagas import SagaStep, compensation, publish_once, saga_step, saga_type, undo_once
from sfn_cqrs.types import MEMBERS, Command, Content, ItemKey, Json, Meta, command_type, group

SAGA = "order-saga"
DECLINED = "declined"
"""The card that no bank pays for, to try the way back."""
RELEASED = "released"
"""The value of `release` after an operator has released an order."""
APPROVAL = "a-"
"""With which the source of a version begins that an approval has made, and nobody changed since."""
SENT_UNASKED = 100
"""An order of so much at most needs no release, unless somebody has held it."""
MAX_LINES = 50
MAX_SKU_BYTES = 100
"""The result of `reserve_stock` for so many lines fits into the saga's log."""


@dataclass(frozen=True)
class Stock:
    """How many there are of an article; a shop may keep more of it."""

    available: Annotated[int, Meta(ge=0)] = 0


@dataclass(frozen=True)
class Payment:
    """A customer's payment for an order, or its refund."""

    customer: str
    amount: Annotated[float, Meta(ge=0)]
    status: Literal["CHARGED", "REFUNDED"]


command_type("STOCK", publish=group("operator"), model=Stock, unknown="keep")
command_type("PAYMENT", read=group("operator"), model=Payment)


@dataclass(frozen=True)
class Line:
    """So many of one article."""

    sku: str
    quantity: Annotated[int, Meta(ge=1)]


@dataclass(frozen=True)
class Purchase:
    """The input of the saga: what is bought, and the card that pays for it."""

    order: str
    customer: str
    card: str
    total: Annotated[float, Meta(ge=0)]
    lines: Annotated[list[Line], Meta(min_length=1, max_length=MAX_LINES)]


def check_codes(purchase: dict[str, Any]) -> None:
    """Refuse what cannot be the code of an item, before anything begins.

    Raises:
        InvalidInputError: it names the field.
    """
    for field in ("order", "customer", "card"):
        _checked_code(f"input.{field}", purchase[field])
    for place, line in enumerate(purchase["lines"]):
        path = f"input.lines[{place}].sku"
        if len(_checked_code(path, line["sku"]).encode()) > MAX_SKU_BYTES:
            raise InvalidInputError(path, f"must have at most {MAX_SKU_BYTES} bytes")


def _checked_code(path: str, code: Json) -> str:
    try:
        return ItemKey.checked("any", "STOCK", code).code
    except InvalidInputError as error:
        raise InvalidInputError(path, error.problem) from error


saga_type(SAGA, publish=MEMBERS, read=group("operator"), model=Purchase, check=check_codes)


@saga_step(SAGA, "reserve_stock")
def reserve_stock(step: SagaStep) -> Json:
    """Take what was ordered; all of it must be there, and the order may be sent."""
    _sold(step.input, _order(step))
    lines = _lines(step)
    return {
        sku: publish_once(step, "STOCK", sku, partial(_taken, sku, quantity))
        for sku, quantity in lines.items()
    }


@compensation(SAGA, "release_stock", of="reserve_stock")
def release_stock(step: SagaStep) -> Json:
    """Put back what was taken, item by item."""
    lines = _lines(step)
    return {
        sku: undo_once(step, "STOCK", sku, partial(_moved, more)) for sku, more in lines.items()
    }


@saga_step(SAGA, "charge_payment")
def charge_payment(step: SagaStep) -> Json:
    """Charge the card; a real one would be given `step.key` as its idempotency key."""
    sold = _sold(step.input, _order(step))
    return publish_once(step, "PAYMENT", step.input["order"], partial(_charged, step.input, sold))


@compensation(SAGA, "refund_payment", of="charge_payment")
def refund_payment(step: SagaStep) -> Json:
    """Give the money back."""
    order = step.input["order"]
    return undo_once(step, "PAYMENT", order, lambda payment: _with(payment, status="REFUNDED"))


@saga_step(SAGA, "ship_order")
def ship_order(step: SagaStep) -> Json:
    """Send the goods."""
    return publish_once(step, "ORDER", step.input["order"], partial(_shipped, step.input))


@compensation(SAGA, "cancel_shipment", of="ship_order")
def cancel_shipment(step: SagaStep) -> Json:
    """Call the goods back."""
    order = step.input["order"]
    return undo_once(step, "ORDER", order, lambda found: _with(found, status="CANCELLED"))


def _order(step: SagaStep) -> Command | None:
    """The order as it is now; its customer may change it while the saga runs."""
    order = CommandService(step.tenant).latest("ORDER", step.input["order"])
    return None if order is None or order.is_deleted else order


def _sold(given: dict[str, Json], order: Command | None) -> dict[str, Json]:
    """To whom and for how much: as the order says, and not as whoever starts the saga does.

    Raises:
        StepRefusedError: it is held, or has to be released first.
    """
    said: Mapping[str, Json] = order.attributes if order else {}
    sold = {name: said.get(name, given[name]) for name in ("customer", "total")}
    release, total = said.get("release"), sold["total"]
    if release is None and isinstance(total, int | float | Decimal) and total <= SENT_UNASKED:
        return sold
    is_as_released = order is not None and order.source.startswith(APPROVAL)
    if release != RELEASED or not is_as_released:
        reason = f"order {given['order']} is {release or 'not released'}"
        raise StepRefusedError("not_released", f"{reason}; sfn-cqrs approval request ORDER_RELEASE")
    return sold


def _lines(step: SagaStep) -> dict[str, int]:
    """How many are ordered of what."""
    quantities: Counter[str] = Counter()
    for line in step.input["lines"]:
        quantities[line["sku"]] += line["quantity"]
    return dict(sorted(quantities.items()))


def _taken(sku: str, quantity: int, stock: Command[Stock] | None) -> Content:
    left = 0 if stock is None or stock.is_deleted else _available(stock)
    if stock is None or left < quantity:
        raise StepRefusedError("out_of_stock", f"{sku}: {left} left, {quantity} ordered")
    return _moved(-quantity, stock)


def _moved(more: int, stock: Command[Stock]) -> Content:
    return _with(stock, available=_available(stock) + more)


def _available(stock: Command[Stock]) -> int:
    return stock.model.available


def _charged(
    order: dict[str, Json], sold: dict[str, Json], payment: Command[Payment] | None
) -> Content:
    if payment is not None and payment.model.status == "CHARGED":
        raise StepRefusedError("already_paid", f"order {order['order']} is paid")
    if order["card"] == DECLINED:
        raise StepRefusedError("card_declined", "the bank does not pay for this card")
    charged = {"customer": sold["customer"], "amount": sold["total"], "status": "CHARGED"}
    return Content(f"payment of {order['order']}", charged)


def _shipped(order: dict[str, Json], found: Command | None) -> Content:
    if found is not None and found.attributes.get("status") == "SHIPPED":
        raise StepRefusedError("already_shipped", f"order {order['order']} is on its way")
    is_new = found is None or found.is_deleted
    shipped = {**_sold(order, None if is_new else found), "status": "SHIPPED"}
    if found is None or is_new:
        return Content(f"order {order['order']}", shipped)
    return _with(found, **shipped)


def _with(command: Command, **changes: Json) -> Content:
    """The item as it is, but for some attributes."""
    attributes = {**command.attributes, **changes}
    return Content(command.name, attributes, command.is_deleted)
