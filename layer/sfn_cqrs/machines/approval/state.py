"""The context of the approval machine's states."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sfn_cqrs.kernel.functions.state import FlowState, state
from sfn_cqrs.kernel.keys import ApprovalRef
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval.rules import Status
from sfn_cqrs.machines.approval.runner import ApprovalFlow


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
