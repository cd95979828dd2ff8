"""Unique values: the rules of reservations.

A version has the hashes of the values that it holds. Each is a reservation, an item of its own that
names the item that holds it. A publish takes what its version holds and the one before did not, and
frees what only the one before held, in the transaction that appends the version. So the latest
versions of two items never hold the same value, in whatever order they come and wherever they stop.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any, Final


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
class Held:
    """A version: the hashes that it holds, and those that its content asks for.

    They differ where it is from before the declaration, or where another item had a value first.
    """

    version: int = 0
    held: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()

    @property
    def may_be_filled(self) -> bool:
        """Return whether somebody may give it what it asks for while the next one is published."""
        return self.held != self.wanted


NOTHING: Final = Held()


@dataclass(frozen=True, slots=True)
class Latest:
    """Read an item's latest version consistently: a `Held`, or None."""


@dataclass(frozen=True, slots=True)
class Find:
    """Read who holds a value: a `Reservation`, or None."""

    hash: str


@dataclass(frozen=True, slots=True)
class Fill:
    """Let a version hold these, if it is the latest and as it was read, in one go: bool."""

    found: Held
    holds: tuple[str, ...]
    moves: Moves


@dataclass(frozen=True, slots=True)
class Free:
    """Free the item's value, if this is its latest version, in one transaction: bool."""

    hash: str
    version: int


Program = Generator[Latest | Find | Fill | Free, Any, Any]
TRIES: Final = 5


def fill(code: str) -> Program:
    """Bring an item's reservations to its latest version; return the hashes that others hold.

    A publish that comes between reserves for itself, so the item is read again. None: it keeps
    changing.
    """
    for _ in range(TRIES):
        found: Held | None = yield Latest()
        if found is None:
            return ()
        seen: dict[str, Reservation | None] = {}
        for each in dict.fromkeys(found.wanted + found.held):
            seen[each] = yield Find(each)
        holds = tuple(each for each in found.wanted if may_take(seen[each], code))
        own = [each for each, one in seen.items() if one == Reservation(code)]
        freed = [each for each in found.held if may_free(seen[each], code)]
        its = Moves(moves(own, holds).taken, moves(freed, holds).freed)
        is_done = holds == found.held and not its.taken
        if is_done or (yield Fill(found, holds, its)):
            return tuple(each for each in found.wanted if each not in holds)
    return None


def release(hash_: str, code: str) -> Program:
    """Free a value that an item has reserved and does not hold; return whether it did.

    Only code that does not know of unique values leaves such a reservation.
    """
    reserved: Reservation | None = yield Find(hash_)
    if reserved is None or reserved.is_freed or reserved.code != code:
        return False
    latest: Held | None = yield Latest()
    if latest is not None and hash_ in latest.held:
        return False
    return (yield Free(hash_, latest.version if latest else 0))
