"""request_approval: park until somebody decides, or the round is over.

The token is stored first, and the decision is read of the very item that it was stored in.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidTokenError
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval.state import ApprovalState, approval_state


@approval_state
def lambda_handler(state: ApprovalState) -> dict[str, object]:
    """Store the task token; only its return ends the state, never this answer.

    Raises:
        InvalidTokenError: another machine has sent its token.
        SupersededError: a later attempt owns the approval, or it is closed.
    """
    token = state.context.task_token
    if token is None or state.context.state_machine.id != bootstrap.approval_machine_arn():
        raise InvalidTokenError("only the approval machine waits for a decision")
    tries = state.context.state.retry_count
    state.flow.run(approval_programs.wait(state.ref.attempt, state.input["round"], tries, token))
    return {"result": "parked"}
