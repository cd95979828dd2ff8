"""Versions of state machines, and aliases that route to one or two of them.

Source: Step Functions Developer Guide, "Managing continuous deployments with versions and
aliases"; API Reference of PublishStateMachineVersion and CreateStateMachineAlias.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sfn_local.document import Json
from sfn_local.errors import (
    ApiError,
    ConflictException,
    ResourceNotFound,
    ServiceQuotaExceededException,
    StateMachineDoesNotExist,
    ValidationException,
)
from sfn_local.executions.machine import Machine

T = TypeVar("T")
ALIAS_NAME = re.compile(r"(?=.*[a-zA-Z_\-.])[a-zA-Z0-9_\-.]{1,80}")
MOST_ROUTES = 2
MOST_VERSIONS = 1000
MOST_ALIASES = 100
ALL = 100


@dataclass(frozen=True, slots=True)
class Version:
    """A machine as it was when it was published."""

    arn: str
    machine: Machine
    description: str | None
    created: float

    def summary(self) -> dict[str, Any]:
        """Its entry in the answer of ListStateMachineVersions."""
        created = datetime.fromtimestamp(self.created, UTC)
        return {"stateMachineVersionArn": self.arn, "creationDate": created}


@dataclass(slots=True)
class Alias:
    """A name for one version, or for two with weights."""

    arn: str
    description: str | None
    routes: dict[str, int]
    created: float
    updated: float

    def summary(self) -> dict[str, Any]:
        """Its entry in the answer of ListStateMachineAliases."""
        created = datetime.fromtimestamp(self.created, UTC)
        return {"stateMachineAliasArn": self.arn, "creationDate": created}

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeStateMachineAlias."""
        routes = [
            {"stateMachineVersionArn": version, "weight": weight}
            for version, weight in self.routes.items()
        ]
        return {
            **self.summary(),
            "name": self.arn.rpartition(":")[2],
            "routingConfiguration": routes,
            "updateDate": datetime.fromtimestamp(self.updated, UTC),
            **({} if self.description is None else {"description": self.description}),
        }

    def choose(self, random: float) -> str:
        """The version that an execution runs; random is in [0, 1)."""
        share = random * ALL
        for version, weight in self.routes.items():
            if share < weight:
                return version
            share -= weight
        return next(iter(self.routes))


@dataclass(slots=True)
class Published:
    """The published versions of one machine."""

    count: int = 0
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)


