"""Whole lists as files: a row a line, as CSV or as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sfn_cqrs.machines.import_csv.csv.formulas import safe
from sfn_cqrs_tools.console.masking import masked_event

Record = Mapping[str, Any]


def as_csv(records: Sequence[Record]) -> bytes:
    """Write a column for each name; no cell is a formula."""
    rows = [dict(_cells(one)) for one in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(safe, names))
    writer.writerows([row.get(name, "") for name in names] for row in rows)
    return text.getvalue().encode("utf-8-sig", errors="replace")


def as_json_lines(records: Sequence[Record]) -> bytes:
    """Write a JSON object a line."""
    lines = (json.dumps(masked_event(one), ensure_ascii=False, default=_text) for one in records)
    return "".join(f"{line}\n" for line in lines).encode(errors="replace")


FORMATS: Final[Mapping[str, tuple[str, str, Callable[[Sequence[Record]], bytes]]]] = {
    "csv": ("CSV", "text/csv; charset=utf-8", as_csv),
    "jsonl": ("JSON lines", "application/jsonl", as_json_lines),
}
"""The label, the type and the writer of each format."""


def _cells(record: Record) -> Iterator[tuple[str, str]]:
    """Yield a cell for each value; an object has one for each of its own."""
    for name, value in masked_event(record).items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", safe(_text(each))) for inner, each in value.items())
        else:
            yield name, safe(_text(value))


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, default=str)
