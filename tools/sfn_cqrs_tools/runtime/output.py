"""Writes functions' output to one log; each line has its function and request id."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO


@dataclass
class _Printing:
    prefix: str
    partial: str = ""


_printing: ContextVar[_Printing | None] = ContextVar("printing", default=None)


@contextmanager
def opened_log(path: Path) -> Iterator[TextIO]:
    """Open a log for appending; lines that do not fit at the end are lost."""
    log = path.open("a", encoding="utf-8")
    try:
        yield log
    finally:
        with suppress(OSError):
            log.close()


@contextmanager
def printing_as(prefix: str) -> Iterator[None]:
    """Mark what this thread prints as output of a function."""
    printing = _Printing(prefix)
    token = _printing.set(printing)
    try:
        yield
    finally:
        if printing.partial:
            sys.stdout.write("\n")
        _printing.reset(token)


class FunctionOutput:
    """Replaces sys.stdout while entered, and takes the lines that functions print."""

    def __init__(self, log: TextIO) -> None:
        """Write functions' lines to `log`."""
        self._log = log
        self.listeners: list[Callable[[str], None]] = []
        self._lock = threading.Lock()
        self._router: _Router | None = None

    def __enter__(self) -> Self:
        """Replace sys.stdout."""
        _Router.output = self
        sys.stdout = self._router = _Router(sys.stdout)
        return self

    def __exit__(self, *_: object) -> None:
        """Put sys.stdout back, unless somebody else has replaced it meanwhile."""
        if self._router is not None and sys.stdout is self._router:
            sys.stdout = self._router.plain

    def line(self, prefix: str, text: str) -> None:
        """Write one line to the log."""
        with self._lock:
            if not self._log.closed:
                with suppress(OSError):  # a full disk is not the function's failure
                    self._log.write(f"{prefix} {text}\n")
                    self._log.flush()
        for listener in self.listeners:  # outside the lock: it may print
            listener(f"{prefix} {text}")


class _Router(io.TextIOBase):
    """A text stream whose writes go to the log where a function makes them."""

    output: FunctionOutput
    """Of the latest stack: a logger that was made in an earlier one still has its router."""

    def __init__(self, plain: TextIO) -> None:
        self.plain = plain

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return the encoding of the replaced stream."""
        return self.plain.encoding

    def write(self, text: str) -> int:
        """Write; in a function, hold the text back until its line is whole."""
        printing = _printing.get()
        if printing is None:
            return self.plain.write(text)
        *lines, printing.partial = (printing.partial + text).split("\n")
        for line in lines:
            self.output.line(printing.prefix, line)
        return len(text)

    def flush(self) -> None:
        """Flush the replaced stream."""
        if _printing.get() is None:
            self.plain.flush()

    def isatty(self) -> bool:
        """Return whether a person reads this."""
        return _printing.get() is None and self.plain.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the replaced stream."""
        return self.plain.fileno()
