"""Runs the user's function for a step or a compensation of a saga."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import naming_busy
from sfn_cqrs.kernel.errors import StepRefusedError, SupersededError, TransientError
from sfn_cqrs.kernel.failure import MAX_ERROR, MAX_SUMMARY, trace_of
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.notices import at_depth
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import Ending, EntryStatus, Saga, checked_result
from sfn_cqrs.machines.saga.types import SagaStep


def work_on(saga: Saga, name: str, *, is_undo: bool) -> Ending:
    """Run the function and return how the step ended; an exception is one of the endings.

    Raises:
        TransientError: another try may cure it.
        SupersededError: the step was undone before its effect.
    """
    with handlers.known_elsewhere():
        handler = saga_types.find(saga.saga).handler(name, is_undo=is_undo)
    hiding = models.hiding(saga.key.tenant, saga_types.find(saga.saga).model, saga.input)
    try:
        segment = bootstrap.tracer().segment(f"step {name}")
        with naming_busy(), hiding, segment, at_depth(saga.depth):
            result = handler(_given(saga, name, is_undo=is_undo))
        return Ending(EntryStatus.DONE, checked_result(result))
    except (TransientError, SupersededError):
        raise
    except StepRefusedError as error:
        cause = masked(str(error))[:MAX_SUMMARY]
        return Ending(EntryStatus.REFUSED, error=error.reason[:MAX_ERROR], cause=cause)
    except Exception as error:  # a function's error is its step's, never the machine's
        logger.warning("a step failed", exc_info=error, saga=saga.key.id, step=name)
        cause = masked(f"{error}\n{trace_of(error)}").rstrip()[:MAX_SUMMARY]
        return Ending(EntryStatus.FAILED, error=type(error).__name__[:MAX_ERROR], cause=cause)


def _given(saga: Saga, name: str, *, is_undo: bool) -> SagaStep:
    moves = saga.order or saga_types.find(saga.saga).moves
    results = {
        move.step: saga.log[move.step].result
        for move in moves
        if move.step in saga.log and saga.log[move.step].status is EntryStatus.DONE
    }
    undone = {move.compensation: move.step for move in moves}
    return SagaStep(
        tenant=saga.key.tenant,
        saga=saga.saga,
        saga_id=saga.key.id,
        name=name,
        attempt=saga.attempt,
        input=saga.input,
        results=results,
        undoes=undone[name] if is_undo else None,
        user=saga.created.by,
    )
