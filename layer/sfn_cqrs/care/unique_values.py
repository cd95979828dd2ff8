"""Looks at the unique values of items that exist, and reserves them while commands run.

Whoever declares a value as unique first asks for the items that share one, then deploys, and then
lets the index be filled. An item whose value another one has stays as it is, and is listed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey, checked_tenant, unique_begin, versions_begin
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.items import as_key
from sfn_cqrs.machines.command.reserving import Reserved
from sfn_cqrs.machines.command.versions import has_unique, held_by, values_of

MOST_LISTED = 1_000


@dataclass(slots=True)
class Looked:
    """How many items were looked at, what was written, and the values that several items have.

    `missing` counts the values that are not reserved, `filled` the items that were given theirs,
    and `freed` the values that were reserved for nobody.
    """

    items: int = 0
    missing: int = 0
    filled: int = 0
    freed: int = 0
    shared: list[dict[str, Json]] = field(default_factory=list)

    def share(self, fields: str, codes: list[str]) -> None:
        """List items that have one value; the value itself is not told."""
        if len(self.shared) < MOST_LISTED:
            self.shared.append({"fields": fields, "codes": list[Json](codes)})


class UniqueValues:
    """The unique values of a type and tenant."""

    def __init__(self, tenant: str, type_: str, *, rate: float = 0.0) -> None:
        """Look at a type's items; `rate` limits read units a second.

        Raises:
            InvalidInputError: nobody declares the type, or it has no unique values.
        """
        handlers.check_type(type_)
        if not has_unique(type_):
            raise InvalidInputError("type", f"{type_} has no unique values")
        self._tenant, self._type = checked_tenant(tenant), type_
        self._tables = bootstrap.audit_tables()
        self._tables.rate = rate

    def check(self) -> Looked:
        """Say which items share a value, and how many values are not reserved; write nothing."""
        found, codes = Looked(), dict[tuple[str, str], list[str]]()
        for key in self._items():
            latest = bootstrap.commands().latest(key)
            if latest is None:
                continue
            found.items += 1
            found.missing += len({*held_by(latest).wanted} - {*latest.unique})
            for hash_, fields in values_of(key, latest.converted).items():
                codes.setdefault((fields, hash_), []).append(key.code)
        for (fields, _), those in codes.items():
            if len(those) > 1:
                found.share(fields, sorted(those))
        return found

    def enforce(self) -> Looked:
        """Free what is reserved for nobody, then reserve for each item what it may hold."""
        found = Looked()
        for key, hash_ in self._reserved():
            found.freed += Reserved(key).release(hash_)
        for key in self._items():
            found.items += 1
            self._fill(key, found)
        return found

    def _fill(self, key: ItemKey, found: Looked) -> None:
        before = held_by(bootstrap.commands().latest(key))
        others = Reserved(key).fill()
        found.filled += before.may_be_filled and others == ()
        if others is None:
            found.share("keeps changing", [key.code])
        elif others:
            found.missing += len(others)
            found.share(", ".join(self._names(key, others)), [key.code])

    def _names(self, key: ItemKey, hashes: tuple[str, ...]) -> list[str]:
        latest = bootstrap.commands().latest(key)
        names = values_of(key, latest.converted) if latest else {}
        return [names[each] for each in hashes if each in names]

    def _items(self) -> Iterator[ItemKey]:
        for items in self._partitions(versions_begin(self._tenant, self._type)):
            ours = [item for item in items if item.get("kind") == "command"]
            if ours:
                yield as_key(ours[0])

    def _reserved(self) -> Iterator[tuple[ItemKey, str]]:
        for items in self._partitions(unique_begin(self._tenant, self._type)):
            for item in items:
                if "ttl" not in item:
                    yield as_key(item), item["pk"].rpartition("#")[2]

    def _partitions(self, prefix: str) -> Iterator[list[Item]]:
        return self._tables.partitions("commands", 0, 1, prefix)
