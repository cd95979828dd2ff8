"""The fields of a new type, such as `doctor:str 1..40, minutes:int 5..240, status:booked|done`."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sfn_cqrs_tools.scaffold.changes import ScaffoldError

_FORM: Final = re.compile(r"(?P<name>[a-z]\w*)\s*:\s*(?P<kind>[\w|]+)(?P<maybe>\??)(?P<rest>.*)")
_LIMITS: Final = re.compile(r"(?P<low>\d*)\.\.(?P<high>\d*)")
_KINDS: Final[dict[str, tuple[str, str, Any]]] = {
    "str": ("str", "", "x"),
    "int": ("int", "", 1),
    "float": ("float", "", 1.5),
    "bool": ("bool", "", True),
    "decimal": ("Decimal", "from decimal import Decimal", "12.50"),
    "date": ("date", "from datetime import date", "2026-11-29"),
    "datetime": ("datetime", "from datetime import datetime", "2026-11-29T09:00:00Z"),
}
"""Maps a field's word to its annotation, its import, and a value."""
_NUMBERS: Final = ("int", "float", "decimal")
EXAMPLE: Final = "doctor:str, minutes:int 5..240, status:booked|done, note:str?, email:str personal"


@dataclass(frozen=True)
class Field:
    """A field in the code: its line, its imports, and a valid value."""

    name: str
    annotation: str
    sample: Any
    imports: frozenset[str]
    is_optional: bool

    @property
    def line(self) -> str:
        """Write the field of the dataclass."""
        more = " | None = None" if self.is_optional else ""
        return f"    {self.name}: {self.annotation}{more}"


def parsed(text: str) -> list[Field]:
    """Read fields, those that are needed first.

    Raises:
        ScaffoldError: one of them cannot be read.
    """
    fields = [_field(part.strip()) for part in text.split(",") if part.strip()]
    names = [field.name for field in fields]
    if not fields or len(set(names)) < len(names):
        raise ScaffoldError(f"give each field once, such as {EXAMPLE!r}")
    return sorted(fields, key=lambda field: field.is_optional)


def import_statements(fields: Sequence[Field]) -> list[str]:
    """Return the fields' imports from the standard library, one statement for each module."""
    found: dict[str, set[str]] = {"dataclasses": {"dataclass"}}
    for field in fields:
        for statement in field.imports:
            module, name = statement.removeprefix("from ").split(" import ")
            if not module.startswith("sfn_cqrs"):
                found.setdefault(module, set()).add(name)
    return [f"from {module} import {', '.join(sorted(found[module]))}" for module in sorted(found)]


def own_names(fields: Sequence[Field]) -> list[str]:
    """Return the names that fields import from the framework."""
    own = "from sfn_cqrs.types import "
    return sorted({one.removeprefix(own) for f in fields for one in f.imports if own in one})


def _field(part: str) -> Field:
    found = _FORM.fullmatch(part)
    if found is None or keyword.iskeyword(found["name"]):
        raise ScaffoldError(f"{part!r} cannot be a field; write {EXAMPLE!r}")
    words = found["rest"].split()
    is_personal = "personal" in words
    limits = next((one for word in words if (one := _LIMITS.fullmatch(word))), None)
    if strange := [word for word in words if word != "personal" and not _LIMITS.fullmatch(word)]:
        raise ScaffoldError(f"{strange[0]!r} says nothing of {found['name']}; write {EXAMPLE!r}")
    annotation, imports, sample = _kind(found["name"], found["kind"])
    marks = []
    if limits is not None:
        mark, sample = _limits(found["kind"], limits, sample)
        marks.append(mark)
        imports.add("from sfn_cqrs.types import Meta")
    if is_personal:
        marks.append("Personal")
        imports.add("from sfn_cqrs.types import Personal")
    if marks:
        annotation = f"Annotated[{', '.join([annotation, *marks])}]"
        imports.add("from typing import Annotated")
    return Field(found["name"], annotation, sample, frozenset(imports), bool(found["maybe"]))


def _kind(name: str, kind: str) -> tuple[str, set[str], Any]:
    if "|" in kind:
        values = [value for value in kind.split("|") if value]
        listed = ", ".join(json.dumps(value) for value in values)
        return f"Literal[{listed}]", {"from typing import Literal"}, values[0]
    if kind not in _KINDS:
        known = ", ".join(_KINDS)
        raise ScaffoldError(f"{name}: {kind!r} is not a type of field; known: {known}, or a|b")
    annotation, statement, sample = _KINDS[kind]
    return annotation, {statement} - {""}, sample


def _limits(kind: str, limits: re.Match[str], sample: Any) -> tuple[str, Any]:
    low, high = limits["low"], limits["high"]
    if kind not in (*_NUMBERS, "str"):
        raise ScaffoldError(f"{limits[0]}: only numbers and texts have limits")
    least, most = ("ge", "le") if kind in _NUMBERS else ("min_length", "max_length")
    given = [f"{word}={value}" for word, value in ((least, low), (most, high)) if value]
    if not given:
        raise ScaffoldError(f"{limits[0]} has no limit")
    if kind == "str":
        sample = "x" * max(1, int(low or 1))
    else:
        number = low or high
        sample = number if kind == "decimal" else int(number)
    return f"Meta({', '.join(given)})", sample
