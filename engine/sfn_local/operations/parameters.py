"""The parameters of an operation, compared with AWS's constraints on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sfn_local.engine import Engine
from sfn_local.errors import ValidationException

Given = Mapping[str, Any]
Answer = dict[str, Any]
Run = Callable[[Engine, Given], Answer | None]

LONGEST_SHOWN = 4096
COUNTED = {str: "length", list: "length", int: "value", float: "value"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; least and most bound the length of texts and lists, and the value of numbers.

    Members are those of an object, which AWS's texts call by its shape; item is the form of a
    list's elements. What is secret is never repeated.
    """

    type: type
    required: bool = False
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    members: "dict[str, Parameter] | None" = None
    item: "Parameter | None" = None
    shape: str = ""
    is_secret: bool = False

    def check(self, name: str, value: Any) -> None:
        """Compare a value with what the parameter takes.

        Raises:
            ValidationException: they do not fit.
        """
        if value is None:
            if self.required:
                raise missing(name)
            return
        if not self._is_of_type(value):
            kind = self.type.__name__
            raise invalid(f"of type {type(value).__name__}", name, f"Member must be a {kind}")
        if self.choices and value not in self.choices:
            listed = ", ".join(self.choices)
            constraint = f"Member must satisfy enum value set: [{listed}]"
            raise invalid(f"'{value}'", name, constraint)
        self._check_size(name, value)
        for inner, parameter in (self.members or {}).items():
            parameter.check(f"{name}.{inner}", value.get(inner))
        if self.item is not None:
            for position, element in enumerate(value, start=1):
                self._check_element(f"{name}.{position}.member", self.item, element)

    @staticmethod
    def _check_element(name: str, item: "Parameter", element: Any) -> None:
        if element is None:
            raise missing(name)
        item.check(name, element)

    def _is_of_type(self, value: Any) -> bool:
        if self.type in (int, float) and isinstance(value, bool):
            return False
        return isinstance(value, (int, float) if self.type is float else self.type)

    def _is_hidden(self, size: float) -> bool:
        return self.type is str and size > 0 and (self.is_secret or size > LONGEST_SHOWN)

    def _shown(self, value: Any) -> str:
        """A value as AWS's texts have it, which are written in Java."""
        if self.item is not None:
            return f"[{', '.join(map(self.item._shown, value))}]"
        if self.shape and isinstance(value, dict):
            fields = (f"{name}={value.get(name)}" for name in self.members or {})
            return f"{self.shape}({', '.join(fields)})"
        return str(value)

    def _check_size(self, name: str, value: Any) -> None:
        measured = COUNTED.get(self.type)
        if measured is None:
            return
        size = len(value) if measured == "length" else value
        shown = f"of {size} characters" if self._is_hidden(size) else f"'{self._shown(value)}'"
        if self.most is not None and size > self.most:
            bound = f"less than or equal to {self.most}"
            raise invalid(shown, name, f"Member must have {measured} {bound}")
        least = 0 if self.least is None else self.least
        if size < least:
            bound = f"greater than or equal to {least}"
            raise invalid(shown, name, f"Member must have {measured} {bound}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API, with every parameter that AWS's model has.

    One that runs without an answer is answered with an empty object.
    """

    run: Run
    parameters: dict[str, Parameter] = field(default_factory=dict)

    def check(self, given: dict[str, Any]) -> dict[str, Any]:
        """The parameters, None where one is not given.

        Raises:
            ValidationException: one of them is missing, does not fit, or is unknown.
        """
        for name, value in given.items():
            if name not in self.parameters and value is not None:
                known = ", ".join(self.parameters) or "none"
                raise ValidationException(
                    f"there is no parameter '{name}' here; these are: {known}"
                )
        for name, parameter in self.parameters.items():
            parameter.check(name, given.get(name))
        return {name: given.get(name) for name in self.parameters}


def invalid(value: str, name: str, constraint: str) -> ValidationException:
    """A parameter's value breaks a constraint."""
    return ValidationException(
        f"1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: "
        f"{constraint}"
    )


def missing(name: str) -> ValidationException:
    """A member or an element is null that must not be."""
    return invalid("null", name, "Member must not be null")


def locked(run: Run) -> Run:
    """An operation on what the engine's lock guards."""

    def run_locked(engine: Engine, given: Given) -> Answer | None:
        with engine.scheduler.lock:
            return run(engine, given)

    return run_locked


def wanted_of(described: Answer, given: Given, metadata_of: Callable[[Answer], Answer]) -> Answer:
    """Return the description, or only its metadata if includedData asks for that."""
    return metadata_of(described) if given["includedData"] == "METADATA_ONLY" else described


NAME = Parameter(str, required=True)
ARN = Parameter(str, required=True, least=1, most=256)
LONG_ARN = Parameter(str, required=True, least=1, most=2000)
DESCRIPTION = Parameter(str, most=256)
DATA_WANTED = Parameter(str, choices=("ALL_DATA", "METADATA_ONLY"))
MACHINE = {"stateMachineArn": ARN}
EXECUTION = {"executionArn": ARN}
REASONS = {
    "error": Parameter(str, most=256, is_secret=True),
    "cause": Parameter(str, most=32_768, is_secret=True),
}
TAG = Parameter(
    dict, members={"key": Parameter(str, least=1, most=128), "value": Parameter(str, most=256)}
)
TAGS = Parameter(list, item=TAG)
ENCRYPTION = Parameter(
    dict,
    members={
        "kmsKeyId": Parameter(str, least=1, most=2048),
        "kmsDataKeyReusePeriodSeconds": Parameter(int, least=60, most=900),
        "type": Parameter(
            str, required=True, choices=("AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY")
        ),
    },
)
