"""The example's saga as a declared one: the same steps, run by the framework's machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.declaring import Steps, saga
from sfn_cqrs.machines.saga.types import SagaStep, StepHandler

NAME = "order-saga"


def greet(_step: object) -> str:
    """A step that only the changed declaration has."""
    return "hello"


def lines(step: SagaStep[Any]) -> Any:
    """The lines of an order, each for a step of its own."""
    return step.input["lines"]


@contextmanager
def declared_orders(*, is_changed: bool = False, is_by_line: bool = False) -> Iterator[None]:
    """Orders' sagas are declared ones as long as this lasts.

    A later release has changed the declaration: it has a step more, and another order. By line,
    the first step is one for each line of the order.
    """
    handlers.load()
    own = saga_types.find(NAME)
    model, access = own.model, own.access
    assert model is not None

    def changed(s: Steps[object]) -> None:
        s.step(greet)
        for step, make in reversed(own.steps.items()):
            s.step(make, undo=own.compensations[step][1])

    def order(s: Steps[object]) -> None:
        for step, make in own.steps.items():
            s.step(make, undo=own.compensations[step][1])

    def by_line(s: Steps[object]) -> None:
        (first, make), *others = own.steps.items()
        undo = own.compensations[first][1]
        s.each(lines, lambda s: s.step(_of_line(make), undo=_of_line(undo)), at_most=9)
        for step, make in others:
            s.step(make, undo=own.compensations[step][1])

    del saga_types._types[NAME]
    try:
        saga(NAME, input=model.cls, publish=access.publish, read=access.read, check=own.check)(
            by_line if is_by_line else changed if is_changed else order
        )
        yield
    finally:
        saga_types._types[NAME] = own


def _of_line(make: StepHandler) -> StepHandler:
    """The same function for an order that has only the line which is its item."""

    @wraps(make)
    def made(step: SagaStep[Any]) -> Any:
        return make(replace(step, input={**step.input, "lines": [step.item]}))

    return made
