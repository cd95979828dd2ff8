"""What is sent and answered of commands."""

from sfn_cqrs.domain.process import Lane, Mode, Outcome
from sfn_cqrs.routes.schemas.shapes import body, list_of, page_of, record
from sfn_cqrs.routes.schemas.values import COUNT, FLAG, MOMENT, TEXT, VERSION, nullable, one_of

TYPE = {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$"}
CODE = {"type": "string", "minLength": 1}
ATTRIBUTES = {"type": "object"}
AUDIT = {"createdAt": MOMENT, "createdBy": TEXT, "updatedAt": MOMENT, "updatedBy": TEXT}

PUBLISH = body(
    "Publish",
    {"type": TYPE, "code": CODE},
    {
        "name": {**TEXT, "description": "needed unless `partial`"},
        "attributes": {**ATTRIBUTES, "description": "needed unless `partial`"},
        "version": {
            "type": "integer",
            "minimum": -1,
            "description": "the latest that you know; 0 or none: new; -1: whatever is latest",
        },
        "isDeleted": FLAG,
        "mode": {**one_of("async", "sync"), "default": "async"},
        "partial": {**FLAG, "description": "merge into the latest version"},
    },
)
PUBLISHED = record(
    "Published",
    {"type": TYPE, "code": CODE, "version": VERSION, "commandId": TEXT},
    optional={
        "unchanged": FLAG,
        "outcome": {**one_of(*Outcome), "description": "how the version closed, if `wait` saw it"},
        "error": TEXT,
        "cause": nullable(TEXT),
    },
)
MAX_BATCH = 100
_ONE = body(
    "PublishOne",
    {"type": TYPE, "code": CODE},
    {**PUBLISH.shape["properties"], "idempotencyKey": {**TEXT, "description": "of this command"}},
)
BATCH = body("PublishBatch", {"commands": {**list_of(_ONE), "minItems": 1, "maxItems": MAX_BATCH}})
BATCH_FIELDS = _ONE.fields
_RESULT = record(
    "PublishResult",
    {"status": {"type": "integer", "description": "as the command alone would be answered"}},
    optional={
        **PUBLISHED.shape["properties"],
        "problem": {"type": "object", "description": "an RFC 9457 problem document"},
    },
)
RESULTS = record("PublishResults", {"results": list_of(_RESULT)})
_LINK = {
    "version": VERSION,
    "commandId": TEXT,
    "name": TEXT,
    "isDeleted": FLAG,
    "status": TEXT,
    "outcome": one_of(*Outcome),
    "attempt": COUNT,
    "mode": one_of(*Mode),
    "lane": one_of(*Lane),
    **AUDIT,
}
_LINK_STATE = {
    "openedAt": MOMENT,
    "statusAt": MOMENT,
    "traceId": {**TEXT, "description": "X-Ray's trace of what published it and of what it did"},
    "error": TEXT,
    "cause": nullable(TEXT),
    "waitsFor": {**VERSION, "description": "the version that this one waits for"},
}
LINKS = page_of(record("Link", _LINK, optional=_LINK_STATE))
ONE_VERSION = record(
    "Version",
    {"type": TYPE, "code": CODE, **_LINK, "attributes": ATTRIBUTES, "source": TEXT},
    optional=_LINK_STATE,
)
REDRIVEN = record("Redriven", {"version": VERSION, "attempt": COUNT})
SKIPPED = record("Skipped", {"version": VERSION, "outcome": one_of(*Outcome)})
