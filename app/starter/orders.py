"""Orders, listed by customer."""

from dataclasses import dataclass
from typing import Annotated

from sfn_cqrs.read_models import read_model, read_model_type, sync_handler
from sfn_cqrs.types import MEMBERS, Command, Meta, command_type


@dataclass(frozen=True)
class Order:
    """What a version of an order may contain."""

    customer: str
    total: Annotated[float, Meta(ge=0)] = 0


command_type("ORDER", model=Order, publish=MEMBERS)
read_model_type("orders_by_customer", by="customer", read=MEMBERS)


@sync_handler("ORDER")
def orders_by_customer(command: Command[Order]) -> None:
    """Keep one row for each order, also when it goes to another customer."""
    order, key = command.model, command.key
    row = {"name": command.name, "total": order.total, "version": command.version}
    place = None if command.is_deleted else (order.customer, key.code)
    read_model("orders_by_customer").move(key.tenant, key.code, row, to=place)
