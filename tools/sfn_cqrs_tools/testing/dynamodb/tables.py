"""Items in memory: by partition, in the order of their sort keys, and in indexes of keys.

A table's keys are `pk` and `sk`, texts both, as template.yaml has them.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from marshal import dumps, loads
from typing import Any, NamedTuple
from zlib import crc32

from sfn_cqrs_tools.testing.dynamodb.refusals import RefusedError, UnfitError
from sfn_cqrs_tools.testing.dynamodb.values import MOST_ITEM_BYTES, Item, Typed, weigh, worth

KEYS = ("pk", "sk")
MOST_KEY_BYTES = {"pk": 2048, "sk": 1024}
Place = tuple[str, str]


class Index(NamedTuple):
    """A sparse index that has only keys: its own, by name and type, and the table's."""

    hash: tuple[str, str]
    range: tuple[str, str]

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the attributes that it has."""
        return tuple(dict.fromkeys((*KEYS, self.hash[0], self.range[0])))


class Stored(NamedTuple):
    """An unchanging item, the source of its copies, and its size."""

    item: Item
    copies: bytes
    size: int

    def copy(self) -> Item:
        """Return a copy of the item that the caller may keep."""
        return loads(self.copies)  # type: ignore[no-any-return] # nosec B302


class Partition:
    """Entries with sort keys, in their order."""

    def __init__(self) -> None:
        """Begin empty."""
        self.order: list[Any] = []
        self.entries: dict[Any, Stored] = {}

    def put(self, key: Any, stored: Stored) -> None:
        """Put an entry in its place."""
        if key not in self.entries:
            insort(self.order, key)
        self.entries[key] = stored

    def remove(self, key: Any) -> None:
        """Remove an entry that is there."""
        del self.entries[key], self.order[bisect_left(self.order, key)]

    def copied(self) -> "Partition":
        """Return another one with the same entries."""
        other = Partition()
        other.order, other.entries = [*self.order], {**self.entries}
        return other

    def after(self, start: Any | None, *, is_forward: bool) -> Iterator[tuple[Any, Stored]]:
        """Yield entries behind a key in either direction."""
        order = self.order
        if is_forward:
            chosen = order if start is None else order[bisect_right(order, start) :]
        else:
            chosen = order if start is None else order[: bisect_left(order, start)]
            chosen = chosen[::-1]
        return ((key, self.entries[key]) for key in chosen)


class Table:
    """A table and its indexes."""

    def __init__(self, indexes: Mapping[str, Index]) -> None:
        """Begin empty."""
        self.indexes = indexes
        self.partitions: dict[str, Partition] = {}
        self.listed: dict[str, dict[Any, Partition]] = {name: {} for name in indexes}

    def copied(self) -> "Table":
        """Return another one with the same items."""
        other = Table(self.indexes)
        other.partitions = {pk: each.copied() for pk, each in self.partitions.items()}
        for name, listed in self.listed.items():
            other.listed[name] = {hash_: each.copied() for hash_, each in listed.items()}
        return other

    def find(self, place: Place) -> Stored | None:
        """Return the item in a place, or None if there is none."""
        partition = self.partitions.get(place[0])
        return None if partition is None else partition.entries.get(place[1])

    def prepared(self, item: Item) -> Stored:
        """Return an item as it is stored; refuse what does not fit."""
        size = weigh(item)
        if size > MOST_ITEM_BYTES:
            raise UnfitError("Item size has exceeded the maximum allowed size")
        for index in self.indexes.values():
            for name, kind in (index.hash, index.range):
                if name in item:
                    check_key(name, item[name], kind)
        copies = dumps(item)
        return Stored(loads(copies), copies, size)  # nosec B302

    def put(self, place: Place, stored: Stored) -> None:
        """Put an item in its place, and list it."""
        before = self.find(place)
        if before is not None:
            self._unlist(place, before)
        self.partitions.setdefault(place[0], Partition()).put(place[1], stored)
        for name, index in self.indexes.items():
            at = _at(index, place, stored.item)
            if at is not None:
                self.listed[name].setdefault(at[0], Partition()).put(at[1], stored)

    def remove(self, place: Place) -> None:
        """Remove an item, if there is one."""
        before = self.find(place)
        if before is not None:
            self._unlist(place, before)
            self.partitions[place[0]].remove(place[1])

    def items(self) -> Iterator[tuple[Place, Stored]]:
        """Yield every item; partitions come in the order of their hashes, as a scan has them."""
        for pk in sorted(self.partitions, key=hashed):
            for sk, stored in self.partitions[pk].after(None, is_forward=True):
                yield (pk, sk), stored

    def _unlist(self, place: Place, before: Stored) -> None:
        for name, index in self.indexes.items():
            at = _at(index, place, before.item)
            if at is not None:
                self.listed[name][at[0]].remove(at[1])


def hashed(pk: str) -> tuple[int, str]:
    """Return the position of a partition among the others."""
    return crc32(pk.encode()), pk


def place_of(key: Mapping[str, Typed]) -> Place:
    """Return the place that a key names; refuse what is not a key of a table."""
    if tuple(sorted(key)) != KEYS:
        raise RefusedError("The provided key element does not match the schema")
    for name, value in key.items():
        check_key(name, value)
    return key["pk"]["S"], key["sk"]["S"]


def check_key(name: str, value: Typed, kind: str = "S") -> None:
    """Refuse a value that a key cannot have."""
    if tuple(value) != (kind,):
        raise RefusedError(f"Type mismatch for key {name} expected: {kind}")
    if value[kind] == "":
        raise RefusedError(
            "One or more parameter values are not valid. The AttributeValue for a key attribute"
            f" cannot contain an empty string value. Key: {name}"
        )
    most = MOST_KEY_BYTES.get(name)
    if most is not None and len(value[kind].encode()) > most:
        raise RefusedError(f"Size of {name} has exceeded the maximum size limit of {most} bytes")


def _at(index: Index, place: Place, item: Item) -> tuple[Any, tuple[Any, str, str]] | None:
    """Return an item's partition and place in an index, or None if it lacks one of the keys."""
    (hash_, _), (range_, _) = index
    if hash_ not in item or range_ not in item:
        return None
    return worth(item[hash_]), (worth(item[range_]), *place)
