"""What fields hold, as JSON Schema has it."""

from collections.abc import Mapping
from typing import Any, Final

Shape = Mapping[str, Any]
"""A JSON Schema in which a `Schema` may stand wherever a schema may."""

TEXT: Final[Shape] = {"type": "string"}
FLAG: Final[Shape] = {"type": "boolean"}
COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
VERSION: Final[Shape] = {"type": "integer", "minimum": 1, "maximum": 99_999_999}
MOMENT: Final[Shape] = {"type": "string", "format": "date-time"}
ANYTHING: Final[Shape] = {}


def one_of(*values: str) -> Shape:
    """A text out of a few."""
    return {"type": "string", "enum": list(values)}


def nullable(shape: Shape) -> Shape:
    """A value that may be null."""
    return {**shape, "type": [shape["type"], "null"]}
