"""Customers, each with an e-mail address that nobody else has."""

from dataclasses import dataclass
from typing import Annotated

from sfn_cqrs.types import MEMBERS, Meta, Personal, command_type


@dataclass(frozen=True)
class Customer:
    """A customer of the shop."""

    email: Annotated[str, Meta(max_length=200), Personal] = ""
    country: str = ""


command_type("CUSTOMER", model=Customer, publish=MEMBERS, unique=("email",))
