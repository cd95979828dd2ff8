"""What commands print for people: tables, and attributes on a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDE: Final = 240


def console() -> Console:
    """Return where tables go; only a terminal is as narrow as it is."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def print_table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table, with an empty cell for None."""
    table = Table(*headings, box=None, header_style="bold", pad_edge=False)
    _print_rows(table, rows)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print names and values, one a line."""
    table = Table("name", "value", box=None, show_header=False, pad_edge=False)
    _print_rows(table, fields.items())


def _print_rows(table: Table, rows: Iterable[Iterable[Any]]) -> None:
    for row in rows:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    console().print(table)


def compact(attributes: Mapping[str, Any]) -> str:
    """Write attributes on one line."""
    return json.dumps(attributes, ensure_ascii=False, separators=(", ", ": "))
