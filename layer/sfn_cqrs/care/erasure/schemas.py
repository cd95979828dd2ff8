"""The requests and answers of erasures."""

from sfn_cqrs.kernel.erasure import Status
from sfn_cqrs.kernel.http.shapes import body, list_of, page_of, record
from sfn_cqrs.kernel.http.values import COUNT, OBJECT, TEXT, by_rule, one_of

_COUNTS = {"type": "object", "additionalProperties": COUNT}
ASK = body(
    "AskForErasure",
    {
        "subject": by_rule(
            {**TEXT, "description": "the person's id, as in the field that `subject=` names"}
        ),
        "reason": by_rule(TEXT),
    },
    {
        "notKept": {
            **list_of(TEXT),
            "minItems": 1,
            "maxItems": 100,
            "description": "items such as BILL/b-1 that no law keeps; another operator confirms",
        }
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
        "kept": {**list_of(TEXT), "description": "the items that a type's `keep=` keeps"},
        "notKept": {**list_of(TEXT), "description": "items that no law keeps, by two operators"},
        "requests": {
            **list_of(OBJECT),
            "description": "who else has asked, why and when, and what came of it",
        },
        "erased": {**_COUNTS, "description": "how much was erased, by place"},
        "left": {**list_of(TEXT), "description": "what could not be erased yet"},
        "notCovered": list_of(_REMAINS),
    },
)
ERASURES = page_of(ERASURE)
