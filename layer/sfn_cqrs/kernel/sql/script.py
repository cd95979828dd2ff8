"""SQL files: their statements, and on which line each begins.

The Data API takes one statement at a time, so a file is cut where PostgreSQL itself would:
at semicolons outside of texts, names, comments and dollar quotes.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sfn_cqrs.kernel.errors import MigrationError

_FILE: Final = re.compile(r"(?P<number>[0-9]{4})_[a-z0-9_]+\.sql")
_PIECE: Final = re.compile(
    r"""
    (?P<gap>\s+|--[^\n]*)
    |(?P<comment>/\*)
    |(?P<end>;)
    |(?P<dollar>\$(?:[A-Za-z_]\w*)?\$)
    |(?P<text>[Ee]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<open>['"])
    |(?P<word>\w+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_FORBIDDEN: Final = re.compile(r"\s*(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT)\b", re.I)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file, and the line that it begins on."""

    text: str
    line: int

    def line_at(self, position: int) -> int:
        """The line of a position in it, which PostgreSQL counts from 1."""
        return self.line + self.text.count("\n", 0, max(0, position - 1))


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `0001_orders_search.sql`; each is applied once, in the order of numbers."""

    name: str
    text: str

    @property
    def number(self) -> int:
        """Its place in the order."""
        return int(self.name[:4])

    @property
    def digest(self) -> str:
        """A fingerprint of its text: what is applied is not changed any more."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]

    def statements(self) -> list[Statement]:
        """Its statements.

        Raises:
            MigrationError: a text is not closed, or a statement would end the transaction.
        """
        found = list(_statements(self))
        for one in found:
            if _FORBIDDEN.match(one.text):
                raise MigrationError(
                    f"{self.name}:{one.line}: a file is one transaction already: leave "
                    f"{one.text.split(None, 1)[0].rstrip(';')} out"
                )
        return found


def in_order(migrations: Iterable[Migration]) -> list[Migration]:
    """The files of a folder in their order.

    Raises:
        MigrationError: a name is invalid, or a number is missing or comes twice.
    """
    ordered = sorted(migrations, key=lambda one: one.name)
    for number, one in enumerate(ordered, start=1):
        if not _FILE.fullmatch(one.name):
            raise MigrationError(f"{one.name}: name it 0001_what_it_does.sql, in a-z, 0-9 and _")
        if one.number != number:
            raise MigrationError(f"{one.name}: the next number is {number:04d}")
    return ordered


def _statements(migration: Migration) -> Iterator[Statement]:
    text, start = migration.text, None
    for kind, begun in (*_pieces(migration), ("end", len(migration.text))):
        if kind == "end" and start is not None:
            yield Statement(text[start:begun].rstrip(), text.count("\n", 0, start) + 1)
            start = None
        elif kind not in ("gap", "comment", "end") and start is None:
            start = begun


def _pieces(migration: Migration) -> Iterator[tuple[str, int]]:
    """The kind and the start of each piece; a comment and a quoted text are one piece each."""
    place = 0
    while place < len(migration.text):
        piece = _PIECE.match(migration.text, place)
        assert piece is not None
        kind, begun = str(piece.lastgroup), place
        if kind == "open":
            raise _unclosed(migration, begun)
        if kind == "comment":
            place = _after_comment(migration, begun)
        elif kind == "dollar":
            place = _after(migration, begun, piece[0])
        else:
            place = piece.end()
        yield kind, begun


def _after(migration: Migration, begun: int, quote: str) -> int:
    end = migration.text.find(quote, begun + len(quote))
    if end < 0:
        raise _unclosed(migration, begun)
    return end + len(quote)


def _after_comment(migration: Migration, begun: int) -> int:
    """The place behind a comment, which may hold others."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", migration.text[begun:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return begun + mark.end()
    raise _unclosed(migration, begun)


def _unclosed(migration: Migration, place: int) -> MigrationError:
    line = migration.text.count("\n", 0, place) + 1
    return MigrationError(f"{migration.name}:{line}: what begins here is not closed")
