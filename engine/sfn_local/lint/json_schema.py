"""JSON Schemas for editors: of definitions, and of MockConfigFile.json.

They tell fields, types and ranges while one types; the lint checks the rest.
"""

from typing import Any

from sfn_local.lint.schema import (
    ANYTHING,
    BOOLEAN,
    COMMON,
    INTEGER,
    LIST,
    MACHINE,
    NUMBER,
    OBJECT,
    OBJECT_OR_LIST,
    OBJECTS,
    PROCESSOR,
    REQUIRED,
    STATES,
    TEXT,
    TEXT_OR_NULL,
    Field,
)

DRAFT = "http://json-schema.org/draft-07/schema#"
Schema = dict[str, Any]

TYPES: dict[str, Any] = {
    TEXT: "string",
    TEXT_OR_NULL: ["string", "null"],
    NUMBER: "number",
    INTEGER: "integer",
    BOOLEAN: "boolean",
    OBJECT: "object",
    LIST: "array",
    OBJECT_OR_LIST: ["object", "array"],
}
EXPRESSION: Schema = {"type": "string", "pattern": r"^\{%[\s\S]*%\}$"}
SCOPES = ("StartAt", "States")
INNER = {  # fields that hold further states
    "States": {"type": "object", "additionalProperties": {"$ref": "#/definitions/state"}},
    "Branches": {"type": "array", "items": {"$ref": "#/definitions/Branch"}},
    "ItemProcessor": {"$ref": "#/definitions/Processor"},
    "Iterator": {"$ref": "#/definitions/Processor"},
}


def of_definitions() -> Schema:
    """The schema of an ASL file."""
    named = {
        **{
            kind: _object(COMMON | fields, REQUIRED.get(kind, ()))
            for kind, fields in STATES.items()
        },
        **{name: _object(fields, ()) for name, fields in OBJECTS.items()},
        "Branch": _object(OBJECTS["Branch"], SCOPES),
        "Processor": _object(PROCESSOR, SCOPES),
        "state": _state(),
    }
    return {
        "$schema": DRAFT,
        "title": "Amazon States Language, as AWS Step Functions takes it",
        **_object(MACHINE, SCOPES),
        "definitions": named,
    }


def of_mock_configurations() -> Schema:
    """The schema of a MockConfigFile.json."""
    answer = {
        "type": "object",
        "properties": {
            "Return": {},
            "Throw": {
                "type": "object",
                "properties": {"Error": {"type": "string"}, "Cause": {"type": ["string", "null"]}},
                "required": ["Error"],
            },
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    calls = {"type": "object", "patternProperties": {r"^\d+(-\d+)?$": answer}, "minProperties": 1}
    case = {"type": "object", "additionalProperties": {"type": "string"}}
    cases = {"type": "object", "additionalProperties": case}
    machine = {
        "type": "object",
        "properties": {"TestCases": cases},
        "required": ["TestCases"],
    }
    return {
        "$schema": DRAFT,
        "title": "MockConfigFile.json of Step Functions Local",
        "type": "object",
        "properties": {
            "StateMachines": {"type": "object", "additionalProperties": machine},
            "MockedResponses": {
                "type": "object",
                "additionalProperties": {**calls, "additionalProperties": False},
            },
        },
        "required": ["StateMachines", "MockedResponses"],
    }


def _state() -> Schema:
    """Any state: its Type says which."""
    return {
        "type": "object",
        "properties": {"Type": {"enum": list(STATES)}},
        "required": ["Type"],
        "allOf": [
            {
                "if": {"properties": {"Type": {"const": kind}}},
                "then": {"$ref": f"#/definitions/{kind}"},
            }
            for kind in STATES
        ],
    }


def _object(fields: dict[str, Field], required: tuple[str, ...]) -> Schema:
    return {
        "type": "object",
        "properties": {name: INNER.get(name) or _value(field) for name, field in fields.items()},
        "required": list(required),
        "additionalProperties": False,
    }


def _value(field: Field) -> Schema:
    if field.description == ANYTHING:
        return {}
    schema: Schema = {"type": TYPES[field.description]}
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.is_number:
        schema |= {"minimum": field.least, "maximum": field.most}
    if field.object and field.description == LIST:
        schema["items"] = _named(field)
    elif field.object:
        schema = _named(field)
    return {"anyOf": [schema, EXPRESSION]} if field.accepts_expression else schema


def _named(field: Field) -> Schema:
    reference: Schema = {"$ref": f"#/definitions/{field.object}"}
    return (
        {"allOf": [reference, {"required": list(field.required)}]} if field.required else reference
    )
