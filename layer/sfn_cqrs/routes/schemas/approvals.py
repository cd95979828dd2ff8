"""What is sent and answered of approvals."""

from sfn_cqrs.domain.approval import (
    MAX_SUBJECT_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    Stage,
    Status,
    Verdict,
)
from sfn_cqrs.routes.operation import (
    ANYTHING,
    COUNT,
    FLAG,
    MOMENT,
    TEXT,
    body,
    list_of,
    one_of,
    page_of,
    record,
)

REQUEST = body(
    "RequestApproval",
    {"type": TEXT},
    {
        "subject": {**TEXT, "maxLength": MAX_SUBJECT_CHARACTERS},
        "payload": ANYTHING,
        "note": {**TEXT, "maxLength": MAX_TEXT_CHARACTERS},
    },
)
DECIDE = body("Decide", {}, {"reason": {**TEXT, "maxLength": MAX_TEXT_CHARACTERS}})
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
    optional={"remindAt": MOMENT, "error": TEXT, "cause": TEXT},
)
APPROVALS = page_of(APPROVAL)
