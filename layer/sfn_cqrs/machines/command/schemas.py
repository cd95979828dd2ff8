"""The requests and answers of commands."""

from sfn_cqrs.kernel.http.shapes import body, list_of, page_of, record
from sfn_cqrs.kernel.http.values import (
    COUNT,
    FLAG,
    MOMENT,
    OBJECT,
    TEXT,
    VERSION,
    audit,
    by_rule,
    nullable,
    of,
    one_of,
    text,
)
from sfn_cqrs.kernel.traces import Trace
from sfn_cqrs.machines.command.process import Lane, Mode, Outcome
from sfn_cqrs.machines.command.together import MOST as MOST_TOGETHER

TYPE = {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$"}
CODE = {"type": "string", "minLength": 1}

PUBLISH = body(
    "Publish",
    {"type": TYPE, "code": CODE},
    {
        "name": {**TEXT, "description": "needed unless `partial`"},
        "attributes": by_rule({**OBJECT, "description": "needed unless `partial`"}),
        "version": {
            "type": "integer",
            "minimum": -1,
            "description": "the version that you have read; 0 or none: a new item; -1: the latest "
            "version",
        },
        "isDeleted": by_rule(FLAG),
        "mode": {**one_of("async", "sync"), "default": "async"},
        "partial": {**FLAG, "description": "merge into the latest version"},
        "at": by_rule({**MOMENT, "description": "publish then, with an offset; answers 201"}),
        "replace": by_rule(
            {**TEXT, "description": "a name: what is planned under it on the item is replaced"}
        ),
        "after": by_rule(
            {**TEXT, "format": "duration", "description": "publish so long after now, as P3D"}
        ),
    },
)
PLANNED = record(
    "Planned",
    {
        "type": TYPE,
        "code": CODE,
        "plan": {**TEXT, "description": "its name, unique on the item"},
        "dueAt": MOMENT,
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
ONE = body(
    "PublishOne",
    {"type": TYPE, "code": CODE},
    {
        **PUBLISH.shape["properties"],
        "idempotencyKey": text(wrong="must be a text", description="of this command"),
    },
)
BATCH = body("PublishBatch", {"commands": {**list_of(ONE), "minItems": 1, "maxItems": MAX_BATCH}})
_OF_TOGETHER = ("type", "code", "name", "attributes", "version", "isDeleted", "partial")
ONE_TOGETHER = body(
    "PublishOneTogether",
    {"type": TYPE, "code": CODE},
    {name: PUBLISH.shape["properties"][name] for name in _OF_TOGETHER},
)
TOGETHER = body(
    "PublishTogether",
    {"commands": {**list_of(ONE_TOGETHER), "minItems": 1, "maxItems": MOST_TOGETHER}},
)
PUBLISHED_TOGETHER = record("PublishedTogether", {"results": list_of(PUBLISHED)})
_RESULT = record(
    "PublishResult",
    {
        "status": {
            "type": "integer",
            "description": "the status that the command would get in its own request",
        }
    },
    optional={
        **PUBLISHED.shape["properties"],
        **PLANNED.shape["properties"],
        "problem": {**OBJECT, "description": "an RFC 9457 problem document"},
    },
)
RESULTS = record("PublishResults", {"results": list_of(_RESULT)})
_MEMBER = record("PublishedWith", {"type": TYPE, "code": CODE, "version": VERSION})
_LINK = {
    "version": of("command.version", VERSION),
    "commandId": of("command.id", TEXT),
    "name": of("command.name", TEXT),
    "isDeleted": of("command.is_deleted", FLAG),
    "status": of("state.status", TEXT),
    "outcome": of("state.outcome", one_of(*Outcome)),
    "attempt": of("state.attempt", COUNT),
    "mode": of("state.mode", one_of(*Mode)),
    "lane": of("state.lane", one_of(*Lane)),
    **audit("command.created", "created"),
    **audit("command.updated", "updated"),
}
_LINK_STATE = {
    "openedAt": of(lambda link: link.state.opened_at or None, MOMENT),
    "statusAt": of(lambda link: link.state.updated_at or None, MOMENT),
    "traceId": of(
        lambda link: trace.root if (trace := Trace.parse(link.state.trace)) else None,
        {
            **TEXT,
            "description": "X-Ray's trace, from the request that published it to its handlers",
        },
    ),
    "error": of("state.error", TEXT),
    "cause": of("state.cause", nullable(TEXT)),
    "repairedBy": of(lambda link: link.state.repaired_by or None, TEXT),
    "repairedAt": of(lambda link: link.state.repaired_at or None, MOMENT),
    "waitsFor": {**VERSION, "description": "the version that this one waits for"},
    "together": {
        **list_of(_MEMBER),
        "description": "the versions of other items that were published together with it, as "
        "far as you may read them",
    },
}
LINK = record("Link", _LINK, optional=_LINK_STATE)
LINKS = page_of(LINK)
ONE_VERSION = record(
    "Version",
    {
        "type": of("command.key.type", TYPE),
        "code": of("command.key.code", CODE),
        **_LINK,
        "attributes": of("command.attributes", OBJECT),
        "source": of("command.source", TEXT),
    },
    optional=_LINK_STATE,
)
RETRIED = record("Retried", {"version": VERSION, "attempt": COUNT})
SKIPPED = record(
    "Skipped",
    {
        "version": of("process.version", VERSION),
        "outcome": of("process.outcome", one_of(*Outcome)),
        "contentStays": FLAG,
    },
    optional={"restored": VERSION},
)
