"""mark_failed: record why an execution ends; the decision stays, and retry goes on with it.

Every Catch of the machine leads here. What is answered becomes the execution's error and cause.
"""

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval.state import ApprovalState, approval_state


@approval_state
def lambda_handler(state: ApprovalState) -> dict[str, object]:
    """Close the attempt as failed, unless a later one owns the approval."""
    failure = Failure.of(state.input)
    failing = approval_programs.fail(state.ref.attempt, failure.error, failure.summary)
    try:
        state.flow.run(failing)
    except SupersededError as error:
        return {"error": type(error).__name__, "cause": str(error)}
    return {"error": failure.error, "cause": failure.cause}
