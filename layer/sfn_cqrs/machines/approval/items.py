"""Approvals as items of the approvals table."""

from typing import Final

from sfn_cqrs.kernel.keys import ApprovalKey
from sfn_cqrs.kernel.tables.codec import CREATED, PUBLIC, Codec
from sfn_cqrs.kernel.tables.records import Kind
from sfn_cqrs.machines.approval.rules import Approval, Rules, Status, Vote


def tenant_status(tenant: str, status: Status) -> str:
    """Return the partition in the index that lists a tenant's approvals by status."""
    return f"{tenant}#{status}"


_APPROVAL: Final = Codec(
    Approval,
    kind="approval",
    names={"token": "task_token", "due_at": "opened_at"},
    inside={
        "key": Codec(ApprovalKey, also=PUBLIC),
        "rules": Codec(Rules, names={"group": "approver_group"}, lean=("group",)),
        "created": CREATED,
    },
    lean=("subject", "note", "trace", "depth", "request_id"),
    later=("digest", "source"),
    parts={Vote: Codec(Vote, later=("seen",)).inner},
    also={
        "tenant_status": lambda approval: tenant_status(approval.key.tenant, approval.status),
        "vote_count": lambda approval: len(approval.votes),
    },
)
"""`opened_at` is the moment by which the sweep's index sorts."""

APPROVALS = Kind(_APPROVAL, is_open=lambda approval: not approval.stage.is_closed)
