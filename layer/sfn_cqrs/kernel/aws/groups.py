"""Parts in groups that one call can take."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Weight = tuple[int, int]
"""A count, and bytes."""


def groups(parts: Iterable[T], weigh: Callable[[T], Weight], most: Weight) -> Iterator[list[T]]:
    """Yield the parts in their order, in groups that weigh no more than the most.

    A part that weighs more is a group of its own.
    """
    group: list[T] = []
    count = size = 0
    for part in parts:
        counts, bytes_ = weigh(part)
        if group and (count + counts > most[0] or size + bytes_ > most[1]):
            yield group
            group, count, size = [], 0, 0
        group.append(part)
        count, size = count + counts, size + bytes_
    if group:
        yield group
