"""Compiles and evaluates expressions, and values with expressions in them."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeGuard

from sfn_local.document import Json, dumps
from sfn_local.errors import DefinitionError, StateFailure
from sfn_local.executions.line import Visit

OPEN, CLOSE = "{%", "%}"

Compiled = Callable[["Scope"], Json]


class Scope:
    """Return the names that the expressions of a state see: `$states`, and the variables."""

    def __init__(self, visit: Visit, item: Json = None, **more: Json) -> None:
        """Item is `Map.Item` of the context; more are `result` or `errorOutput`."""
        self.visit = visit
        self._item = item
        self._more = more

    @cached_property
    def bindings(self) -> dict[str, Any]:
        """The values of the names."""
        states = {
            "input": self.visit.input.value,
            "context": self.visit.context(self._item),
            **self._more,
        }
        return {**self.visit.line.variables, "states": states}


def find_fault(text: str) -> tuple[int, str] | None:
    """Return where an expression is malformed, counted from 0, and why; None if it is not."""
    from sfn_local.dataflow.jsonata import evaluation  # noqa: PLC0415 - slow to import

    return evaluation.find_fault(text)


class Expression:
    """One expression; location is where AWS says it stands."""

    def __init__(self, text: str, location: str, pointer: str) -> None:
        """Compile it.

        Raises:
            DefinitionError: it is not well formed.
        """
        self.text = text.removeprefix(OPEN).removesuffix(CLOSE).strip()
        self.location = location
        from sfn_local.dataflow.jsonata import evaluation  # noqa: PLC0415 - slow to import

        self._evaluation = evaluation
        fault = evaluation.find_fault(self.text)
        if fault is not None:
            raise DefinitionError(f"{self.text!r} is not JSONata: {fault[1]}", pointer)
        self._tree = evaluation.parse(self.text)

    def evaluate(self, scope: Scope) -> Json:
        """Return its value.

        Raises:
            StateFailure: States.QueryEvaluationError.
        """
        visit = scope.visit
        now = datetime.fromtimestamp(visit.runtime.scheduler.clock.time(), UTC)
        try:
            return self._evaluation.evaluate(
                self._tree, scope.bindings, visit.random, now, visit.event
            )
        except self._evaluation.EvaluationError as error:
            raise self.failure(scope, str(error)) from None

    def evaluate_as(self, scope: Scope, kind: str) -> Json:
        """Return its value, of one type of JSON.

        Raises:
            StateFailure: States.QueryEvaluationError.
        """
        value = self.evaluate(scope)
        found = kind_of(value)
        if found != kind:
            raise self.failure(
                scope,
                f"returned an unexpected result type. Expected '{kind}', but was '{found}' for "
                f"value: {dumps(value)}",
            )
        return value

    def failure(self, scope: Scope, complaint: str) -> StateFailure:
        """Return the failure that this complaint is."""
        cause = (
            f"The JSONata expression '{self.text}' specified for the field '{self.location}' "
            f"{complaint}"
        )
        return scope.visit.query_failure(cause, self.location)


def is_expression(value: Json) -> TypeGuard[str]:
    """Return whether it is a string in `{% %}`."""
    return isinstance(value, str) and value.startswith(OPEN) and value.endswith(CLOSE)


def compile_value(value: Json, location: str, pointer: str = "") -> Compiled:
    """JSON in which each string in `{% %}` stands for its value.

    Raises:
        DefinitionError: an expression is not well formed.
    """
    if is_expression(value):
        return Expression(value, location, pointer).evaluate
    if isinstance(value, list):
        items = [
            compile_value(item, f"{location}[{position}]", f"{pointer}/{position}")
            for position, item in enumerate(value)
        ]
        return lambda scope: [item(scope) for item in items]
    if isinstance(value, dict):
        fields = {
            name: compile_value(field, f"{location}/{name}", f"{pointer}/{name}")
            for name, field in value.items()
        }
        return lambda scope: {name: field(scope) for name, field in fields.items()}
    return lambda _: value


def kind_of(value: Json) -> str:
    """Return the type of a JSON value, in AWS's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
