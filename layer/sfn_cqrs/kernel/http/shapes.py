"""Objects, lists and pages in JSON Schema: they check requests and show records."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.http.values import BY_RULE, CHECKED, MISSING, OF, TEXT, Shape

_CLOSED: Final = {"additionalProperties": False}
_CAPITAL: Final = re.compile("[A-Z]")
_FEW: Final = 3
_Getter = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Schema:
    """A shape with a name: a component of the document."""

    name: str
    shape: Shape

    @cached_property
    def fields(self) -> Shape:
        """Return the fields of an object, each with its shape."""
        fields: Shape = self.shape["properties"]
        return fields

    def checked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return an object that was sent, with defaults for missing fields.

        Fields with a rule of the domain are left to that rule.

        Raises:
            InvalidInputError: a field is unknown, missing, or not of its shape.
        """
        if unknown := sorted(body.keys() - self.fields.keys()):
            known = ", ".join(sorted(self.fields))
            raise InvalidInputError(unknown[0], f"is not known; known: {known}")
        given = {n: v for n, v in body.items() if v is not None or CHECKED not in self.fields[n]}
        for name in self.shape["required"]:
            if name not in given:
                raise InvalidInputError(name, self.fields[name].get(MISSING, "is missing"))
        for name, value in given.items():
            if reason := _refusal(self.fields[name], value):
                raise InvalidInputError(name, reason)
        return {**self._defaults, **given}

    def view(self, record: Any, **given: Any) -> dict[str, Any]:
        """Show a record: each field is the attribute that `of` names, or the field's own name.

        Given values come first. An optional field without a value is left out, unless it may be
        null and is given.
        """
        shown = {}
        for name, of, is_needed, may_be_null in self._getters:
            value = given[name] if name in given else of(record)
            if value is not None or is_needed or (may_be_null and name in given):
                shown[name] = value
        return shown

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        return {n: shape["default"] for n, shape in self.fields.items() if "default" in shape}

    @cached_property
    def _getters(self) -> list[tuple[str, _Getter, bool, bool]]:
        required = frozenset(self.shape["required"])
        return [
            (name, _getter(name, shape), name in required, _may_be_null(shape))
            for name, shape in self.fields.items()
        ]


def needed(body: Mapping[str, Any], *fields: str) -> None:
    """Refuse an object that lacks one of these fields.

    Raises:
        InvalidInputError: one is missing.
    """
    for name in fields:
        if name not in body:
            raise InvalidInputError(name, "is missing")


def list_of(shape: Shape | Schema) -> Shape:
    """Return the shape of a list."""
    return {"type": "array", "items": shape}


def record(name: str, fields: Shape, *, optional: Shape | None = None) -> Schema:
    """Return the shape of an object in an answer: its fields, and those that are optional."""
    properties = {**fields, **(optional or {})}
    return Schema(name, {"type": "object", "properties": properties, "required": list(fields)})


def body(name: str, needed: Shape, optional: Shape | None = None) -> Schema:
    """Return the shape of an object in a request; an unknown field is refused."""
    return Schema(name, {**record("", needed, optional=optional).shape, **_CLOSED})


def page_of(schema: Schema) -> Schema:
    """Return the shape of a page of a list."""
    return record(f"{schema.name}Page", {"items": list_of(schema)}, optional={"nextCursor": TEXT})


def must_be(choices: Sequence[str]) -> str:
    """Return a text that lists the allowed values."""
    few = len(choices) <= _FEW
    return f"must be {' or '.join(choices)}" if few else f"must be one of {', '.join(choices)}"


def failure_of(record: Any) -> dict[str, Any]:
    """Return the error of a failed record with its cause, or nothing if it did not fail."""
    return {} if record.error is None else {"error": record.error, "cause": record.cause}


def _refusal(shape: Shape, value: Any) -> str | None:
    """Return what a value must be, or None if it is, or if a rule of the domain checks it."""
    if BY_RULE in shape:
        return None
    if CHECKED in shape:
        return None if isinstance(value, str) else str(shape[CHECKED])
    if "enum" in shape:
        return None if value in shape["enum"] else must_be(shape["enum"])
    if shape.get("type") == "boolean":
        return None if isinstance(value, bool) else "must be true or false"
    if shape.get("type") == "object":
        return None if isinstance(value, dict) else "must be an object"
    if "maxItems" in shape:
        least, most = shape["minItems"], shape["maxItems"]
        is_list = isinstance(value, list) and least <= len(value) <= most
        return None if is_list else f"must be a list of {least} to {most}"
    return None


def _may_be_null(shape: Shape | Schema) -> bool:
    return not isinstance(shape, Schema) and "null" in shape.get("type", "null")


def _getter(name: str, shape: Shape | Schema) -> _Getter:
    """Return the function that reads a field of a record."""
    of = {} if isinstance(shape, Schema) else shape
    found = of.get(OF) or _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", name)
    read: _Getter = found if callable(found) else attrgetter(found)
    inner = shape if isinstance(shape, Schema) else of.get("items")
    if not isinstance(inner, Schema):
        return read

    def view(record: Any) -> Any:
        if (value := read(record)) is None:
            return None
        return inner.view(value) if inner is shape else [inner.view(one) for one in value]

    return view
