"""What the states of the approval machine work on."""

from dataclasses import dataclass
from typing import Any

from sfn_cqrs.domain import approval_programs
from sfn_cqrs.domain.approval import Status
from sfn_cqrs.domain.keys import ApprovalRef
from sfn_cqrs.service.approvals.programs import ApprovalFlow
from sfn_cqrs.service.state import State, state


@dataclass(frozen=True, slots=True)
class ApprovalState(State):
    """No state writes a status first: each has one write of its own."""

    @property
    def ref(self) -> ApprovalRef:
        """The attempt that the execution runs."""
        return ApprovalRef.from_input(self.context.execution.input)

    @property
    def flow(self) -> ApprovalFlow:
        """What happens to the approval."""
        return ApprovalFlow(self.ref.key)

    @property
    def logged(self) -> dict[str, object]:
        """The approval."""
        ref = self.ref
        return {"tenant": ref.key.tenant, "approval": ref.key.id, "attempt": ref.attempt}

    def handle(self, *statuses: Status) -> dict[str, Any]:
        """Do what follows one of these decisions, and end the attempt.

        Raises:
            SupersededError: a later attempt owns the approval, or it is decided otherwise.
        """
        approval = self.flow.run(approval_programs.handle(self.ref.attempt, *statuses))
        return {"result": str(approval.status)}


approval_state = state(ApprovalState)
