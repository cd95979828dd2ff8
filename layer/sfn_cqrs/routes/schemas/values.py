"""What fields hold, as JSON Schema has it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

Shape = Mapping[str, Any]
"""A JSON Schema in which a `Schema` may stand wherever a schema may."""

TEXT: Final[Shape] = {"type": "string"}
FLAG: Final[Shape] = {"type": "boolean"}
COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
VERSION: Final[Shape] = {"type": "integer", "minimum": 1, "maximum": 99_999_999}
MOMENT: Final[Shape] = {"type": "string", "format": "date-time"}
ANYTHING: Final[Shape] = {}

OF: Final = "x-of"
"""Which attribute of a record a field shows. The document says nothing of these keys."""
MISSING: Final = "x-missing"
"""What is told of a text that is missing."""
CHECKED: Final = "x-checked"
"""What is told of a value that is not text; null is as if the field were not given."""
BY_RULE: Final = "x-by-rule"
"""A rule of the domain checks the field, with its own words."""
PRIVATE: Final = frozenset((OF, MISSING, CHECKED, BY_RULE))


def one_of(*values: str) -> Shape:
    """A text out of a few."""
    return {"type": "string", "enum": list(values)}


def of(what: str | Callable[[Any], Any], shape: Shape) -> Shape:
    """A field that shows an attribute of another name, or what is made of the record."""
    return {**shape, OF: what}


def given(shape: Shape) -> Shape:
    """A field that the record has not: whoever shows the record gives it, or it is left out."""
    return of(lambda _record: None, shape)


def text(missing: str = "is missing", wrong: str = "must be text", **more: Any) -> Shape:
    """A text of which no rule of the domain says anything; null is as if it were not given."""
    return {**TEXT, MISSING: missing, CHECKED: wrong, **more}


def by_rule(shape: Shape) -> Shape:
    """A field that a rule of the domain checks."""
    return {**shape, BY_RULE: True}


def audit(path: str, what: str) -> dict[str, Shape]:
    """Who did something, and when."""
    return {f"{what}At": of(f"{path}.at", MOMENT), f"{what}By": of(f"{path}.by", TEXT)}


def nullable(shape: Shape) -> Shape:
    """A value that may be null."""
    return {**shape, "type": [shape["type"], "null"]}
