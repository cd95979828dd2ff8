"""The account's quotas, read from Service Quotas, or else the defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

REQUESTS: Final = 10
"""So many a second Lambda takes for each of an account's environments."""
INVOCATIONS: Final = 8
"""Calls of a command with one projection that AWS does not batch."""
BATCHES: Final = 100
"""So many environments has an import at full speed: the parameter `ImportBatches`."""
LARGE: Final = ("us-east-1", "us-west-2", "eu-west-1")


@dataclass(frozen=True)
class Quota:
    """A quota by its service and words of its name, with its default and what it limits."""

    service: str
    name: str
    words: tuple[str, ...]
    large: float
    small: float
    allows: Callable[[float], str]

    def default(self, region: str) -> float:
        """Return the default of a new account."""
        return self.large if region in LARGE else self.small

    def is_named(self, name: str) -> bool:
        """Return whether this is its name in Service Quotas."""
        return all(word in name.lower() for word in self.words)


def _commands(each: float) -> Callable[[float], str]:
    return lambda value: f"{value / each:,.0f} commands a second in the standard lane"


QUOTAS: Final = (
    Quota(
        "lambda",
        "concurrent executions",
        ("concurrent executions",),
        1_000,
        1_000,
        lambda value: (
            f"{value // BATCHES:,.0f} imports at full speed, or"
            f" {value * REQUESTS / INVOCATIONS:,.0f} commands a second, and nothing else"
        ),
    ),
    Quota(
        "states",
        "StartExecution a second",
        ("startexecution", "refill", "standard"),
        300,
        150,
        _commands(1),
    ),
    Quota(
        "states",
        "StartExecution a second, express lane",
        ("startexecution", "refill", "express"),
        6_000,
        6_000,
        lambda value: f"{value:,.0f} commands a second",
    ),
    Quota(
        "states",
        "state transitions a second",
        ("statetransition", "refill"),
        5_000,
        800,
        _commands(10),
    ),
    Quota(
        "states",
        "SendTaskSuccess a second",
        ("sendtasksuccess", "refill"),
        500,
        300,
        lambda value: f"{value:,.0f} versions a second that waited",
    ),
    Quota(
        "states",
        "open executions",
        ("open executions",),
        1_000_000,
        1_000_000,
        lambda value: f"{value:,.0f} versions, tasks, imports, sagas and approvals at a time",
    ),
    Quota(
        "sns",
        "messages published a second",
        ("messages published per second",),
        30_000,
        9_000,
        lambda value: f"{value:,.0f} notices a second",
    ),
)
"""The words are those of the console's page of each service, in lower case."""


@dataclass(frozen=True)
class Found:
    """A quota's current value; assumed if it could not be read."""

    service: str
    quota: str
    value: float
    is_assumed: bool
    allows: str


def quotas_of(region: str, client: Any | None) -> list[Found]:
    """Return each quota that limits a stack; without a client of Service Quotas, its default."""
    named = {} if client is None else _named(client)
    return [_found(quota, region, named) for quota in QUOTAS]


def _found(quota: Quota, region: str, named: Mapping[tuple[str, str], float]) -> Found:
    values = [
        value
        for (service, name), value in named.items()
        if service == quota.service and quota.is_named(name)
    ]
    value = values[0] if values else quota.default(region)
    return Found(quota.service, quota.name, value, not values, quota.allows(value))


def _named(client: Any) -> dict[tuple[str, str], float]:
    """Return the quotas of Service Quotas: this account's own values replace the defaults."""
    found: dict[tuple[str, str], float] = {}
    for service in dict.fromkeys(quota.service for quota in QUOTAS):
        for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
            try:
                for page in client.get_paginator(operation).paginate(ServiceCode=service):
                    for each in page["Quotas"]:
                        found[service, each["QuotaName"]] = each["Value"]
            except (BotoCoreError, ClientError):
                continue  # without the permission, the assumed values are shown
    return found
