"""How commands wait for what happens elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Final

import click

INTERRUPTED: Final = 130

_FIRST: Final = (0.05, 0.1, 0.2)
_LONGEST: Final = 0.5
_BUSY: Final = 1.0
_LONGEST_BUSY: Final = 10.0


def pauses() -> Iterator[float]:
    """Seconds from one look to the next: what is done soon is seen soon."""
    yield from _FIRST
    yield from repeat(_LONGEST)


def busy_pause(retry_after: str | None) -> float:
    """Seconds for which a busy API asks to be left alone; one, where it does not say."""
    if retry_after is None or not retry_after.isdecimal():
        return _BUSY
    return min(float(retry_after), _LONGEST_BUSY)


@contextmanager
def going_on(id_: str, command: str) -> Iterator[None]:
    """Say on Ctrl-C that the work goes on, and how to watch it again; exits 130."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"\n{id_} goes on without you; watch it again: {command}", err=True)
        raise SystemExit(INTERRUPTED) from None
