"""Where a function of the language is given its name and its signature."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sfn_local.language.jsonata.errors import InternalError
from sfn_local.language.jsonata.signatures import Signature
from sfn_local.language.jsonata.values import NOTHING, Function, Native, Value

REGISTERED: dict[str, Native] = {}

FREE = ("x", "j", "a")

Call = TypeVar("Call", bound=Callable[..., Value])


class Caller(Protocol):
    """The part of a run that functions need."""

    now: Any
    random: Callable[[], float]

    def call(self, function: Value, arguments: list[Value], context: Value = None) -> Value:
        """Return what a function gives for these arguments."""


def native(name: str, signature: str, arity: int | None = None) -> Callable[[Call], Call]:
    """Register a function; its arity is that of its signature unless it is given."""

    def register(call: Call) -> Call:
        checks = Signature(signature)
        count = len(checks.parameters) if arity is None else arity
        REGISTERED[name] = Native(name, call, count, checks)
        return call

    return register


def of_something(
    name: str, signature: str, arity: int | None = None, takes_nothing: bool = False
) -> Callable[[Call], Call]:
    """Register a function that makes nothing of nothing.

    Where another argument that it needs is nothing, JSONata stumbles, unless it takes that.
    """
    needed = [
        not takes_nothing and each.letters not in FREE and each.pattern[-1] not in "?+"
        for each in Signature(signature).parameters[1:]
    ]

    def register(call: Call) -> Call:
        def guarded(run: Caller, first: Value = NOTHING, *rest: Value) -> Value:
            if first is NOTHING:
                return NOTHING
            if any(is_needed and x is NOTHING for is_needed, x in zip(needed, rest, strict=False)):
                raise InternalError
            return call(run, first, *rest)

        native(name, signature, arity)(guarded)
        return call

    return register


def given(function: Value, *arguments: Value) -> list[Value]:
    """Return as many of the arguments as a function takes; the first in any case."""
    arity = function.arity if isinstance(function, Function) else 1
    return list(arguments[: max(1, arity)])
