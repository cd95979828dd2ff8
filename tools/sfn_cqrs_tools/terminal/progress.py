"""The progress of long work: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn

PLAIN_SECONDS: Final = 2.0
SLOWER: Final = 1.5
"""Each line waits so much longer than the one before it, up to `LONGEST_PAUSE`."""
LONGEST_PAUSE: Final = 60.0
SHORTEST: Final = 0.5
NO_TOTAL: Final = -1
"""Nobody knows how much there is to do from now on."""
SLOW: Final = 10
"""A rate below this has two digits: `0.4/s`."""


Count = Callable[[int], None]
"""Shows how much is done so far."""


class Update(Protocol):
    """Reports the work done; the total may become known later, and `note` follows the numbers."""

    def __call__(self, done: int, *, total: int | None = None, note: str = "") -> None:
        """Show the progress."""


@contextmanager
def progress(
    console: Console, what: str, total: int, *, in_bytes: bool = False
) -> Iterator[Update]:
    """Yield a bar with rate and time left on a terminal, a line now and then elsewhere.

    A total of 0 means that it is not known yet.
    """
    from rich.progress import Progress  # noqa: PLC0415 - most commands end at once

    if not console.is_terminal:
        yield _PlainLines(console, what, total, in_bytes=in_bytes)
        return
    with Progress(*_columns(in_bytes=in_bytes), console=console) as bar:
        task = bar.add_task(what, total=total or None, rate="", note="")
        began: tuple[float, int] | None = None

        def update(done: int, *, total: int | None = None, note: str = "") -> None:
            nonlocal began
            began = began or (time.monotonic(), done)
            rate = _rate(time.monotonic() - began[0], done - began[1], in_bytes=in_bytes)
            known = None if total == NO_TOTAL else total or None
            bar.update(task, completed=done, total=known, rate=rate, note=note)

        yield update


@contextmanager
def working(console: Console, what: str) -> Iterator[None]:
    """Show on a terminal what is done and for how long, where nobody knows how much it is."""
    from rich.progress import (  # noqa: PLC0415 - most commands end at once
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    if not console.is_terminal:
        yield
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as shown:
        shown.add_task(what, total=None)
        yield


@contextmanager
def counting(console: Console, what: str) -> Iterator[Count]:
    """Yield what shows how much is done, where nobody knows how much it is.

    On a terminal for how long, too; elsewhere a line now and then, and none if it is soon over.
    """
    from rich.progress import (  # noqa: PLC0415 - most commands end at once
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    if not console.is_terminal:
        pace = _Pace(at_once=False)
        yield lambda done: console.print(f"{what}: {done:,}") if pace.is_due() else None
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done: shown.update(task, description=f"{what}: {done:,}")


@contextmanager
def waits_for(what: str, *, is_shown: bool) -> Iterator[None]:
    """Show on a terminal, beside the output, what a command waits for and for how long."""
    from rich.markup import escape  # noqa: PLC0415

    from sfn_cqrs_tools.terminal.printing import progress_console  # noqa: PLC0415

    console, text = progress_console(as_json=True), escape(f"waits for {what}")
    with working(console, text) if is_shown else nullcontext():
        yield


def _rate(seconds: float, done: int, *, in_bytes: bool) -> str:
    """Return the observed rate per second, or nothing until enough time has passed."""
    from rich.filesize import decimal  # noqa: PLC0415

    if seconds < SHORTEST:
        return ""
    rate = done / seconds
    return f"{decimal(int(rate)) if in_bytes else rate_text(rate)}/s"


def rate_text(rate: float) -> str:
    """Return a rate in few digits; a small rate is never shown as zero."""
    return f"{rate:,.0f}" if rate >= SLOW else f"{rate:.2g}"


def _columns(*, in_bytes: bool) -> tuple[ProgressColumn, ...]:
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    count = DownloadColumn() if in_bytes else MofNCompleteColumn()
    rate = TextColumn("{task.fields[rate]:>7}")
    name, note = TextColumn("{task.description:<10}"), TextColumn("{task.fields[note]}")
    bar = BarColumn(complete_style="cyan", finished_style="green")  # both of the first 16 colours
    return name, bar, count, rate, TimeRemainingColumn(elapsed_when_finished=True), note


class _Pace:
    """Says when the next line is due: soon at first, later each minute, so a file stays short."""

    def __init__(self, *, at_once: bool) -> None:
        self._pause = PLAIN_SECONDS
        self._due = 0.0 if at_once else time.monotonic() + self._pause

    def is_due(self) -> bool:
        """Return whether to print now; then the next line waits longer."""
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + self._pause
        self._pause = min(self._pause * SLOWER, LONGEST_PAUSE)
        return True


class _PlainLines:
    def __init__(self, console: Console, what: str, total: int, *, in_bytes: bool) -> None:
        self._console = console
        self._what = what
        self._total = total
        self._in_bytes = in_bytes
        self._pace, self._last = _Pace(at_once=True), -1

    def __call__(self, done: int, *, total: int | None = None, note: str = "") -> None:
        self._total = total or self._total
        if done == self._last or not self._total:
            return
        if not (0 < self._total <= done or self._pace.is_due()):
            return
        self._last = done
        of = "" if self._total == NO_TOTAL else f" of {self._shown(self._total)}"
        line = f"{self._what} {self._shown(done)}{of}"
        self._console.print(f"{line}: {note}" if note else line)

    def _shown(self, amount: int) -> str:
        from rich.filesize import decimal  # noqa: PLC0415

        return decimal(amount) if self._in_bytes else str(amount)
