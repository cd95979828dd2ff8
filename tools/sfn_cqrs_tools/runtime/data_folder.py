"""The data that a stack keeps across restarts and removes with --fresh."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.runtime.state import OwnedFolder

logger = logging.getLogger(__name__)

_OURS: Final = ("engine", "buckets", "postgres", "versions")
_FILES: Final = ("fabric.sqlite", "events.sqlite")


class DataFolder(OwnedFolder):
    """The folder for the data that a stack keeps."""

    def __init__(self, path: Path | str) -> None:
        """Use `path`, which is made when it is taken."""
        super().__init__(path)
        self.engine = self.path / "engine"
        """Machines, executions and waiting tokens."""
        self.postgres = self.path / "postgres"
        """The database."""
        self.versions = self.path / "versions"
        """What is published of functions behind an alias."""
        self.events = self.path / "events.sqlite"
        """Events that functions are still to get."""

    def acquire(self, *, fresh: bool) -> None:
        """Lock the folder for this stack and empty it if `fresh`.

        Raises:
            StackError: another stack has it, or it cannot be made.
        """
        taken = (
            f"another stack runs on the data of {self.path}: stop it, or name another --data-dir"
        )
        self.take("data", taken)
        if fresh:
            self._forget()

    def _forget(self) -> None:
        """Remove what a stack keeps, and nothing else that may be there."""
        for name in _OURS:
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in _FILES:
            for suffix in ("", "-wal", "-shm"):
                (self.path / f"{name}{suffix}").unlink(missing_ok=True)


class KeptEvents:
    """Asynchronous events, kept from their arrival until a function is done with them."""

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        self._lock = threading.Lock()
        path.touch(0o600)  # SQLite gives its other files the same mode
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS events"
            " (number INTEGER PRIMARY KEY, function TEXT NOT NULL, payload BLOB NOT NULL)"
        )

    def keep(self, function: str, payload: bytes) -> Callable[[], None]:
        """Keep an event if there is room; return the function that releases it."""
        with self._lock:
            try:
                cursor = self._file.execute(
                    "INSERT INTO events (function, payload) VALUES (?, ?)", (function, payload)
                )
            except sqlite3.Error as error:  # its sender cannot send it again
                logger.error("an event of %s does not survive a kill: %s", function, error)
                return lambda: None
            return self._forgetting(cursor.lastrowid or 0)

    def left(self) -> Iterator[tuple[str, bytes, Callable[[], None]]]:
        """Return the events kept earlier, oldest first, each with the function that releases it."""
        with (
            self._lock,
            closing(self._file.execute("SELECT * FROM events ORDER BY number")) as all_,
        ):
            rows = all_.fetchall()
        for number, function, payload in rows:
            yield function, payload, self._forgetting(number)

    def close(self) -> None:
        """Keep nothing more."""
        with self._lock:
            self._file.close()

    def _forgetting(self, number: int) -> Callable[[], None]:
        def forget() -> None:
            # Once it is closed, or on a full disk, the event is tried again at the next start.
            with self._lock, suppress(sqlite3.Error):
                self._file.execute("DELETE FROM events WHERE number = ?", (number,))

        return forget
