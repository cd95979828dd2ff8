"""The requests and answers of sagas."""

from sfn_cqrs.kernel.http.shapes import body, list_of, page_of, record
from sfn_cqrs.kernel.http.values import (
    ANYTHING,
    COUNT,
    MOMENT,
    OBJECT,
    TEXT,
    audit,
    by_rule,
    of,
    one_of,
)
from sfn_cqrs.machines.saga.rules import EntryStatus, MoveKind, SagaStatus

START = body(
    "StartSaga",
    {"saga": TEXT, "input": by_rule({**OBJECT, "description": "What the steps are given"})},
    {"name": TEXT},
)
STARTED = record("Started", {"id": TEXT})
_SAGA = {
    "id": of("key.id", TEXT),
    "saga": TEXT,
    "machine": of("ref.machine", TEXT),
    "name": TEXT,
    "status": one_of(*SagaStatus),
    "attempt": COUNT,
    **audit("created", "created"),
    "openedAt": MOMENT,
    "statusAt": of("updated_at", MOMENT),
}
_REASON = {"error": TEXT, "cause": TEXT}
SAGA = record("Saga", _SAGA, optional=_REASON)
SAGAS = page_of(SAGA)
LINE = record(
    "SagaLine",
    {
        "name": TEXT,
        "kind": one_of("step", "compensation"),
        "status": one_of(*EntryStatus, "UNKNOWN"),
        "attempt": COUNT,
        "try": of(lambda entry: entry.seq + 1, COUNT),
        "beganAt": MOMENT,
    },
    optional={"endedAt": MOMENT, "result": ANYTHING, **_REASON},
)
PART = record(
    "SagaPart",
    {"name": of("step", TEXT), "kind": one_of(*MoveKind), "tries": COUNT, "seconds": COUNT},
    optional={"compensation": TEXT, "choice": TEXT, "arm": TEXT, "each": TEXT},
)
SAGA_LOG = record(
    "SagaLog",
    {**_SAGA, "input": OBJECT, "log": list_of(LINE), "left": list_of(TEXT)},
    optional={"order": list_of(PART), **_REASON},
)
