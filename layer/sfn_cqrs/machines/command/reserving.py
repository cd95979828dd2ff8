"""Unique values of versions: who has taken one, and how an index is filled."""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Content
from sfn_cqrs.kernel.errors import NotUniqueError
from sfn_cqrs.kernel.functions.runner import Runner
from sfn_cqrs.kernel.keys import ItemKey, UniqueKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.machines.command import handlers, unique
from sfn_cqrs.machines.command.unique import may_take
from sfn_cqrs.machines.command.versions import held_by, values_of


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


class Reserved(Runner[Any]):
    """Runs the programs of one item's reservations."""

    def __init__(self, key: ItemKey) -> None:
        """Take an item."""
        self._key = key

    def fill(self) -> tuple[str, ...] | None:
        """Bring its reservations to its latest version; return the hashes that others hold.

        None: it keeps changing.
        """
        found: tuple[str, ...] | None = self.run(unique.fill(self._key.code))
        return found

    def release(self, hash_: str) -> bool:
        """Free a value that it has reserved and does not hold; return whether it did."""
        return bool(self.run(unique.release(hash_, self._key.code)))

    def _make(self, call: Any) -> object:
        key, table = self._key, bootstrap.reservations()
        match call:
            case unique.Latest():
                latest = bootstrap.commands().latest(key)
                return None if latest is None else held_by(latest)
            case unique.Find(hash_):
                return table.find(UniqueKey(key.tenant, key.type, hash_))
            case unique.Fill(found, holds, its):
                return table.fill(key, found, holds, its)
            case unique.Free(hash_, version):
                return table.free(key, version, hash_)
        raise TypeError(f"{call} is no call of these programs")
