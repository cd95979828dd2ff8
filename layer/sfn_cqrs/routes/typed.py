"""The bodies of a publish in the document: one for each type that has a model, and an open one."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sfn_cqrs.routes.schemas.commands import PUBLISH
from sfn_cqrs.service.types import TypeShown

_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")


def publish_schemas(types: Iterable[TypeShown]) -> tuple[list[str], dict[str, Any]]:
    """Return the names of the bodies, and every component that they need.

    A type with a model has two bodies: a whole version, and a partial change.
    """
    shown = list(types)
    bodies: list[str] = []
    schemas: dict[str, Any] = {}
    for one in shown:
        if one.schema is not None:
            name = _NAME.sub("_", one.name)
            schemas[name] = _moved(one.schema, name)
            schemas[f"{name}_change"] = _change(schemas[name])
            schemas[f"Publish_{name}"] = _body(one.name, name, is_partial=False)
            schemas[f"Change_{name}"] = _body(one.name, f"{name}_change", is_partial=True)
            bodies += [f"Publish_{name}", f"Change_{name}"]
    if any(one.schema is None for one in shown):
        bodies.append(PUBLISH.name)
    return bodies, schemas


def _body(type_: str, attributes: str, *, is_partial: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        **PUBLISH.fields,
        "type": {"const": type_},
        "attributes": {"$ref": f"#/components/schemas/{attributes}"},
    }
    required = ["type", "code"]
    if is_partial:
        properties["partial"] = {"const": True}
        required.append("partial")
    else:
        properties["partial"] = {"const": False}
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


def _moved(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a schema whose own definitions can be found from within the document."""
    text = json.dumps(schema).replace('"#/$defs/', f'"#/components/schemas/{name}/$defs/')
    moved: dict[str, Any] = json.loads(text)
    return moved
