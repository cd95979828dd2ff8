"""How far long work is: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_SECONDS: Final = 2.0


@contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar with rate and time left on a terminal, a line every two seconds elsewhere."""
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    if not console.is_terminal:
        yield _plain_lines(console, what, total)
        return
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>5.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total, rate=0.0)
        began = time.monotonic()

        def update(done: int) -> None:
            rate = done / max(time.monotonic() - began, 0.001)
            bar.update(task, completed=done, rate=rate)

        yield update


def _plain_lines(console: Console, what: str, total: int) -> Callable[[int], None]:
    printed, last = 0.0, -1

    def update(done: int) -> None:
        nonlocal printed, last
        is_due = done >= total or time.monotonic() - printed > PLAIN_SECONDS
        if is_due and done != last:
            printed, last = time.monotonic(), done
            console.print(f"{what} {done} of {total}")

    return update
