"""The requests and answers of erasures."""

from sfn_cqrs.domain.erasure import Status
from sfn_cqrs.routes.schemas.shapes import body, list_of, page_of, record
from sfn_cqrs.routes.schemas.values import COUNT, TEXT, by_rule, one_of

_COUNTS = {"type": "object", "additionalProperties": COUNT}
ASK = body(
    "AskForErasure",
    {
        "subject": by_rule(
            {**TEXT, "description": "the person's id, as in the field that `subject=` names"}
        ),
        "reason": by_rule(TEXT),
    },
)
_REMAINS = record("NotErased", {"what": TEXT, "until": {**TEXT, "description": "empty: for ever"}})
ERASURE = record(
    "Erasure",
    {
        "id": TEXT,
        "tenant": TEXT,
        "status": one_of(*Status),
        "reason": TEXT,
        "askedBy": TEXT,
        "askedAt": TEXT,
        "confirmedBy": TEXT,
        "confirmedAt": TEXT,
        "beganAt": TEXT,
        "finishedAt": TEXT,
        "passes": COUNT,
        "keptUntil": {**TEXT, "description": "until when a type's `keep=` forbids it"},
        "erased": {**_COUNTS, "description": "how much was erased, by place"},
        "left": {**list_of(TEXT), "description": "what could not be erased yet"},
        "notCovered": list_of(_REMAINS),
    },
)
ERASURES = page_of(ERASURE)
