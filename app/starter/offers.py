"""Offers, listed by customer: one declaration of a type, and one handler."""

from dataclasses import dataclass
from typing import Annotated

from sfn_cqrs.read_models import read_model, read_model_type, sync_handler
from sfn_cqrs.types import MEMBERS, Command, Meta, command_type


@dataclass(frozen=True)
class Offer:
    """An offer to a customer."""

    customer: str
    total: Annotated[float, Meta(ge=0)] = 0


command_type("OFFER", publish=MEMBERS, model=Offer)
read_model_type("offers_by_customer", by="customer", read=MEMBERS)


@sync_handler("OFFER")
def offers_by_customer(command: Command[Offer]) -> None:
    """Keep the offers of each customer."""
    row = {
        "name": command.name,
        "total": command.attributes.get("total"),
        "version": command.version,
        "is_deleted": command.is_deleted,
    }
    read_model("offers_by_customer").put_if_newer(
        command.key.tenant, command.model.customer, command.key.code, row
    )
