"""Compiles and evaluates expressions, and values with expressions in them."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from importlib import import_module
from typing import Any, TypeGuard

from sfn_local.dataflow.jsonata.functions import FunctionFailure, aws_functions
from sfn_local.document import Json, dumps
from sfn_local.errors import DefinitionError, StateFailure
from sfn_local.executions.line import Visit

OPEN, CLOSE = "{%", "%}"
MOST_STEPS = 1_000_000

ENTRY = "__evaluate_entry"

Compiled = Callable[["Scope"], Json]


class Scope:
    """What the expressions of a state see: `$states`, and the variables."""

    def __init__(self, visit: Visit, item: Json = None, **more: Json) -> None:
        """Item is `Map.Item` of the context; more are `result` or `errorOutput`."""
        self.visit = visit
        self._item = item
        self._more = more

    @cached_property
    def bindings(self) -> dict[str, Any]:
        """The values of the names."""
        null = _library().null
        states = {
            "input": self.visit.input.value,
            "context": self.visit.context(self._item),
            **self._more,
        }
        variables = self.visit.line.variables
        bound = {name: null if value is None else value for name, value in variables.items()}
        return {**bound, **_library().functions(self.visit.random), "states": states}


class _Library:
    """jsonata-python, imported when the first expression is met."""

    def __init__(self) -> None:
        self.error: type[Any] = import_module("jsonata.jexception").JException
        self.make: Any = import_module("jsonata.jsonata").Jsonata
        self.null: Any = import_module("jsonata.utils").Utils.NULL_VALUE

    def functions(self, random: Callable[[], float]) -> dict[str, Any]:
        """AWS's functions, as the library calls them."""
        given = aws_functions(random)
        return {name: call and self.make.JLambda(call) for name, call in given.items()}


@lru_cache(maxsize=1)
def _library() -> _Library:
    return _Library()


def find_fault(text: str) -> tuple[int, str] | None:
    """Where an expression's text is not well formed, counted from 0, and why; None if it is."""
    try:
        _library().make(text)
    except Exception as error:
        location = getattr(error, "location", None)
        position = location if isinstance(location, int) and 0 <= location <= len(text) else 0
        return position, str(error)
    return None


class Expression:
    """One expression; location is where AWS says it stands."""

    def __init__(self, text: str, location: str, pointer: str) -> None:
        """Compile it.

        Raises:
            DefinitionError: it is not well formed.
        """
        self.text = text.removeprefix(OPEN).removesuffix(CLOSE).strip()
        self.location = location
        self._compiled = self._compile(pointer)

    def evaluate(self, scope: Scope) -> Json:
        """Its value.

        Raises:
            StateFailure: States.QueryEvaluationError.
        """
        value = self._evaluate(scope)
        if value is None:
            raise self.failure(scope, "returned nothing (undefined).")
        try:
            return _plain(value)
        except TypeError:
            raise self.failure(scope, "returned an unsupported result type.") from None

    def evaluate_as(self, scope: Scope, kind: str) -> Json:
        """Its value, of one type of JSON.

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
        """The failure that this complaint is."""
        cause = (
            f"The JSONata expression '{self.text}' specified for the field '{self.location}' "
            f"{complaint}"
        )
        return scope.visit.query_failure(cause, self.location)

    def _compile(self, pointer: str) -> Any:
        library = _library()
        try:
            compiled = library.make(self.text)
        except Exception as error:
            raise DefinitionError(f"{self.text!r} is no JSONata: {error}", pointer) from None
        compiled.set_output_convert_nulls(output_convert_nulls=False)
        compiled.set_validate_input(validate_input=False)
        return compiled

    def _evaluate(self, scope: Scope) -> Any:
        library = _library()
        bindings = {**scope.bindings, ENTRY: _step_counter()}
        try:
            return self._compiled.evaluate(None, bindings)
        except FunctionFailure as error:
            reason = str(error)
        except ZeroDivisionError:
            reason = "D1001: Number out of range: Infinity"
        except RecursionError:
            reason = "D1011: Stack overflow error"
        except library.error as error:
            reason = f"{error.get_error()}: {error}"
        except Exception as error:  # what the library's own functions raise
            reason = str(error)
        raise self.failure(scope, f"threw an error during evaluation. {reason}")


def is_expression(value: Json) -> TypeGuard[str]:
    """Whether it is a string in `{% %}`."""
    return isinstance(value, str) and value.startswith(OPEN) and value.endswith(CLOSE)


def compile_expression(text: str, location: str, pointer: str = "") -> Expression:
    """An expression from its text with the braces.

    Raises:
        DefinitionError: it is not well formed.
    """
    return Expression(text, location, pointer)


def compile_value(value: Json, location: str, pointer: str = "") -> Compiled:
    """JSON in which each string in `{% %}` stands for its value.

    Raises:
        DefinitionError: an expression is not well formed.
    """
    if is_expression(value):
        return compile_expression(value, location, pointer).evaluate
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
    """The type of a JSON value, in AWS's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _plain(value: Any) -> Json:
    """A value of the library as JSON.

    Raises:
        TypeError: it is a function, or another thing that JSON has not.
    """
    if value is None or value is _library().null:
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    raise TypeError(type(value).__name__)


def _step_counter() -> Callable[..., None]:
    """What the library calls before each step; it ends an evaluation that does not end."""
    steps = 0

    def count(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps > MOST_STEPS:
            raise FunctionFailure("D1012: Expression evaluation timeout")

    return count
