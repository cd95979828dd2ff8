"""The requests and answers of repairs in bulk."""

from sfn_cqrs.care.repairs.rules import Action, RepairKind
from sfn_cqrs.kernel.http.shapes import body, list_of, page_of, record
from sfn_cqrs.kernel.http.values import (
    COUNT,
    FLAG,
    MOMENT,
    TEXT,
    VERSION,
    by_rule,
    given,
    of,
    one_of,
)
from sfn_cqrs.machines.task.rules import TaskStatus

_FILTER = {
    "type": {**TEXT, "description": "Of items, tasks or sagas; of imports, the table"},
    "since": {**MOMENT, "description": "Failed at that moment or later"},
    "until": {**MOMENT, "description": "Failed before that moment"},
    "error": {**TEXT, "description": "A part of the error or its cause; case does not matter"},
}
_AFTER = {
    "after": {
        **TEXT,
        "description": "An incomplete plan with this filter; this plan continues after it",
    }
}
PLAN = body(
    "PlanRepair",
    {"kind": one_of(*RepairKind), "action": by_rule(one_of(*Action))},
    _FILTER | _AFTER,
)
_REFERENCE = {
    "tenant": {**TEXT, "description": "In a plan of all tenants"},
    "id": TEXT,
    "type": TEXT,
    "code": TEXT,
    "version": VERSION,
}
_ENTRY = record(
    "RepairEntry",
    {"attempt": COUNT, "at": MOMENT},
    optional=_REFERENCE | {"error": TEXT, "cause": TEXT},
)
FAILURES = record(
    "Failures",
    {
        "items": list_of(_ENTRY),
        "isComplete": {**FLAG, "description": "false: there may be more; narrow the filter"},
    },
)
ASKED = {"kind": {**one_of(*RepairKind), "default": str(RepairKind.COMMAND)}, **_FILTER}
_FAILED = record(
    "RepairFailure",
    {"attempt": COUNT, "problem": {**TEXT, "description": "The code of the problem"}},
    optional=_REFERENCE,
)
_WANTED = record("RepairFilter", {"kind": TEXT, "action": TEXT}, optional=_FILTER)
LISTED = record(
    "ListedRepair",
    {
        "id": TEXT,
        "filter": _WANTED,
        "createdAt": of("note.at", MOMENT),
        "createdBy": of("note.by", TEXT),
        "total": of("note.total", COUNT),
        "isComplete": of("note.is_complete", FLAG),
        "status": of(
            lambda listed: listed.task.status if listed.task else "PLANNED",
            one_of("PLANNED", *TaskStatus),
        ),
    },
    optional={"taskId": of(lambda listed: listed.task and listed.task.key.id, TEXT)},
)
REPAIRS = page_of(LISTED)
REPAIR = record(
    "Repair",
    {
        "id": of("plan.id", TEXT),
        "filter": _WANTED,
        "createdAt": of("plan.at", MOMENT),
        "createdBy": of("plan.by", TEXT),
        "total": of(lambda progress: len(progress.plan.entries), COUNT),
        "isComplete": of(
            "plan.is_complete", {**FLAG, "description": "false: plan again `after` this one"}
        ),
        "status": of(lambda progress: progress.status or "PLANNED", one_of("PLANNED", *TaskStatus)),
        "done": COUNT,
        "unchanged": {**COUNT, "description": "Entries that had continued before the repair"},
        "left": COUNT,
        "failed": list_of(_FAILED),
        "items": list_of(_ENTRY),
    },
    optional={
        "taskId": of(lambda progress: progress.status and progress.plan.key.id, TEXT),
        "nextCursor": given(TEXT),
    },
)
