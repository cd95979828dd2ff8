"""Unique values of versions: which they hold, who has taken one, and how an index is filled."""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Command, Content
from sfn_cqrs.kernel.errors import NotUniqueError
from sfn_cqrs.kernel.functions.runner import Runner
from sfn_cqrs.kernel.keys import ItemKey, UniqueKey, hashed
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.machines.command import handlers, unique
from sfn_cqrs.machines.command.unique import may_take


def has_unique(type_: str) -> bool:
    """Return whether items of a type have unique values."""
    typed = models.find(type_)
    return typed is not None and bool(typed.unique)


def values_of(key: ItemKey, content: Content) -> dict[str, str]:
    """Return the hashes of the values that content of today's shape holds, each with its fields.

    A deletion holds none. A type without unique values asks nothing.
    """
    typed = models.find(key.type)
    if typed is None or not typed.unique or content.is_deleted:
        return {}
    values = typed.unique_values(content.attributes)
    if not values:
        return {}
    secret = bootstrap.reservations().secret(key.tenant)
    return {hashed(name, value, secret=secret): name for name, value in values.items()}


def taken(key: ItemKey, content: Content, client: Client | None) -> NotUniqueError | None:
    """Return the refusal of content whose value another item has, or None if it is free.

    Only who may read the other item is told which it is.
    """
    for hash_, name in values_of(key, content).items():
        found = bootstrap.reservations().find(UniqueKey(key.tenant, key.type, hash_))
        if found is not None and not may_take(found, key.code):
            other = ItemKey(key.tenant, key.type, found.code)
            return NotUniqueError(key.type, f"attributes.{name}", _named(other, client))
    return None


def _named(other: ItemKey, client: Client | None) -> str:
    if client is None or handlers.sees_all(other.type, client):
        return other.code
    latest = bootstrap.commands().latest(other)
    return other.code if latest is not None and handlers.sees(client, latest) else ""


class Filling(Runner[Any]):
    """Runs the program that fills the reservations of one item."""

    def __init__(self, key: ItemKey) -> None:
        """Take an item."""
        self._key = key
        self._latest: Command | None = None

    def _make(self, call: Any) -> object:
        match call:
            case unique.Latest():
                latest = self._latest = bootstrap.commands().latest(self._key)
                if latest is None:
                    return None
                wanted = tuple(values_of(self._key, latest.converted))
                return unique.Held(latest.version, latest.unique, wanted)
            case unique.Holders(hashes):
                return tuple(each for each in hashes if not self._may_take(each))
            case unique.Fill(found, holds):
                assert self._latest is not None  # noqa: S101 - the program has read it
                moves = unique.moves(found.held, holds)
                return bootstrap.reservations().fill(self._latest, holds, moves)
        raise TypeError(f"{call} is no call of this program")

    def _may_take(self, hash_: str) -> bool:
        key = self._key
        found = bootstrap.reservations().find(UniqueKey(key.tenant, key.type, hash_))
        return may_take(found, key.code)
