"""Objects, lists and pages, as JSON Schema has them."""

from dataclasses import dataclass
from typing import Final

from sfn_cqrs.routes.schemas.values import TEXT, Shape

_CLOSED: Final = {"additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Schema:
    """A shape with a name: a component of the document."""

    name: str
    shape: Shape

    @property
    def fields(self) -> frozenset[str]:
        """The fields of an object."""
        return frozenset(self.shape["properties"])


def list_of(shape: Shape | Schema) -> Shape:
    """A list."""
    return {"type": "array", "items": shape}


def record(name: str, fields: Shape, *, optional: Shape | None = None) -> Schema:
    """An object that is answered: its fields, and those that it may lack."""
    properties = {**fields, **(optional or {})}
    return Schema(name, {"type": "object", "properties": properties, "required": list(fields)})


def body(name: str, needed: Shape, optional: Shape | None = None) -> Schema:
    """An object that is sent; an unknown field is refused."""
    return Schema(name, {**record("", needed, optional=optional).shape, **_CLOSED})


def page_of(schema: Schema) -> Schema:
    """A page of a list."""
    return record(f"{schema.name}Page", {"items": list_of(schema)}, optional={"nextCursor": TEXT})
