"""check_decision: how is it decided, and if it is not, how long to wait for somebody?

The machine comes here first, and again whenever a wait has ended, for whatever reason. The
Choice state decision branches on the result answered here.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval.state import ApprovalState, approval_state


@approval_state
def lambda_handler(state: ApprovalState) -> dict[str, object]:
    """Answer the decision, or open the next round: until a reminder, or until it expires.

    Raises:
        SupersededError: a later attempt owns the approval, or it is closed.
        TransientError: somebody else has changed it just now.
    """
    now = bootstrap.now()
    approval = state.flow.run(approval_programs.check(state.ref.attempt, now))
    if approval.is_decided:
        return {"result": str(approval.status)}
    return {"result": "WAIT", "round": approval.round, "seconds": approval.seconds_left(now)}
