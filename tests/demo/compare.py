"""Compares the source with the rows found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def differ(what: str, expected: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    """Return one line for each row that is missing, too much or not as expected."""
    return [
        f"{what} {row}: expected {expected.get(row)}, found {found.get(row)}"
        for row in sorted(expected.keys() | found.keys(), key=str)
        if expected.get(row) != found.get(row)
    ]


def unlike(facts: Iterable[tuple[str, Any, Any]]) -> list[str]:
    """Return one line for each fact that is not as it has to be: what, as expected, as found."""
    return [
        f"{what}: expected {expected}, found {found}"
        for what, expected, found in facts
        if expected != found
    ]
