"""A child saga as parts of a declared one: started once, waited for, undone once it has ended."""

from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import (
    IdempotencyMismatchError,
    StepRefusedError,
    SupersededError,
    TransientError,
)
from sfn_cqrs.kernel.keys import SagaKey
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.saga import effects
from sfn_cqrs.machines.saga.rules import Saga, SagaStatus
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs.machines.saga.types import SagaStep

Given = Callable[[SagaStep[Any]], object]
Undo = Callable[[SagaStep[Any]], Json]


def start_once(step: SagaStep[Any], saga: str, given: Given) -> str:
    """Start the child with what `given` returns, and return its id.

    Raises:
        SupersededError: the step was undone before.
    """
    found = effects.made(step, step.key)
    if found is None:
        value: Any = given(step)
        value = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        caller = effects.caller_of(step, step.key)
        try:
            return SagaService(step.tenant).start(saga, value, caller=caller)
        except IdempotencyMismatchError:
            found = effects.made(step, step.key)
    if found is None:
        raise SupersededError("the child was undone before it was started")
    return str(found["id"])


def has_ended(step: SagaStep[Any], id_: str) -> bool:
    """Return whether the child is COMPLETED; one that is parked has not ended.

    Raises:
        StepRefusedError: it has turned back, and is undone.
    """
    child = SagaService(step.tenant).get(id_)
    if child.status is SagaStatus.COMPENSATED:
        raise StepRefusedError("child_compensated", f"{child.saga} {id_}: {child.error}")
    return child.status is SagaStatus.COMPLETED


def undo_started(step: SagaStep[Any], undo: Undo | None) -> Json:
    """Undo the child if it is COMPLETED, wait for it if it is not, or see to it that it never is.

    Raises:
        TransientError: it runs.
        StepRefusedError: it is parked, so this one is, too.
    """
    child = _started(step)
    if child is None or child.status is SagaStatus.COMPENSATED:
        return None
    if child.status is SagaStatus.PARKED:
        retry = f"sfn-cqrs saga retry {child.key.id}"
        raise StepRefusedError("child_parked", f"{child.saga} is parked: {retry}, then this one")
    if child.status.is_open:
        raise TransientError(f"{child.saga} {child.key.id} is {child.status}")
    return undo(step) if undo is not None else None


def _started(step: SagaStep[Any]) -> Saga | None:
    """Return the child; if there is none, there never will be."""
    found = effects.made_or_never(step, step.undone_key)
    return bootstrap.sagas().find(SagaKey.of(step.tenant, str(found["id"]))) if found else None
