"""Items of the approvals table: what an approval looks like when stored."""

from typing import Any

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.item_parts import as_request, public_item, request_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.approval import Approval, Happened, Pinned, Rules, Stage, Status, Verdict, Vote
from sfn_cqrs.domain.keys import ApprovalKey


def approval_item(approval: Approval) -> Item:
    """The approval as stored; `opened_at` is the moment by which the sweep's index sorts."""
    rules = approval.rules
    return {
        **public_item(approval, "approval"),
        "type": approval.type,
        "subject": approval.subject or None,
        "payload": approval.payload,
        "item": _pinned_item(approval.item),
        "digest": approval.digest,
        "note": approval.note or None,
        "approvers": list(rules.approvers),
        "approver_group": rules.group or None,
        "needed": rules.needed,
        "four_eyes": rules.four_eyes,
        "expires_after": rules.expires_after,
        "remind_every": rules.remind_every,
        "expires_at": approval.expires_at,
        "remind_at": approval.remind_at,
        "status": str(approval.status),
        "tenant_status": tenant_status(approval.key.tenant, approval.status),
        "stage": str(approval.stage),
        "happened": str(approval.happened),
        "attempt": approval.attempt,
        "restarts": approval.restarts,
        "round": approval.round,
        "reminders": approval.reminders,
        "votes": [_vote_item(vote) for vote in approval.votes],
        "vote_count": len(approval.votes),
        "task_token": approval.token,
        "token_seq": approval.token_seq,
        "error": approval.error,
        "cause": approval.cause,
        **request_item(approval),
        "opened_at": approval.due_at,
    }


def _vote_item(vote: Vote) -> Item:
    """What one approver said, as stored."""
    return {
        "by": vote.by,
        "verdict": str(vote.verdict),
        "at": vote.at,
        "reason": vote.reason,
        "ip": vote.ip,
        "seen": vote.seen,
    }


def _pinned_item(pinned: Pinned | None) -> Item | None:
    """Which version of which item it is of, as stored."""
    if pinned is None:
        return None
    return {"type": pinned.type, "code": pinned.code, "version": pinned.version}


def tenant_status(tenant: str, status: Status) -> str:
    """The partition of the index of a tenant's approvals by status."""
    return f"{tenant}#{status}"


def as_approval(item: Item) -> Approval:
    """Read an approval."""
    return Approval(
        key=ApprovalKey(item["tenant"], item["ulid"]),
        type=item["type"],
        subject=item.get("subject", ""),
        payload=item.get("payload"),
        item=Pinned(**item["item"]) if item.get("item") else None,
        digest=item.get("digest", ""),
        note=item.get("note", ""),
        rules=Rules(
            tuple(item["approvers"]),
            item.get("approver_group", ""),
            item["needed"],
            item["four_eyes"],
            item["expires_after"],
            item["remind_every"],
        ),
        expires_at=item["expires_at"],
        remind_at=item.get("remind_at"),
        due_at=item["opened_at"],
        updated_at=item["updated_at"],
        status=Status(item["status"]),
        stage=Stage(item["stage"]),
        happened=Happened(item["happened"]),
        attempt=item["attempt"],
        restarts=item["restarts"],
        round=item["round"],
        reminders=item["reminders"],
        votes=tuple(_as_vote(vote) for vote in item["votes"]),
        token=item.get("task_token"),
        token_seq=item.get("token_seq"),
        error=item.get("error"),
        cause=item.get("cause"),
        **as_request(item),
    )


def _as_vote(vote: dict[str, Any]) -> Vote:
    verdict = Verdict(vote["verdict"])
    return Vote(vote["by"], verdict, vote["at"], vote["reason"], vote["ip"], vote.get("seen", ""))


APPROVALS = Kind(
    name="approvals",
    item=approval_item,
    record=as_approval,
    is_open=lambda approval: not approval.stage.is_closed,
)
