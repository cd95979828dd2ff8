"""The bodies of a publish in the document: one for each type that has a model, and an open one."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sfn_cqrs.routes.schemas.commands import ONE, PUBLISH
from sfn_cqrs.routes.schemas.shapes import Schema
from sfn_cqrs.routes.schemas.values import FLAG, one_of
from sfn_cqrs.service.types import TypeShown

_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")
_DEFINITION: Final = "#/$defs/"


def publish_schemas(
    types: Iterable[TypeShown],
) -> tuple[dict[Schema, list[str]], dict[str, Any]]:
    """Return the names of the bodies that stand for each schema of a publish, and all components.

    A type with a model has two bodies, alone and in a batch: a whole version, such as
    `Publish_ORDER`, and a partial change, such as `Change_ORDER`. Without a model there are none.
    """
    untyped: list[str] = []
    bodies: dict[Schema, list[str]] = {PUBLISH: [], ONE: []}
    schemas: dict[str, Any] = {}
    for one in types:
        if one.schema is None:
            untyped.append(one.name)
            continue
        name = _NAME.sub("_", one.name)
        schemas |= _components(one.schema, name)
        schemas[f"{name}_change"] = _change(schemas[name])
        for body, names in bodies.items():
            whole = f"{body.name}_{name}"
            change = whole.replace("Publish", "Change", 1)
            schemas[whole] = _body(body, one.name, name, is_partial=False)
            schemas[change] = _body(body, one.name, f"{name}_change", is_partial=True)
            names += [whole, change]
    if not schemas:
        return {}, {}
    if untyped:
        for body, names in bodies.items():
            names.append(body.name)
            fields = {**body.fields, "type": one_of(*untyped)}
            schemas[body.name] = {**body.shape, "properties": fields}
    return bodies, schemas


def _body(body: Schema, type_: str, attributes: str, *, is_partial: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        **body.fields,
        "type": {"const": type_},
        "attributes": {"$ref": f"#/components/schemas/{attributes}"},
    }
    required = ["type", "code"]
    if is_partial:
        properties["partial"] = {"const": True}
        required.append("partial")
    else:
        properties["partial"] = {**FLAG, "enum": [False]}
        required += ["name", "attributes"]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _change(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a merge patch: every field is optional, and null removes one."""
    properties = {
        name: {"anyOf": [_loose(field), {"type": "null"}]}
        for name, field in schema.get("properties", {}).items()
    }
    kept = {name: value for name, value in schema.items() if name not in ("required", "$defs")}
    return {**kept, "properties": properties}


def _loose(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a field in a patch: any part of an object, because it is merged."""
    is_object = field.get("type") == "object" or "$ref" in field
    return {"type": "object"} if is_object else field


def _components(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a schema and its own definitions as components, such as `ORDER` and `ORDER.Line`."""
    found = {name: {key: value for key, value in schema.items() if key != "$defs"}}
    for one, definition in schema.get("$defs", {}).items():
        found[f"{name}.{_NAME.sub('_', one)}"] = definition
    return {each: _moved(one, name) for each, one in found.items()}


def _moved(shape: Any, name: str) -> Any:
    """Return a part of a schema whose references lead to components."""
    if isinstance(shape, list):
        return [_moved(one, name) for one in shape]
    if not isinstance(shape, Mapping):
        return shape
    moved = {key: _moved(value, name) for key, value in shape.items()}
    reference = moved.get("$ref")
    if isinstance(reference, str) and reference.startswith(_DEFINITION):
        definition = _NAME.sub("_", reference.removeprefix(_DEFINITION))
        moved["$ref"] = f"#/components/schemas/{name}.{definition}"
    return moved
