"""What models add to the document: a body for each type that has one, and an open one; its rows."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sfn_cqrs.api.read_models_schemas import ROW, ROWS
from sfn_cqrs.api.types import TypeShown
from sfn_cqrs.kernel.http.shapes import Schema
from sfn_cqrs.kernel.http.values import FLAG, one_of
from sfn_cqrs.machines.command.read_models import ReadModelType
from sfn_cqrs.machines.command.schemas import ONE, PUBLISH

_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")
_DEFINITION: Final = "#/$defs/"
_PARTITION: Final = "/read-models/{name}/{partition}"
_ROW: Final = f"{_PARTITION}/{{sort}}"


def publish_schemas(
    types: Iterable[TypeShown],
) -> tuple[dict[Schema, list[str]], dict[str, Any]]:
    """Return the names of the bodies that stand for each schema of a publish, and all components.

    A type with a model has two bodies, alone and in a batch: a whole version, such as
    `Publish_ORDER`, and a partial change, such as `Change_ORDER`. Without a model there are none.
    Fields that no client writes are in `ORDER`, which is what an item has, and in no body.
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
        written, attributes = _without(schemas[name], one.access.guarded), name
        if written != schemas[name]:
            attributes = f"{name}_written"
            schemas[attributes] = written
        schemas[f"{name}_change"] = _change(written)
        for body, names in bodies.items():
            whole = f"{body.name}_{name}"
            change = whole.replace("Publish", "Change", 1)
            schemas[whole] = _body(body, one.name, attributes, is_partial=False)
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


def row_paths(
    paths: Mapping[str, Mapping[str, Any]], models: Iterable[ReadModelType]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the paths of the read models whose rows have a class, and the components of these.

    Such as `/read-models/orders_by_customer/{partition}`: the API answers it by its path with
    `{name}`, whose rows may be anything.
    """
    found: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for model in models:
        row = model.row
        if row is None:
            continue
        name = f"Row_{_NAME.sub('_', model.name)}"
        schemas |= _components(row, f"{name}.row")
        schemas[name] = _with(ROW, "row", f"{name}.row")
        schemas[f"{name}Page"] = _with(ROWS, "items", name, is_list=True)
        for path, answer in ((_PARTITION, f"{name}Page"), (_ROW, name)):
            said = paths[path]["get"]
            others = [each for each in said["parameters"] if each["name"] != "name"]
            content = {"application/json": {"schema": _reference(answer)}}
            found[path.replace("{name}", model.name)] = {
                "get": {
                    **said,
                    "operationId": f"{said['operationId']}Of_{name.removeprefix('Row_')}",
                    "parameters": [_of_partitions(each, model.partitions) for each in others],
                    "responses": {
                        **said["responses"],
                        "200": {**said["responses"]["200"], "content": content},
                    },
                }
            }
    return found, schemas


def _with(schema: Schema, field: str, component: str, *, is_list: bool = False) -> dict[str, Any]:
    """Return a schema with a component in the place of a field, or of its items."""
    inner = _reference(component)
    value = {"type": "array", "items": inner} if is_list else inner
    return {**schema.shape, "properties": {**schema.fields, field: value}}


def _of_partitions(parameter: Mapping[str, Any], partitions: Sequence[str]) -> Mapping[str, Any]:
    """Return a parameter; that of the partition has the names that can be read, if they are few."""
    if parameter["name"] != "partition" or not partitions:
        return parameter
    return {**parameter, "schema": one_of(*partitions)}


def _reference(component: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{component}"}


def _body(body: Schema, type_: str, attributes: str, *, is_partial: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        **body.fields,
        "type": {"const": type_},
        "attributes": _reference(attributes),
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


def _without(schema: Mapping[str, Any], guarded: Collection[str]) -> dict[str, Any]:
    """Return the schema of attributes without fields that no client writes."""
    fields = {
        name: field for name, field in schema.get("properties", {}).items() if name not in guarded
    }
    shown = {**schema, "properties": fields} if "properties" in schema else dict(schema)
    if "required" in schema:
        shown["required"] = [name for name in schema["required"] if name in fields]
    return shown


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
