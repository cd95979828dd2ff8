"""Two JSON values compared, each value by its JSONPath."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sfn_cqrs_tools.console.differences import Difference, compare

MOST: Final = 1_000
"""Values of a text that are compared."""
LONGEST: Final = 300
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*")


def changes(before: str | None, after: str | None) -> list[Difference]:
    """Return what two JSON texts have, and how it differs; empty where one is missing."""
    if before is None or after is None:
        return []
    return list(compare(_by_path(before), _by_path(after)))


def _by_path(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    found: dict[str, Any] = {}
    for path, each in _leaves(value, "$"):
        found[path] = each
        if len(found) == MOST:
            break
    return found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield each value that has no others inside."""
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            step = f".{name}" if _PLAIN.fullmatch(name) else f"[{json.dumps(name)}]"
            yield from _leaves(each, path + step)
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}[{index}]")
    else:
        yield path, value[:LONGEST] + "…" if _is_long(value) else value


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > LONGEST
