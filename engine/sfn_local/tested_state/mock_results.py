"""Whether a mocked result is one that the service's API could answer.

Source: Step Functions API Reference, MockInput, fieldValidationMode; texts recorded from AWS. The
APIs are those of botocore's models. What waits for a job or a token, Lambda's direct ARNs,
http:invoke and apigateway:invoke answer what they like.
"""

import re
from typing import Any

from sfn_local.calls.boto import output_shape
from sfn_local.calls.services import ServicesMissingError
from sfn_local.document import Json
from sfn_local.errors import ValidationException
from sfn_local.integrations.aws_service import boto_name

RESOURCE = re.compile(
    r"arn:aws[a-z-]*:states:::(?P<service>(aws-sdk:)?[a-z0-9-]+):(?P<action>[a-zA-Z0-9]+)"
)
FREE = ("http", "apigateway")
ANYTHING = {("lambda", "Payload")}
BOUNDS = ("min", "max")
CONTAINERS = {
    "list": (list, "an array"),
    "map": (dict, "an object"),
    "structure": (dict, "an object"),
}


def check_result(resource: str, value: Json, mode: str) -> None:
    """Compare a mocked result of a task with the API that the resource names.

    In PRESENT mode required fields may be missing, in NONE nothing is compared.

    Raises:
        ValidationException: they do not fit, or the models to compare with are missing.
    """
    found = RESOURCE.fullmatch(resource)
    if mode == "NONE" or found is None or found["service"] in FREE:
        return
    service = found["service"]
    try:
        shape = output_shape(boto_name(service), found["action"])
    except ServicesMissingError as error:
        raise ValidationException(f"{error}, or set fieldValidationMode to NONE") from None
    if shape is not None:
        _Check(service, is_strict=mode == "STRICT").structure(value, shape)


class _Check:
    """Compares values with shapes."""

    def __init__(self, service: str, *, is_strict: bool) -> None:
        self._service = service
        self._is_strict = is_strict

    def structure(self, value: Json, shape: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationException("Mock result must be a valid JSON object")
        members = {f"{name[:1].upper()}{name[1:]}": name for name in shape.members}
        for shown, name in members.items():
            if self._is_strict and name in shape.required_members and shown not in value:
                raise _failure(f"Required field '{shown}' is missing")
        for field, inner in value.items():
            if field in members and (self._service, field) not in ANYTHING:
                self._value(field, inner, shape.members[members[field]])

    def _value(self, field: str, value: Json, shape: Any) -> None:
        kind = shape.type_name
        if kind not in CONTAINERS:
            _check_scalar(field, value, shape)
            return
        type_, words = CONTAINERS[kind]
        if not isinstance(value, type_):
            raise _failure(f"Field '{field}' must be {words}")
        if kind == "list":
            for element in value:
                self._value(field, element, shape.member)
        elif kind == "map":
            for element in value.values():
                self._value(field, element, shape.value)
        elif not getattr(shape, "is_document_type", False):
            self.structure(value, shape)


def _check_scalar(field: str, value: Json, shape: Any) -> None:
    kind = shape.type_name
    if kind == "boolean":
        if not isinstance(value, bool):
            raise _failure(f"Field '{field}' must be a boolean")
    elif kind in ("integer", "long", "float", "double"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _failure(f"Field '{field}' must be a number")
        _check_bounds(field, value, shape, ("is less than", "exceeds"), "value")
    else:
        if not isinstance(value, str):
            raise _failure(f"Field '{field}' must be a string")
        if getattr(shape, "enum", None) and value not in shape.enum:
            raise _failure(f"Field '{field}' is not an expected value")
        if kind != "timestamp":
            words = ("is smaller than", "exceeds")
            _check_bounds(field, len(value), shape, words, "length")


def _check_bounds(
    field: str, size: float, shape: Any, words: tuple[str, str], measured: str
) -> None:
    least, most = (shape.metadata.get(bound) for bound in BOUNDS)
    if least is not None and size < least:
        raise _failure(f"Field '{field}' {words[0]} the minimum {measured}")
    if most is not None and size > most:
        raise _failure(f"Field '{field}' {words[1]} the maximum {measured}")


def _failure(what: str) -> ValidationException:
    return ValidationException(f"Mock result schema validation error: {what}")
