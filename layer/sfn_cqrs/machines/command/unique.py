"""Unique values: the rules of reservations.

A version has the hashes of the values that it holds. Each is a reservation, an item of its own that
names the item that holds it. A publish takes what its version holds and the one before did not, and
frees what only the one before held, in the transaction that appends the version. So the latest
versions of two items never hold the same value, in whatever order they come and wherever they stop.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any, Final


FREED: Final = "ttl"
"""What a reservation has once it is freed: it expires, so that whoever publishes deletes nothing."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A value that an item holds, or that is free again."""

    code: str
    is_freed: bool = False


@dataclass(frozen=True, slots=True)
class Moves:
    """The hashes that a version takes, and those that it frees."""

    taken: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()

    @property
    def all(self) -> frozenset[str]:
        """Return every hash that it writes; a transaction writes each once."""
        return frozenset(self.taken + self.freed)


def moves(held: Iterable[str], wanted: Iterable[str]) -> Moves:
    """Return what a version does to reservations, after one that held others."""
    before, after = tuple(held), tuple(wanted)
    return Moves(
        tuple(each for each in after if each not in before),
        tuple(each for each in before if each not in after),
    )


def may_take(found: Reservation | None, code: str) -> bool:
    """Return whether an item may take a value: nobody has it, or it has it already."""
    return found is None or found.is_freed or found.code == code


def may_free(found: Reservation | None, code: str) -> bool:
    """Return whether an item may free a value: nobody else has it."""
    return found is None or found.code == code


@dataclass(frozen=True, slots=True)
class Latest:
    """Read an item's latest version consistently: a `Held`, or None."""


@dataclass(frozen=True, slots=True)
class Held:
    """A latest version: the hashes that it holds, and those that its content asks for."""

    version: int
    held: tuple[str, ...]
    wanted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """Give a version, if it still is the latest, what it may hold, in one transaction: bool."""

    found: Held
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Holders:
    """Read who holds these values: the hashes that another item holds."""

    hashes: tuple[str, ...]


Program = Generator[Latest | Fill | Holders, Any, Any]
TRIES: Final = 5


def fill() -> Program:
    """Bring an item's reservations to its latest version; return the hashes that others hold.

    A publish that comes between reserves for itself, so the item is read again. None: it keeps
    changing.
    """
    for _ in range(TRIES):
        found: Held | None = yield Latest()
        if found is None:
            return ()
        others = yield Holders(found.wanted)
        holds = tuple(each for each in found.wanted if each not in others)
        if (yield Fill(found, holds)):
            return others
    return None
