"""What differs between the source and what is found."""

from __future__ import annotations

from typing import Any


def differ(what: str, expected: dict[Any, Any], found: dict[Any, Any]) -> list[str]:
    """One line for each row that is missing, too much or not as expected."""
    return [
        f"{what} {row}: expected {expected.get(row)}, found {found.get(row)}"
        for row in sorted(expected.keys() | found.keys(), key=str)
        if expected.get(row) != found.get(row)
    ]
