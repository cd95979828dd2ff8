"""rejected: do what a rejection asks for."""

from sfn_cqrs.machines.approval.rules import Status
from sfn_cqrs.machines.approval.state import ApprovalState, approval_state


@approval_state
def lambda_handler(state: ApprovalState) -> dict[str, object]:
    """Run the user's function, if the type has one, and end the attempt.

    Raises:
        SupersededError: a later attempt owns the approval, or it is decided otherwise.
    """
    return state.handle(Status.REJECTED)
