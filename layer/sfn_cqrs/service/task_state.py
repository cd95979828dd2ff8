"""The decorator of every state of the task machine."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from math import ceil
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.keys import TaskRef
from sfn_cqrs.service.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.service.logs import logger

BEGINS_WITHIN = 480
"""Seconds in which an execution of 900 begins items, so that all of them end before it does."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """What a state of the task machine works on."""

    ref: TaskRef
    context: StepFunctionsContext
    input: Any
    remaining_ms: Callable[[], int]

    @property
    def lease_until(self) -> int:
        """When this function has certainly ended, in epoch seconds."""
        return lease_of(self.remaining_ms)

    @property
    def is_late(self) -> bool:
        """An item that is begun now might not end before the execution does."""
        began = datetime.fromisoformat(self.context.execution.start_time)
        return (bootstrap.now() - began).total_seconds() > BEGINS_WITHIN


def lease_of(remaining_ms: Callable[[], int]) -> int:
    """When a function that may run for so long has certainly ended, in epoch seconds."""
    return ceil(bootstrap.now().timestamp() + remaining_ms() / 1000)


def task_state(function: Callable[[TaskState], dict[str, Any]]) -> LambdaHandler:
    """Make a Lambda handler of a state's function.

    Neither state writes a status before its work: an item's claim is one, a task's end another.
    """

    @wraps(function)
    def lambda_handler(event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        context = StepFunctionsContext.from_event(event)
        ref = TaskRef.from_input(context.execution.input)
        logger.append_keys(
            execution=context.execution.name,
            state=context.state.name,
            tenant=ref.key.tenant,
            type=ref.key.type,
            task=ref.key.id,
            attempt=ref.attempt,
        )
        remaining_ms = lambda_context.get_remaining_time_in_millis
        result = function(TaskState(ref, context, event.get("input"), remaining_ms))
        logger.info("state finished")
        return result

    return lambda_handler
