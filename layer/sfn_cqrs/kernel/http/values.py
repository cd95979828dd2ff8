"""The values of fields in JSON Schema."""

from collections.abc import Callable, Mapping
from typing import Any, Final

Shape = Mapping[str, Any]
"""A JSON Schema that may have a `Schema` in the place of any schema."""

TEXT: Final[Shape] = {"type": "string"}
FLAG: Final[Shape] = {"type": "boolean"}
COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
VERSION: Final[Shape] = {"type": "integer", "minimum": 1, "maximum": 99_999_999}
MOMENT: Final[Shape] = {"type": "string", "format": "date-time"}
ANYTHING: Final[Shape] = {}
OBJECT: Final[Shape] = {"type": "object", "additionalProperties": True}
"""An object with any fields; without `additionalProperties`, generated clients allow none."""

OF: Final = "x-of"
"""The record's attribute that a field shows. The document leaves these keys out."""
MISSING: Final = "x-missing"
"""The message for a missing text."""
CHECKED: Final = "x-checked"
"""The message for a value that is not text; null counts as not given."""
BY_RULE: Final = "x-by-rule"
"""A rule of the domain checks the field, with its own messages."""
PRIVATE: Final = frozenset((OF, MISSING, CHECKED, BY_RULE))


def one_of(*values: str) -> Shape:
    """Return the schema of a text with a few allowed values."""
    return {"type": "string", "enum": list(values)}


def of(what: str | Callable[[Any], Any], shape: Shape) -> Shape:
    """Return a field that shows an attribute of another name, or a computed value."""
    return {**shape, OF: what}


def given(shape: Shape) -> Shape:
    """Return a field that is not in the record: the caller gives it, or it is left out."""
    return of(lambda _record: None, shape)


def text(missing: str = "is missing", wrong: str = "must be text", **more: Any) -> Shape:
    """Return the schema of a text without a rule of the domain; null counts as not given."""
    return {**TEXT, MISSING: missing, CHECKED: wrong, **more}


def by_rule(shape: Shape) -> Shape:
    """Return a field that a rule of the domain checks."""
    return {**shape, BY_RULE: True}


def audit(path: str, what: str) -> dict[str, Shape]:
    """Return the schema of an action's user and time."""
    return {f"{what}At": of(f"{path}.at", MOMENT), f"{what}By": of(f"{path}.by", TEXT)}


def nullable(shape: Shape) -> Shape:
    """Return the schema of a value that may be null."""
    return {**shape, "type": [shape["type"], "null"]}
