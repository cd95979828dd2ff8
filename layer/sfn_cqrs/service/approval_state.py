"""The decorator of every state of the approval machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

from sfn_cqrs.domain import approval_flow
from sfn_cqrs.domain.approval import Status
from sfn_cqrs.domain.keys import ApprovalRef
from sfn_cqrs.service.approval_flow import ApprovalFlow
from sfn_cqrs.service.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.passing import passing_is_transient


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """What a state of the approval machine works on."""

    ref: ApprovalRef
    context: StepFunctionsContext
    input: Any

    @property
    def flow(self) -> ApprovalFlow:
        """What happens to the approval."""
        return ApprovalFlow(self.ref.key)

    def handle(self, status: Status) -> dict[str, Any]:
        """Do what follows a decision, and end the attempt.

        Raises:
            SupersededError: a later attempt owns the approval, or it is decided otherwise.
        """
        approval = self.flow.run(approval_flow.handle(self.ref.attempt, status))
        return {"result": str(approval.status)}


def approval_state(function: Callable[[ApprovalState], dict[str, Any]]) -> LambdaHandler:
    """Make a Lambda handler of a state's function.

    No state writes a status before its work: each has one write of its own.

    Raises (from the handler):
        SupersededError: a later attempt owns the approval, or it is closed.
        TransientError: AWS was busy or unreachable.
    """

    @wraps(function)
    def lambda_handler(event: dict[str, Any], _lambda_context: Any) -> dict[str, Any]:
        context = StepFunctionsContext.from_event(event)
        ref = ApprovalRef.from_input(context.execution.input)
        with _logged(context, ref), passing_is_transient():
            result = function(ApprovalState(ref, context, event.get("input")))
            logger.info("state finished")
            return result

    return lambda_handler


@contextmanager
def _logged(context: StepFunctionsContext, ref: ApprovalRef) -> Iterator[None]:
    """Name the execution, the state and the approval in every line that this thread logs."""
    logger.thread_safe_append_keys(
        execution=context.execution.name,
        state=context.state.name,
        tenant=ref.key.tenant,
        approval=ref.key.id,
        attempt=ref.attempt,
    )
    try:
        yield
    finally:
        logger.thread_safe_clear_keys()
