"""Runs the user's function for a step or a compensation of a saga."""

from collections.abc import Sequence
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import naming_busy
from sfn_cqrs.kernel.errors import StepRefusedError, SupersededError, TransientError
from sfn_cqrs.kernel.failure import MAX_ERROR, MAX_SUMMARY, trace_of
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.notices import at_depth
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import (
    MAX_ITEM_RESULT_BYTES,
    MAX_RESULT_BYTES,
    Ending,
    EntryStatus,
    Move,
    Saga,
    checked_result,
    plain,
)
from sfn_cqrs.machines.saga.types import SagaStep


def work_on(saga: Saga, name: str, *, is_undo: bool) -> Ending:
    """Run the function and return how the step ended; an exception is one of the endings.

    Raises:
        TransientError: another try may cure it.
        SupersededError: the step was undone before its effect.
    """
    with handlers.known_elsewhere():
        handler = saga_types.find(saga.saga).handler(plain(name), is_undo=is_undo)
    most = MAX_RESULT_BYTES if plain(name) == name else MAX_ITEM_RESULT_BYTES
    hiding = models.hiding(saga.key.tenant, saga_types.find(saga.saga).model, saga.input)
    try:
        segment = bootstrap.tracer().segment(f"step {name}")
        with naming_busy(), hiding, segment, at_depth(saga.depth):
            result = handler(_given(saga, name, is_undo=is_undo))
        return Ending(EntryStatus.DONE, checked_result(result, most))
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
    moves = saga.moves or saga_types.find(saga.saga).moves
    of = next((move for move in moves if name in (move.step, move.compensation)), None)
    undone = {move.compensation: move.step for move in moves}
    return SagaStep(
        tenant=saga.key.tenant,
        saga=saga.saga,
        saga_id=saga.key.id,
        name=name,
        attempt=saga.attempt,
        input=saga.input,
        results=_results(saga, moves, of),
        undoes=undone[name] if is_undo else None,
        user=saga.created.by,
        item=None if of is None else _item(saga, of),
    )


def _item(saga: Saga, of: Move) -> Json:
    """Return the item of its list that a step is made for."""
    items = saga.log[of.each].result if of.each is not None else None
    return items[of.item - 1] if isinstance(items, list) else None


def _results(saga: Saga, moves: Sequence[Move], of: Move | None) -> dict[str, Json]:
    """Return what is done: of its own item by the plain name, of other lists as a list."""
    results: dict[str, Any] = {}
    for move in moves:
        if move.step not in saga.log or saga.log[move.step].status is not EntryStatus.DONE:
            continue
        name, result = plain(move.step), saga.log[move.step].result
        if not move.item:
            results[name] = result
        elif of is None or move.each != of.each:
            results.setdefault(name, []).append(result)
        elif move.item == of.item:
            results[name] = result
    return results
