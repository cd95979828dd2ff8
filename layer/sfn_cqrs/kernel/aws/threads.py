"""Work in parallel threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def at_once(work: Callable[[T], R], parts: Iterable[T]) -> list[R]:
    """Do the work on each part in its own thread; return the results in the parts' order.

    Raises:
        Exception: the error of the first part that failed, after all parts have ended.
    """
    given = list(parts)
    with ThreadPoolExecutor(len(given)) as pool:
        begun = [pool.submit(copy_context().run, work, part) for part in given]
    return [each.result() for each in begun]
