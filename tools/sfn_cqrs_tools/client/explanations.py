"""The meaning and the remedy of each stable code, from the page docs/reference/errors.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sfn_cqrs.kernel import errors
from sfn_cqrs_tools.project import application

PAGE: Final = "docs/reference/errors.md"
_ENTRY: Final = re.compile(
    r"^### (?P<code>[^\n]+)\n\n"
    r"- \*\*What\*\*: (?P<what>[^\n]+)\n"
    r"- \*\*Why\*\*: (?P<why>[^\n]+)\n"
    r"- \*\*Fix\*\*: (?P<fix>[^\n]+)\n",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A code, its message, its cause and its remedy; `part` is the heading above it."""

    code: str
    part: str
    what: str
    why: str
    fix: str


def explanations() -> dict[str, Explanation]:
    """Return every code of the page, in its order."""
    found = {}
    for section in (application() / PAGE).read_text(encoding="utf-8").split("\n## ")[1:]:
        part = section.partition("\n")[0]
        for entry in _ENTRY.finditer(section):
            found[entry["code"]] = Explanation(part=part, **entry.groupdict())
    return found


def code_of(name: str) -> str:
    """Return the code for an error's class name, as in logs; any other name is unchanged."""
    kind = getattr(errors, name, None)
    return getattr(kind, "code", name) if isinstance(kind, type) else name
