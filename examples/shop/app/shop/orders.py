"""Orders, listed by customer."""

from dataclasses import dataclass
from typing import Annotated, Literal

from sfn_cqrs.read_models import read_model, read_model_type, sync_handler
from sfn_cqrs.types import MEMBERS, Command, Meta, command_type

REGIONS = {"DE": "europe", "FR": "europe", "JP": "asia", "US": "america"}
"""Where each country's orders are packed.

An order to another country fails: add the country and retry it, or correct the order.
"""


@dataclass(frozen=True)
class Order:
    """An order of a customer; an order may have further attributes."""

    customer: str
    total: Annotated[float, Meta(ge=0)] = 0
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "US"
    release: str | None = None
    status: Literal["SHIPPED", "CANCELLED"] | None = None


command_type("ORDER", model=Order, unknown="keep", publish=MEMBERS, guarded=("release", "status"))
read_model_type("orders_by_customer", by="customer", read=MEMBERS)


@sync_handler("ORDER")
def orders_by_customer(command: Command[Order]) -> None:
    """Keep one row for each order, also when it goes to another customer."""
    order, key = command.model, command.key
    row = {
        "name": command.name,
        "total": command.attributes.get("total"),
        "region": REGIONS[order.country],
        "version": command.version,
    }
    place = None if command.is_deleted else (order.customer, key.code)
    read_model("orders_by_customer").move(key.tenant, key.code, row, to=place)
