"""The decorator of every state of the ZIP machine."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.domain.keys import ZipRef
from sfn_cqrs.service.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.passing import passing_is_transient

RETRIES = 6
"""Fewer than the machine's retries, so that a last try knows that it is one."""


@dataclass(frozen=True, slots=True)
class ZipState:
    """What a state of the ZIP machine works on."""

    ref: ZipRef
    context: StepFunctionsContext
    input: Any
    remaining_ms: Callable[[], int]

    @property
    def token(self) -> str:
        """What ends the wait of a callback state."""
        if self.context.task_token is None:
            raise InvalidInputError("taskToken", "is missing: the state does not wait for a token")
        return self.context.task_token

    @property
    def is_last_try(self) -> bool:
        """What could be waited for is waited for no longer."""
        return self.context.state.retry_count >= RETRIES


def zip_state(function: Callable[[ZipState], dict[str, Any] | None]) -> LambdaHandler:
    """Make a Lambda handler of a state's function.

    Raises (from the handler):
        SupersededError: the attempt does not own the job.
        TransientError: AWS was busy or unreachable.
    """

    @wraps(function)
    def lambda_handler(event: dict[str, Any], lambda_context: Any) -> dict[str, Any] | None:
        context = StepFunctionsContext.from_event(event)
        ref = ZipRef.from_input(context.execution.input)
        logger.append_keys(
            execution=context.execution.name,
            state=context.state.name,
            tenant=ref.key.tenant,
            job=ref.key.id,
            attempt=ref.attempt,
        )
        remaining_ms = lambda_context.get_remaining_time_in_millis
        with passing_is_transient():
            result = function(ZipState(ref, context, event.get("input"), remaining_ms))
        logger.info("state finished")
        return result

    return lambda_handler