class Versions:
    """The versions and aliases of all machines; the engine's lock guards them."""

    def __init__(self, now: Callable[[], float], changed: Callable[[], None]) -> None:
        """None yet; changed is called after every change."""
        self._now = now
        self._changed = changed
        self.published: dict[str, Published] = {}

    def forget(self, machine: str) -> None:
        """The machine is deleted."""
        self.published.pop(machine, None)
        self._changed()

    def publish(
        self, machine: Machine, description: str | None, revision: str | None = None
    ) -> Version:
        """The machine as a version; one that is published already stays the version it is.

        Raises:
            ConflictException: the machine is not at that revision.
            ServiceQuotaExceededException: it has 1,000 versions.
        """
        if revision is not None and revision != machine.revision:
            raise ConflictException(
                f"Failed to publish the State Machine version for revision {revision}. The current "
                f"State Machine revision is {machine.revision}."
            )
        published = self.published.setdefault(machine.arn, Published())
        for version in published.versions.values():
            if version.machine is machine:
                return version
        _check_quota(len(published.versions), MOST_VERSIONS, "versions")
        published.count += 1
        arn = f"{machine.arn}:{published.count}"
        version = Version(arn, machine, description, self._now())
        published.versions[arn] = version
        self._changed()
        return version

    def list_versions(self, machine: str) -> list[Version]:
        """The versions of a machine, the newest first."""
        return list(self._of(machine).versions.values())[::-1]

    def arn_of(self, machine: Machine) -> str | None:
        """The version that a published machine is."""
        versions = self._of(machine.arn).versions.values()
        return next((version.arn for version in versions if version.machine is machine), None)

    def find_version(self, arn: str) -> Version:
        """The version of an ARN.

        Raises:
            StateMachineDoesNotExist: there is none.
        """
        return _found(self._of(_machine_of(arn)).versions, arn, StateMachineDoesNotExist)

    def delete_version(self, arn: str) -> None:
        """Forget a version, if it exists.

        Raises:
            ConflictException: an alias routes to it.
        """
        published = self._of(_machine_of(arn))
        using = [
            alias.arn.rpartition(":")[2]
            for alias in published.aliases.values()
            if arn in alias.routes
        ]
        if using:
            raise ConflictException(
                "Version to be deleted must not be referenced by an alias. Current list of aliases "
                f"referencing this version: [{', '.join(sorted(using))}]"
            )
        published.versions.pop(arn, None)
        self._changed()

    def create_alias(self, name: str, description: str | None, routing: Json) -> Alias:
        """A new alias; the same one again changes nothing.

        Raises:
            ValidationException: the name is not one, or the weights do not add up to 100.
            ResourceNotFound: a version does not exist.
            ConflictException: the name is taken by another alias.
            ServiceQuotaExceededException: the machine has 100 aliases.
        """
        if ALIAS_NAME.fullmatch(name) is None:
            raise ValidationException(
                f"1 validation error detected: Value '{name}' at 'name' failed to satisfy "
                "constraint: Member must satisfy regular expression pattern: "
                r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$"
            )
        routes = self._read_routes(routing)
        machine = _machine_of(next(iter(routes)))
        arn = f"{machine}:{name}"
        alias = Alias(arn, description, routes, self._now(), self._now())
        if not self.has_alias(arn):
            _check_quota(len(self._of(machine).aliases), MOST_ALIASES, "aliases")
        existing = self._of(machine).aliases.setdefault(arn, alias)
        if (existing.routes, existing.description) != (routes, description):
            message = "Failed to create alias because an alias with the same name and a different "
            raise ConflictException(f"{message}routing configuration already exists.")
        self._changed()
        return existing

    def update_alias(self, arn: str, description: str | None, routing: Json) -> Alias:
        """An alias with another description or routing; None leaves one as it is.

        Raises:
            ValidationException: the weights do not add up to 100.
            ResourceNotFound: the alias or a version does not exist.
        """
        if not self.has_alias(arn):
            raise ResourceNotFound(None)
        alias = self.find_alias(arn)
        if routing is not None:
            alias.routes = self._read_routes(routing)
        if description is not None:
            alias.description = description
        alias.updated = self._now()
        self._changed()
        return alias

    def find_alias(self, arn: str) -> Alias:
        """The alias of an ARN.

        Raises:
            ResourceNotFound: there is none.
        """
        return _found(self._of(_machine_of(arn)).aliases, arn, ResourceNotFound)

    def list_aliases(self, machine: str) -> list[Alias]:
        """The aliases of a machine, or of one version of it, by name."""
        of = self._of(_machine_of(machine))
        aliases = sorted(of.aliases.values(), key=lambda alias: alias.arn)
        is_version = machine in of.versions
        return [alias for alias in aliases if not is_version or machine in alias.routes]

    def delete_alias(self, arn: str) -> None:
        """Forget an alias, if it exists."""
        self._of(_machine_of(arn)).aliases.pop(arn, None)
        self._changed()

    def has_alias(self, arn: str) -> bool:
        """Whether there is an alias of this ARN."""
        return arn in self._of(_machine_of(arn)).aliases

    def _of(self, machine: str) -> Published:
        return self.published.setdefault(machine, Published())

    def _read_routes(self, routing: Json) -> dict[str, int]:
        entries = routing if isinstance(routing, list) else []
        if not 1 <= len(entries) <= MOST_ROUTES or not all(map(_is_route, entries)):
            raise ValidationException(
                "routingConfiguration must be one or two of stateMachineVersionArn and weight"
            )
        arns = [entry["stateMachineVersionArn"] for entry in entries]
        weights = [entry["weight"] for entry in entries]
        received = f"Received: [{', '.join(arns)}]"
        if not all(map(is_qualified, arns)) or len(set(map(_machine_of, arns))) > 1:
            what = "Routing configuration must contain state machine version ARNs."
            raise ValidationException(f"{what} {received}")
        if len(set(arns)) < len(arns):
            what = "Routing configuration must contain distinct state machine version ARNs."
            raise ValidationException(f"{what} {received}")
        if sum(weights) != ALL:
            listed = ", ".join(map(str, weights))
            raise ValidationException(
                f"Sum of routing configuration weights must equal 100. Received: [{listed}]"
            )
        for arn in arns:
            if arn not in self._of(_machine_of(arn)).versions:
                raise ResourceNotFound(arn)
        return dict(zip(arns, weights, strict=True))


def _found(among: dict[str, T], arn: str, missing: type[ApiError]) -> T:
    if arn not in among:
        raise missing(arn)
    return among[arn]


def _check_quota(count: int, most: int, what: str) -> None:
    if count >= most:
        raise ServiceQuotaExceededException(
            f"The state machine has {most} {what}; delete some that are not used"
        )


def is_qualified(arn: str) -> bool:
    """Whether an ARN names a version or an alias of a machine."""
    return _machine_of(arn) != arn


def _machine_of(arn: str) -> str:
    """The ARN of the machine of a version or an alias."""
    head, separator, tail = arn.partition(":stateMachine:")
    return f"{head}{separator}{tail.partition(':')[0]}"


def _is_route(entry: Json) -> bool:
    if not isinstance(entry, dict):
        return False
    arn, weight = entry.get("stateMachineVersionArn"), entry.get("weight")
    is_weight = isinstance(weight, int) and not isinstance(weight, bool) and 0 <= weight <= ALL
    return isinstance(arn, str) and is_weight
