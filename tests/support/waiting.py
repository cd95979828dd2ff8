"""Waits for what is so soon, however busy the machine is."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PAUSE_SECONDS = 0.05


def waited(
    read: Callable[[], Found], is_it: Callable[[Found], object] = bool, seconds: float = 60
) -> Found:
    """Read something until it is what is waited for.

    Raises:
        AssertionError: it is not in time; it says what was read last.
    """
    until = time.monotonic() + seconds
    while not is_it(found := read()):
        assert time.monotonic() < until, found
        time.sleep(PAUSE_SECONDS)
    return found
