"""Versions of several items in one decision: what is asked, the rules, and the program.

All are appended by one transaction, or none is. Each is then applied by its own chain, in its own
time. Each version names all of them, so whoever has one of them finds the others.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sfn_cqrs.kernel.command import Content, Known, Patch
from sfn_cqrs.kernel.errors import SfnCqrsError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command.publication import Refusal
from sfn_cqrs.machines.command.unique import Moves

MOST: Final = 25
"""Versions of one decision: each is two writes of a transaction's hundred, and its unique values
are more."""
TRIES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """A version that is to be published together with others.

    `version` is the one that it is based on: by default the item is new, or with `partial`, which
    changes only the given fields, it is based on the latest version.
    """

    type: str
    code: str
    name: str | None = None
    attributes: Mapping[str, Json] | None = None
    version: int | None = None
    is_deleted: bool | None = None
    partial: bool = False

    @property
    def wanted(self) -> Content | Patch:
        """Return the content, or what changes of it.

        Raises:
            InvalidInputError: a field cannot be stored; the error names it.
        """
        if self.partial:
            return Patch.checked(self.name, self.attributes, is_deleted=self.is_deleted)
        return Content.checked(self.name, self.attributes, is_deleted=self.is_deleted or False)

    @property
    def based_on(self) -> int:
        """Return the version that it is based on, or one of `Known`."""
        if self.version is not None:
            return self.version
        return Known.LATEST if self.partial else Known.NONE


@contextmanager
def refused_at(place: int) -> Iterator[None]:
    """Say which of the versions is refused."""
    try:
        yield
    except SfnCqrsError as error:
        error.index = place
        raise


@dataclass(frozen=True, slots=True)
class Seen:
    """Read the answer to the same request, or None if it was not made before."""


@dataclass(frozen=True, slots=True)
class Look:
    """Read the latest versions of the items consistently, in their order; 0: there is none."""


@dataclass(frozen=True, slots=True)
class Store:
    """Append to each item the version after these, all or none: None, or the refusal."""

    found: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Refuse the decision if an item outside of it still has one of its values."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The item at this place is at another version than the one that it was to be based on."""

    place: int
    current: int


Program = Generator[Seen | Look | Store | Ask, Any, Any]


def decide(wanted: tuple[int, ...]) -> Program:
    """Publish on these versions, all or none.

    Return None once it has stored them, or the answer of the same request before; or the conflict;
    or the refusal of the last try.
    """
    refusal: Refusal | None = None
    for _ in range(TRIES):
        seen = yield Seen()
        if seen is not None:
            return seen
        found: tuple[int, ...] = yield Look()
        conflict = conflict_of(wanted, found)
        if conflict is not None:
            seen = yield Seen()  # the same request may have won meanwhile
            return conflict if seen is None else seen
        refusal = yield Store(found)
        if refusal is None:
            return None
        if refusal is Refusal.NOT_UNIQUE:
            yield Ask()
    return refusal


def conflict_of(wanted: Sequence[int], found: Sequence[int]) -> Conflict | None:
    """Return the first item that is not at the version that its next one was to be based on."""
    for place, (asked, current) in enumerate(zip(wanted, found, strict=True)):
        if asked not in (Known.LATEST, current):
            return Conflict(place, current)
    return None


def name_of(key: ItemKey, version: int) -> str:
    """Return what the others of a decision call a version, such as `ORDER/o-7/3`."""
    return f"{key.type}/{key.code}/{version}"


def named(tenant: str, name: str) -> tuple[ItemKey, int]:
    """Return the version of a name."""
    type_, _, rest = name.partition("/")
    code, _, version = rest.rpartition("/")
    return ItemKey(tenant, type_, code), int(version)


@dataclass(frozen=True, slots=True)
class Reserves:
    """A write of a decision's unique values: an item takes one, or frees it.

    `giver` is the code of the item that gives the value up in the same decision, if one does.
    """

    place: int
    hash: str
    frees: bool = False
    giver: str = ""


def reserves(items: Sequence[tuple[ItemKey, Moves]]) -> Iterator[Reserves]:
    """Yield the writes of all items' unique values; one transaction writes each value once."""
    given = {(key.type, each): key.code for key, its in items for each in its.freed}
    taken = {(key.type, each) for key, its in items for each in its.taken}
    for place, (key, its) in enumerate(items):
        for each in its.taken:
            yield Reserves(place, each, giver=given.get((key.type, each), ""))
        for each in its.freed:
            if (key.type, each) not in taken:
                yield Reserves(place, each, frees=True)


def taken_twice(items: Sequence[tuple[ItemKey, Moves]]) -> tuple[int, int, str] | None:
    """Return the places of two items of a decision that take one value, and the value's hash."""
    first: dict[tuple[str, str], int] = {}
    for place, (key, its) in enumerate(items):
        for each in its.taken:
            other = first.setdefault((key.type, each), place)
            if other != place:
                return other, place, each
    return None
