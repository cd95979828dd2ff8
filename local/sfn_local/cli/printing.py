"""What commands print: JSON for programs, tables and coloured words for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def console() -> Console:
    """Return where tables go; no colours where nobody sees them."""
    return Console(highlight=False, soft_wrap=True)


def print_table(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print a table, with an empty cell for None."""
    table = Table(*headings, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table)


def compact(attributes: Mapping[str, Any]) -> str:
    """Write attributes on one line."""
    return json.dumps(attributes, ensure_ascii=False, separators=(", ", ": "))
