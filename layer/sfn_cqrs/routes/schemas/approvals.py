"""What is sent and answered of approvals."""

from sfn_cqrs.domain.approval import (
    MAX_SUBJECT_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    Stage,
    Status,
    Verdict,
)
from sfn_cqrs.routes.schemas.shapes import body, list_of, page_of, record
from sfn_cqrs.routes.schemas.values import ANYTHING, COUNT, FLAG, MOMENT, TEXT, VERSION, one_of

REQUEST = body(
    "RequestApproval",
    {"type": TEXT},
    {
        "subject": {**TEXT, "maxLength": MAX_SUBJECT_CHARACTERS},
        "payload": ANYTHING,
        "note": {**TEXT, "maxLength": MAX_TEXT_CHARACTERS},
    },
)
DECIDE = body(
    "Decide",
    {},
    {
        "reason": {**TEXT, "maxLength": MAX_TEXT_CHARACTERS},
        "digest": {
            **TEXT,
            "description": "Of the approval as it was seen; to approve one with an `item`, needed",
        },
    },
)
_PINNED = record("PinnedItem", {"type": TEXT, "code": TEXT, "version": VERSION})
_LINE = record("SummaryLine", {"name": TEXT, "value": TEXT})
_DECISION = record(
    "Decision", {"by": TEXT, "decision": one_of(*Verdict), "at": MOMENT, "reason": TEXT}
)
APPROVAL = record(
    "Approval",
    {
        "id": TEXT,
        "type": TEXT,
        "subject": TEXT,
        "payload": ANYTHING,
        "digest": TEXT,
        "note": TEXT,
        "status": one_of(*Status),
        "stage": one_of(*Stage),
        "attempt": COUNT,
        "needed": COUNT,
        "approvers": list_of(TEXT),
        "group": TEXT,
        "fourEyes": FLAG,
        "decisions": list_of(_DECISION),
        "reminders": COUNT,
        "requestedBy": TEXT,
        "requestedAt": MOMENT,
        "expiresAt": MOMENT,
        "statusAt": MOMENT,
    },
    optional={
        "item": _PINNED,
        "isCurrent": {**FLAG, "description": "Whether the item is still at this version"},
        "summary": list_of(_LINE),
        "remindAt": MOMENT,
        "error": TEXT,
        "cause": TEXT,
    },
)
RERUN = record(
    "Rerun",
    {
        name: APPROVAL.shape["properties"][name]
        for name in ("id", "type", "status", "stage", "attempt", "statusAt")
    },
)
APPROVALS = page_of(APPROVAL)
