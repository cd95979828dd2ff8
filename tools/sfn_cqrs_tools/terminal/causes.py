"""The cause of a failure, for people: the reason, then the lines of their own code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.project import CHECKOUT, example, project

MAX_LINES: Final = 16
_VALUE: Final = re.compile(r"'[^']*'|, is .*$")
_SHORT: Final = re.compile(r"\((?P<file>[\w.-]+\.py), line (?P<line>\d+)\)$")


def reason_of(cause: str | None) -> str:
    """Return the first line of a cause, which says what happened."""
    return (cause or "").partition("\n")[0]


def cut(text: str, most: int) -> str:
    """Return the beginning of a text, with a mark if there is more of it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def code_of(cause: str | None) -> list[str]:
    """Return the lines of the user's code in a cause; files of this checkout have short names."""
    return shortened((cause or "").splitlines()[1 : 1 + MAX_LINES])


def result_of(one: Mapping[str, Any]) -> str:
    """Return the outcome of an item or a step: its error and cause, or its result."""
    if "error" in one:
        return f"{one['error']}: {reason_of(one.get('cause'))}"
    return json.dumps(one["result"], ensure_ascii=False) if "result" in one else ""


def shortened(lines: Iterable[str]) -> list[str]:
    """Return a text with short names for files of the project and of the framework's repository."""
    folders = (project(), example(), CHECKOUT)
    roots = re.compile("|".join(re.escape(f'"{root}/') for root in folders))
    return [roots.sub('"', line) for line in lines]


def without_value(reason: str) -> str:
    """Return the reason of a failed row without the wrong value, which differs from row to row."""
    return _VALUE.sub("…", reason)


def code_at(reason: str) -> list[str]:
    """Return the line that a reason names as `(orders.py, line 17)`, from this checkout's app."""
    found = _SHORT.search(reason)
    if found is None:
        return []
    number = int(found["line"])
    return [
        line
        for path in sorted((project() / "app").glob(f"*/{found['file']}"))
        for line in _shown(path, number)
    ]


def _shown(path: Path, number: int) -> Iterator[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    if number <= len(lines):
        yield f'  File "{path.relative_to(project())}", line {number}'
        yield f"    {lines[number - 1].strip()}"
