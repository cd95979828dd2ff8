"""The context of the approval machine's states."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sfn_cqrs.domain import approval_programs
from sfn_cqrs.domain.approval import Status
from sfn_cqrs.domain.keys import ApprovalRef
from sfn_cqrs.service.approvals.programs import ApprovalFlow
from sfn_cqrs.service.state import FlowState, state


@dataclass(frozen=True, slots=True)
class ApprovalState(FlowState[ApprovalRef, ApprovalFlow]):
    """The context of a state of the approval machine.

    No state writes a status first: each has one write of its own.
    """

    REF = ApprovalRef
    FLOW = ApprovalFlow
    LOGGED: ClassVar = {"approval": "key.id"}

    def handle(self, *statuses: Status) -> dict[str, Any]:
        """Do what follows from one of these decisions, and end the attempt.

        Raises:
            SupersededError: a later attempt owns the approval, or it is decided otherwise.
        """
        approval = self.flow.run(approval_programs.handle(self.ref.attempt, *statuses))
        return {"result": str(approval.status)}


approval_state = state(ApprovalState)
