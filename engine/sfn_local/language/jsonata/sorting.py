"""Sorts as JSONata does, so that an odd comparison gives the same order."""

from collections.abc import Callable

from sfn_local.language.jsonata.values import Value


def merge_sorted(items: list[Value], is_after: Callable[[Value, Value], bool]) -> list[Value]:
    """Return the items in order; those that are equal stay as they were."""
    if len(items) <= 1:
        return items
    middle = len(items) // 2
    left = merge_sorted(items[:middle], is_after)
    right = merge_sorted(items[middle:], is_after)
    merged: list[Value] = []
    taken = 0
    for item in left:
        while taken < len(right) and is_after(item, right[taken]):
            merged.append(right[taken])
            taken += 1
        merged.append(item)
    return [*merged, *right[taken:]]
