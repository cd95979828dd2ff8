"""The decorator of every state of a saga's machine, and what its steps' functions do."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from sfn_cqrs.domain import saga_flow
from sfn_cqrs.domain.errors import SagaStepError, TransientError
from sfn_cqrs.domain.failure import Failure
from sfn_cqrs.domain.keys import SagaRef
from sfn_cqrs.domain.saga import Entry, EntryStatus
from sfn_cqrs.service import saga_types
from sfn_cqrs.service.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.passing import passing_is_transient
from sfn_cqrs.service.saga_flow import SagaFlow
from sfn_cqrs.service.saga_types import SagaType


@dataclass(frozen=True, slots=True)
class SagaState:
    """What a state of a saga's machine works on."""

    ref: SagaRef
    context: StepFunctionsContext
    input: Any

    @property
    def attempt(self) -> int:
        """The attempt that the execution runs."""
        return self.ref.attempt

    @property
    def type(self) -> SagaType:
        """The saga's steps and compensations."""
        return saga_types.find(self.ref.saga)

    @property
    def flow(self) -> SagaFlow:
        """What happens to the saga."""
        return SagaFlow(self.ref.key)

    def make(self) -> dict[str, object]:
        """Make the step that the state is named after.

        Raises:
            SagaStepError: it was refused, or it failed; the log says why.
            SupersededError: the saga has turned back, or a later try or attempt owns the step.
            TransientError: the step says try again.
        """
        name, tries = self.context.state.name, self.context.state.retry_count
        entry = self.flow.run(saga_flow.make(self.attempt, name, tries))
        if entry.status is not EntryStatus.DONE:
            raise SagaStepError(_told(name, entry))
        return {"result": str(entry.status)}

    def undo(self) -> dict[str, object]:
        """Undo the step that the state's compensation belongs to, if it has ever begun.

        Raises:
            TransientError: it failed, and is tried again; the log says why.
            SagaStepError: it was refused, so that a person has to help.
            SupersededError: a later try or attempt owns the compensation.
        """
        name, tries = self.context.state.name, self.context.state.retry_count
        move, failure = self.type.move_undone_by(name), Failure.of(self.input)
        entry = self.flow.run(saga_flow.undo(self.attempt, move, tries, failure))
        if entry is None:
            return {"result": "NOT_NEEDED"}
        if entry.status is EntryStatus.FAILED:
            raise TransientError(_told(name, entry))
        if entry.status is not EntryStatus.DONE:
            raise SagaStepError(_told(name, entry))
        return {"result": str(entry.status)}


def saga_state(function: Callable[[SagaState], dict[str, object]]) -> LambdaHandler:
    """Make a Lambda handler of a state's function.

    Raises (from the handler):
        TransientError: AWS was busy or unreachable.
    """

    @wraps(function)
    def lambda_handler(event: dict[str, Any], _lambda_context: Any) -> dict[str, object]:
        context = StepFunctionsContext.from_event(event)
        ref = SagaRef.from_input(context.execution.input)
        logger.thread_safe_append_keys(
            execution=context.execution.name,
            state=context.state.name,
            tenant=ref.key.tenant,
            saga=ref.key.id,
            attempt=ref.attempt,
        )
        try:
            with passing_is_transient():
                result = function(SagaState(ref, context, event.get("input")))
            logger.info("state finished", result=result["result"])
            return result
        finally:
            logger.thread_safe_clear_keys()

    return lambda_handler


def _told(name: str, entry: Entry) -> str:
    first = (entry.cause or "").partition("\n")[0]
    return f"{name}: {entry.error}: {first}"
