"""Preorders, which are cancelled if nobody pays them in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from sfn_cqrs.commands import deadline
from sfn_cqrs.types import MEMBERS, Command, Meta, command_type


@dataclass(frozen=True)
class Preorder:
    """What a customer has asked for, and is to pay."""

    customer: str
    total: Annotated[float, Meta(ge=0)] = 0
    status: Literal["OPEN", "PAID", "CANCELLED"] = "OPEN"


command_type("PREORDER", model=Preorder, publish=MEMBERS)


@deadline("PREORDER", publish={"status": "CANCELLED"})
def payment(order: Command[Preorder]) -> datetime | None:
    """Whoever has not paid three days after the first version does not want it."""
    if order.model.status != "OPEN":
        return None
    return datetime.fromisoformat(order.created.at) + timedelta(days=3)
