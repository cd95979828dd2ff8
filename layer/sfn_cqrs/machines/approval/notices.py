"""Messages about what has happened to an approval."""

from sfn_cqrs.kernel.notices import Message, notice, told
from sfn_cqrs.machines.approval.rules import Approval


def approval_status(approval: Approval, table: str) -> Message:
    """The notice that something has happened to an approval; it names nobody."""
    names = ("happened", "status", "source", "type", "attempt", "reminders", "error")
    fields = told(approval, *names, needed="rules.needed", expiresAt="expires_at")
    content = {**fields, "approved": len(approval.votes)}
    return notice("approval-status", approval.key, table, content, approval.depth, approval.trace)
