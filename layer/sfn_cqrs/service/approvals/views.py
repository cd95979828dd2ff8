"""What the HTTP API shows of approvals; names are camelCase, and no token is among them."""

from typing import Any

from sfn_cqrs.domain.approval import Approval, Stage, Vote


def approval_view(approval: Approval) -> dict[str, Any]:
    """An approval: what it is about, who decides, who said what, and what came of it."""
    rules = approval.rules
    view: dict[str, Any] = {
        "id": approval.key.id,
        "type": approval.type,
        "subject": approval.subject,
        "payload": approval.payload,
        "digest": approval.digest,
        "note": approval.note,
        "status": str(approval.status),
        "stage": str(approval.stage),
        "attempt": approval.attempt,
        "needed": rules.needed,
        "approvers": list(rules.approvers),
        "group": rules.group,
        "fourEyes": rules.four_eyes,
        "decisions": [_decision_view(vote) for vote in approval.votes],
        "reminders": approval.reminders,
        "requestedBy": approval.created.by,
        "requestedAt": approval.created.at,
        "expiresAt": approval.expires_at,
        "statusAt": approval.updated_at,
    }
    if approval.item is not None:
        pinned = approval.item
        view["item"] = {"type": pinned.type, "code": pinned.code, "version": pinned.version}
    if approval.remind_at is not None and not approval.is_decided:
        view["remindAt"] = approval.remind_at
    if approval.stage is Stage.FAILED:
        view |= {"error": approval.error, "cause": approval.cause}
    return view


def rerun_view(approval: Approval) -> dict[str, Any]:
    """How far an approval is: whoever runs it again need not be one who may see it."""
    whole = approval_view(approval)
    return {name: whole[name] for name in ("id", "type", "status", "stage", "attempt", "statusAt")}


def _decision_view(vote: Vote) -> dict[str, Any]:
    return {
        "by": vote.by,
        "decision": str(vote.verdict),
        "at": vote.at,
        "reason": vote.reason,
    }
