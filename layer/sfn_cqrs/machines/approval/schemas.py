"""The requests and answers of approvals."""

from sfn_cqrs.kernel.http.shapes import body, list_of, page_of, record
from sfn_cqrs.kernel.http.values import (
    ANYTHING,
    COUNT,
    FLAG,
    MOMENT,
    TEXT,
    VERSION,
    given,
    of,
    one_of,
    text,
)
from sfn_cqrs.machines.approval.rules import (
    MAX_SUBJECT_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    Stage,
    Status,
    Verdict,
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
DECIDE = body(
    "Decide",
    {},
    {
        "reason": {**TEXT, "maxLength": MAX_TEXT_CHARACTERS},
        "digest": text(
            wrong="must be the digest that the approval was shown with",
            description="The digest of the approval as you saw it; needed if it has an `item`",
        ),
    },
)
_PINNED = record("PinnedItem", {"type": TEXT, "code": TEXT, "version": VERSION})
_LINE = record("SummaryLine", {"name": TEXT, "value": TEXT})
_DECISION = record(
    "Decision",
    {"by": TEXT, "decision": of("verdict", one_of(*Verdict)), "at": MOMENT, "reason": TEXT},
)
APPROVAL = record(
    "Approval",
    {
        "id": of("key.id", TEXT),
        "type": TEXT,
        "subject": TEXT,
        "payload": ANYTHING,
        "digest": TEXT,
        "note": TEXT,
        "status": one_of(*Status),
        "stage": one_of(*Stage),
        "attempt": COUNT,
        "needed": of("rules.needed", COUNT),
        "approvers": of("rules.approvers", list_of(TEXT)),
        "group": of("rules.group", TEXT),
        "fourEyes": of("rules.four_eyes", FLAG),
        "decisions": of("votes", list_of(_DECISION)),
        "reminders": COUNT,
        "requestedBy": of("created.by", TEXT),
        "requestedAt": of("created.at", MOMENT),
        "expiresAt": MOMENT,
        "statusAt": of("updated_at", MOMENT),
    },
    optional={
        "item": _PINNED,
        "isCurrent": given({**FLAG, "description": "Whether the item is still at this version"}),
        "summary": given(list_of(_LINE)),
        "remindAt": of(lambda one: None if one.is_decided else one.remind_at, MOMENT),
        "error": of(lambda one: one.error if one.stage is Stage.FAILED else None, TEXT),
        "cause": of(lambda one: one.cause if one.stage is Stage.FAILED else None, TEXT),
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
