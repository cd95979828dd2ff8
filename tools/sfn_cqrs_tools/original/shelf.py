"""A database on disk that sorts the original's rows by item: its tables come in any order."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.original.rows import Row, row_of, split
from sfn_cqrs_tools.original.sources import lines_of

COMMIT_EVERY: Final = 10_000
OF_A_TASK: Final = -1
"""The number of a task's own row; those of its items begin at 0."""
_ITEM_PARTS: Final = 3
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS rows (
    family TEXT, pk TEXT, base TEXT, number INTEGER, kind TEXT, line TEXT,
    PRIMARY KEY (family, pk, base, number, kind)
);
CREATE TABLE IF NOT EXISTS read_sources (kind TEXT, source TEXT, PRIMARY KEY (kind, source));
"""


class Kind(StrEnum):
    """A kind of the original's tables."""

    COMMANDS = "commands"
    DATA = "data"
    HISTORY = "history"
    TASKS = "tasks"

    @property
    def family(self) -> str:
        """Return what the rows of this kind are sorted with."""
        return "tasks" if self is Kind.TASKS else "items"


class Shelf:
    """The rows of one migration, on disk."""

    def __init__(self, path: Path) -> None:
        """Open a database, which a run that was interrupted may have begun."""
        self._database = sqlite3.connect(path)
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def read(self, kind: Kind, source: str, dynamodb: Callable[[], Any]) -> None:
        """Store the rows of a source, unless an earlier run has stored all of them.

        Raises:
            SourceError: it cannot be read.
        """
        where = (kind.value, source)
        asked = "SELECT 1 FROM read_sources WHERE kind = ? AND source = ?"
        if self._database.execute(asked, where).fetchone():
            return
        for count, (place, line) in enumerate(lines_of(source, dynamodb), 1):
            self._put(kind, row_of(line, place), line)
            if count % COMMIT_EVERY == 0:
                self._database.commit()
        self._database.execute("INSERT INTO read_sources VALUES (?, ?)", where)
        self._database.commit()

    def _put(self, kind: Kind, row: Row, line: str) -> None:
        pk, sk = str(row["pk"]), str(row["sk"])
        base, number = _task_parts(sk) if kind is Kind.TASKS else _item_parts(kind, row)
        values = (kind.family, pk, base, number, kind.value, line)
        self._database.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?)", values)

    def keys(self, family: str) -> Iterator[tuple[str, str]]:
        """Yield the partition and the sort key of each item, or of each task, in order."""
        asked = "SELECT DISTINCT pk, base FROM rows WHERE family = ? ORDER BY pk, base"
        yield from self._database.execute(asked, (family,))

    def numbers(self, family: str, pk: str, base: str) -> list[tuple[int, Kind]]:
        """Return the numbers of an item's rows, each with its kind."""
        asked = "SELECT number, kind FROM rows WHERE family = ? AND pk = ? AND base = ?"
        found = self._database.execute(asked, (family, pk, base))
        return [(number, Kind(kind)) for number, kind in found]

    def row(self, kind: Kind, pk: str, base: str, number: int) -> Row | None:
        """Return one row, or None if there is none."""
        asked = (
            "SELECT line FROM rows"
            " WHERE family = ? AND pk = ? AND base = ? AND number = ? AND kind = ?"
        )
        where = (kind.family, pk, base, number, kind.value)
        found = self._database.execute(asked, where).fetchone()
        return row_of(found[0], f"{pk} {base}") if found else None


def _item_parts(kind: Kind, row: Row) -> tuple[str, int]:
    """Return a row's sort key without the version, and the version; 0 where it has none."""
    if kind is Kind.DATA:
        version = row.get("version")
        return str(row["sk"]), version if isinstance(version, int) else 0
    base, number = split(str(row["sk"]))
    return base, number or 0


def _task_parts(sk: str) -> tuple[str, int]:
    """Return the sort key of a row's task, and the index of the item that it is."""
    task, _, index = sk.rpartition("#")
    if sk.count("#") + 1 >= _ITEM_PARTS and index.isdecimal():
        return task, int(index)
    return sk, OF_A_TASK
