"""How commands wait for what happens elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Final, TypeVar

from sfn_local.cli.showing import echo

T = TypeVar("T")
INTERRUPTED: Final = 130

_FIRST: Final = (0.05, 0.1, 0.2)
_LONGEST: Final = 0.5
_BUSY: Final = 1.0
_LONGEST_BUSY: Final = 10.0


def awaited(look: Callable[[], T], is_over: Callable[[T], bool]) -> T:
    """Look until the wait is over, with growing pauses; return the last result."""
    seconds = chain(_FIRST, repeat(_LONGEST))
    while not is_over(found := look()):
        time.sleep(next(seconds))
    return found


def busy_pause(retry_after: str | None) -> float:
    """Return the seconds that a busy API asks to wait; one, if it does not say."""
    if retry_after is None or not retry_after.isdecimal():
        return _BUSY
    return min(float(retry_after), _LONGEST_BUSY)


@contextmanager
def going_on(id_: str, command: str) -> Iterator[None]:
    """Say on Ctrl-C that the work goes on, and how to watch it again; exits 130."""
    try:
        yield
    except KeyboardInterrupt:
        echo(f"\n{id_} still runs; watch it again: {command}", err=True)
        raise SystemExit(INTERRUPTED) from None
