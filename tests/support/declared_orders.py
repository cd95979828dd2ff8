"""The example's saga as a declared one: the same steps, run by the framework's machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.declaring import Steps, saga

NAME = "order-saga"


def greet(_step: object) -> str:
    """A step that only the changed declaration has."""
    return "hello"


@contextmanager
def declared_orders(*, is_changed: bool = False) -> Iterator[None]:
    """Orders' sagas are declared ones as long as this lasts.

    A later release has changed the declaration: it has a step more, and another order.
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

    del saga_types._types[NAME]
    try:
        saga(NAME, input=model.cls, publish=access.publish, read=access.read, check=own.check)(
            changed if is_changed else order
        )
        yield
    finally:
        saga_types._types[NAME] = own
