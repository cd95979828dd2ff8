"""Have people decide: declare what they decide on, request it, and act on their decision."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.machines.approval.effects import publish_decided
    from sfn_cqrs.machines.approval.rules import Pinned, Status, Verdict, Vote
    from sfn_cqrs.machines.approval.service import ApprovalService
    from sfn_cqrs.machines.approval.types import (
        Decided,
        approval_type,
        handler_of,
        when_expired,
        when_rejected,
        when_stale,
    )
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.machines.approval.rules": "Pinned Status Verdict Vote",
            "sfn_cqrs.machines.approval.effects": "publish_decided",
            "sfn_cqrs.machines.approval.service": "ApprovalService",
            "sfn_cqrs.machines.approval.types": (
                "Decided approval_type handler_of when_expired when_rejected when_stale"
            ),
        },
    )

__all__ = [
    "ApprovalService",
    "Decided",
    "Pinned",
    "Status",
    "Verdict",
    "Vote",
    "approval_type",
    "handler_of",
    "publish_decided",
    "when_expired",
    "when_rejected",
    "when_stale",
]
