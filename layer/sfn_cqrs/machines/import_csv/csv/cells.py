"""Reads the cells of imported rows: each reader takes a column's name and its text.

A reader refuses what is none of its kind by `InvalidInputError`, which names the column.
"""

import re
from collections.abc import Callable
from datetime import date as calendar_date

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.values import Json

Reader = Callable[[str, str], Json]
"""Takes a column's name and a cell, and returns the value; raises InvalidInputError."""

INTEGER = re.compile(r"[+-]?\d{1,38}", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
BOOLEANS = {"true": True, "false": False}


def filled(column: str, cell: str) -> str:
    """A cell that must not be empty."""
    if not cell:
        raise InvalidInputError(column, "must not be empty")
    return cell


def text(_column: str, cell: str) -> str:
    """The text, unchanged."""
    return cell


def integer(column: str, cell: str) -> int:
    """A whole number of at most 38 digits."""
    if not INTEGER.fullmatch(cell):
        raise InvalidInputError(column, f"{cell!r} is not a whole number")
    return int(cell)


def number(column: str, cell: str) -> float:
    """A number with a decimal point, or an exponent."""
    if not NUMBER.fullmatch(cell):
        raise InvalidInputError(column, f"{cell!r} is not a number")
    return float(cell)


def boolean(column: str, cell: str) -> bool:
    """`true` or `false`, in any case."""
    if cell.lower() not in BOOLEANS:
        raise InvalidInputError(column, f"{cell!r} is neither true nor false")
    return BOOLEANS[cell.lower()]


def date(column: str, cell: str) -> str:
    """A date that exists, as YYYY-MM-DD; it stays text."""
    try:
        if _DATE.fullmatch(cell):
            return calendar_date.fromisoformat(cell).isoformat()
    except ValueError:
        pass
    raise InvalidInputError(column, f"{cell!r} is not a date such as 2026-11-25")
