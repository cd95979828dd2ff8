"""Prices, which change at midnight."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

from sfn_cqrs.commands import CommandService
from sfn_cqrs.types import Meta, command_type, group

BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Price:
    """What a piece costs."""

    cents: Annotated[int, Meta(ge=0)]


command_type("LIST_PRICE", model=Price, publish=group("operator"))


def change_price(tenant: str, sku: str, cents: int, day: date) -> None:
    """Let a product have another price from a day on; what was planned before does not come."""
    CommandService(tenant).publish_at(
        "LIST_PRICE",
        sku,
        at=datetime.combine(day, time(0), BERLIN),
        attributes={"cents": cents},
        name=sku,
        replace="next price",
    )
