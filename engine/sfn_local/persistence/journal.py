"""State that survives a restart: a SQLite file in a folder.

Events are only ever added; records, such as that of a machine or of where an execution stands,
and the children of Map Runs are replaced. All are written in one transaction, so that they agree
after a crash.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sfn_local.errors import JournalError
from sfn_local.executions.history import Event

FILE = "engine.sqlite"
FORMAT = "2"

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    execution TEXT, number INTEGER, previous INTEGER, moment REAL, type TEXT, details TEXT,
    PRIMARY KEY (execution, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS children (
    run TEXT, number INTEGER, items INTEGER, input TEXT, execution TEXT, status TEXT, results TEXT,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
"""


class Child(NamedTuple):
    """A child of a Map Run: its place, its input, and how it ended; status is None until then.

    Execution is the ARN of a STANDARD child.
    """

    run: str
    number: int
    items: int
    input: str | None
    execution: str | None
    status: str | None = None
    results: list[str] | None = None


@dataclass
class Changes:
    """The changes of one transaction.

    Records are by kind and key, and removed where they are None. The events of executions that
    are forgotten, and the children of Map Runs that are dropped, go before others are added.
    """

    records: dict[tuple[str, str], Any] = field(default_factory=dict)
    events: list[tuple[str, Event]] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


class Journal:
    """The file; its caller sees to it that one thread at a time uses it."""

    def __init__(self, folder: Path) -> None:
        """Open the journal of a folder, which is made if it does not exist.

        Raises:
            JournalError: it cannot be opened, belongs to an engine that runs, or is too new.
        """
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.touch(0o600)  # it holds task tokens; as are the files that SQLite makes beside it
            self._connection = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(f"BEGIN EXCLUSIVE;{SCHEMA}COMMIT;")
        except (OSError, sqlite3.Error) as error:
            hint = "; does another engine run with it?" if "locked" in str(error) else ""
            raise JournalError(f"{path} cannot be used ({error}){hint}") from None
        self._check_format(path)

    def records(self, kind: str) -> Iterator[tuple[str, Any]]:
        """The records of a kind, as keys and values."""
        rows = self._connection.execute("SELECT key, value FROM records WHERE kind = ?", (kind,))
        return ((key, json.loads(value)) for key, value in rows.fetchall())

    def events(self) -> Iterator[tuple[str, Event]]:
        """All events by execution, in their order."""
        for arn, number, previous, moment, kind, details in self._connection.execute(
            "SELECT * FROM events ORDER BY execution, number"
        ):
            given = None if details is None else json.loads(details)
            yield arn, Event(number, previous, moment, kind, given)

    def children(self, run: str) -> Iterator[Child]:
        """The children of a Map Run that have started, in their order."""
        for *plain, results in self._connection.execute(
            "SELECT * FROM children WHERE run = ? ORDER BY number", (run,)
        ):
            run_arn, number, items, text, execution, status = plain
            texts = None if results is None else json.loads(results)
            yield Child(run_arn, number, items, text, execution, status, texts)

    def write(self, changes: Changes) -> None:
        """Make changes, all or none.

        Raises:
            JournalError: none was made, as on a full disk; the same may be written later.
        """
        gone = [key for key, value in changes.records.items() if value is None]
        kept = [
            (*key, json.dumps(value)) for key, value in changes.records.items() if value is not None
        ]
        events = [
            (arn, each.number, each.previous, each.moment, each.type, _text(each.details))
            for arn, each in changes.events
        ]
        children = [(*child[:-1], _text(child.results)) for child in changes.children]
        run = self._connection.executemany
        with self._transaction():
            run("DELETE FROM records WHERE kind = ? AND key = ?", gone)
            run("DELETE FROM events WHERE execution = ?", [(arn,) for arn in changes.forgotten])
            run("DELETE FROM children WHERE run = ?", [(arn,) for arn in changes.dropped])
            run("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", kept)
            run("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?)", events)
            run("INSERT OR REPLACE INTO children VALUES (?, ?, ?, ?, ?, ?, ?)", children)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Write all of it or, where any of it fails, the commit included, nothing."""
        try:
            self._connection.execute("BEGIN")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:  # it has failed
                    self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise JournalError(f"the journal cannot be written: {error}") from error

    def put(self, kind: str, key: str, value: Any) -> None:
        """Replace one record, or remove it where the value is None."""
        self.write(Changes({(kind, key): value}))

    def close(self) -> None:
        """Let another engine have the file."""
        self._connection.close()

    def _check_format(self, path: Path) -> None:
        found = dict(self.records("meta")).get("format", FORMAT)
        if found != FORMAT:
            self.close()
            raise JournalError(f"{path} has the format {found}; this engine reads {FORMAT}")
        self.put("meta", "format", FORMAT)


def _text(value: dict[str, Any] | list[str] | None) -> str | None:
    return None if value is None else json.dumps(value)
