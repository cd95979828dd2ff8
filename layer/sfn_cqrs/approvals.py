"""Have people decide: declare what they decide on, request it, and act on their decision."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.domain.approval import Pinned, Status, Verdict, Vote
    from sfn_cqrs.service.approvals.effects import publish_decided
    from sfn_cqrs.service.approvals.service import ApprovalService
    from sfn_cqrs.service.approvals.types import (
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
            "sfn_cqrs.domain.approval": "Pinned Status Verdict Vote",
            "sfn_cqrs.service.approvals.effects": "publish_decided",
            "sfn_cqrs.service.approvals.service": "ApprovalService",
            "sfn_cqrs.service.approvals.types": (
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
