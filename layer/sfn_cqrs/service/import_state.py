"""The decorator of every state of the import machine."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.errors import SupersededError
from sfn_cqrs.domain.import_job import Job
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.service.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.passing import passing_is_transient


@dataclass(frozen=True, slots=True)
class ImportState:
    """What a state of the import machine works on.

    `job` is the one that the state has begun; a state that runs per batch, or that ends the
    job, has none.
    """

    key: ImportKey
    context: StepFunctionsContext
    input: Any
    remaining_ms: Callable[[], int]
    job: Job | None

    @property
    def begun(self) -> Job:
        """The job of a state that begins it."""
        if self.job is None:
            raise TypeError(f"{self.context.state.name} does not begin its job")
        return self.job


def import_state(
    function: Callable[[ImportState], dict[str, Any]], *, begins: bool = True
) -> LambdaHandler:
    """Make a Lambda handler of a state's function, which by default begins the job.

    Raises (from the handler):
        SupersededError: the job has ended.
        TransientError: AWS was busy or unreachable.
    """

    @wraps(function)
    def lambda_handler(event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        context = StepFunctionsContext.from_event(event)
        key = ImportKey.from_input(context.execution.input)
        logger.thread_safe_append_keys(
            execution=context.execution.name,
            state=context.state.name,
            tenant=key.tenant,
            job=key.id,
        )
        try:
            with passing_is_transient():
                job = _begun(key) if begins else None
                remaining_ms = lambda_context.get_remaining_time_in_millis
                state = ImportState(key, context, event.get("input"), remaining_ms, job)
                result = function(state)
                logger.info("state finished")
                return result
        finally:
            logger.thread_safe_clear_keys()

    return lambda_handler


def _begun(key: ImportKey) -> Job:
    job = bootstrap.import_jobs().begin(key)
    if job is None:
        raise SupersededError(f"{key.id} has ended")
    return job


import_state_without_status = partial(import_state, begins=False)
