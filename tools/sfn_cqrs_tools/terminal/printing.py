"""Output of commands for people: tables, and attributes on a line."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from sfn_cqrs_tools.terminal.causes import cut
from sfn_local.cli.command import print_json
from sfn_local.cli.showing import echo, visible

WIDE: Final = 240
GAP: Final = 2
"""Blanks between two columns."""


class Screen(Console):
    """A console that shows control characters in texts, and never executes them."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Show the control characters of every text; the console's own are executed."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else visible(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style)


def console() -> Screen:
    """Return the console for tables; only a terminal limits their width."""
    return Screen(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def progress_console(*, as_json: bool) -> Screen:
    """Return the console for progress, which is not the output of JSON."""
    return Screen(stderr=as_json, highlight=False)


def show_file(chunks: Iterable[bytes]) -> None:
    """Write a file to standard output unchanged, or to a terminal as visible text."""
    if not sys.stdout.isatty():
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
        return
    for text in codecs.iterdecode(chunks, "utf-8-sig", "replace"):
        echo(text.replace("\r\n", "\n"), nl=False)


LONGEST: Final = 48
LONGEST_CELL: Final = 2_000
WHOLE: Final = frozenset(
    ("id", "code", "task", "import", "archive", "approval", "saga", "name", "status")
)
"""Columns whose cells people copy: no terminal is too narrow for them."""


def print_table(
    headings: Sequence[str],
    rows: Iterable[Iterable[Any]],
    *,
    spare: Sequence[str] = (),
    none: str = "",
) -> None:
    """Print a table, with an empty cell for None; without rows, print `none` in its place.

    Where the terminal is too narrow, `spare` columns are left out, the first one first. A long
    value is cut: --json has all of it.
    """
    cells = [["" if cell is None else _shown(cell) for cell in row] for row in rows]
    if none and not cells:
        console().print(none, markup=False, soft_wrap=True)
        return
    kept = _fitting(headings, cells, spare)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index in kept:
        width = _width(headings, cells, index)
        is_kept = headings[index] in WHOLE and width <= LONGEST
        table.add_column(
            headings[index],
            no_wrap=is_kept,
            min_width=width if is_kept else None,
            overflow="fold",
        )
    _print_rows(table, ([row[index] for index in kept] for row in cells))


def _shown(cell: Any) -> str:
    return visible(cut(str(cell), LONGEST_CELL))


Columns = Sequence[str] | Mapping[str, str | Callable[[Any], Any]]
"""The fields that a table shows; or each title with its field, or with what makes its cells."""


def print_list(
    found: Sequence[Any],
    columns: Columns,
    *,
    as_json: bool,
    spare: Sequence[str] = (),
    none: str = "",
) -> None:
    """Print a list: as JSON, or as a table."""
    if as_json:
        print_json(found)
        return
    named = columns if isinstance(columns, Mapping) else {name: name for name in columns}
    rows = [[_cell(one, what) for what in named.values()] for one in found]
    print_table(list(named), rows, spare=spare, none=none)


def _cell(one: Any, what: str | Callable[[Any], Any]) -> Any:
    value = one.get(what) if isinstance(what, str) else what(one)
    return compact(value) if isinstance(value, Mapping) else value


def print_answer(answer: Any, sentence: str, *, as_json: bool) -> None:
    """Print a command's result: as JSON, or as a line for a person."""
    if as_json:
        print_json(answer)
    else:
        echo(sentence)


def _fitting(
    headings: Sequence[str], cells: Sequence[Sequence[str]], spare: Sequence[str]
) -> list[int]:
    kept = list(range(len(headings)))
    for name in spare:
        widths = [_width(headings, cells, index) for index in kept]
        if sum(widths) + GAP * (len(widths) - 1) <= console().width:
            break
        kept.remove(headings.index(name))
    return kept


def _width(headings: Sequence[str], cells: Sequence[Sequence[str]], index: int) -> int:
    return max(cell_len(text) for text in (headings[index], *(row[index] for row in cells)))


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
