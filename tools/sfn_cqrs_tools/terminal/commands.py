"""The commands that show more about something."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, Final

_SHOWN_BY: Final = {
    "t": "task show",
    "s": "task show",
    "g": "saga show",
    "a": "approval show",
    "c": "import show",
    "z": "import show",
    "r": "import show",
}
_IDS: Final = ("task", "saga", "approval", "job", "id")


def look_at(about: Mapping[str, Any]) -> str:
    """Return the command that shows the subject of an input or a log line; empty if unknown."""
    if "code" in about and "type" in about:
        return f"sfn-cqrs chain show {about['type']} {shlex.quote(str(about['code']))}"
    for name in _IDS:
        command = _SHOWN_BY.get(str(about.get(name, ""))[:1])
        if command and str(about[name])[1:2] == "-":
            return f"sfn-cqrs {command} {about[name]}"
    if "execution" in about:
        return f"sfn-cqrs execution show {about['execution']}"
    return ""
