"""The requests and answers of tasks."""

from sfn_cqrs.kernel.http.shapes import body, list_of, page_of, record
from sfn_cqrs.kernel.http.values import (
    ANYTHING,
    COUNT,
    MOMENT,
    OBJECT,
    TEXT,
    audit,
    given,
    nullable,
    of,
    one_of,
)
from sfn_cqrs.machines.task.rules import Stop, TaskStatus

CREATE = body(
    "CreateTask",
    {
        "taskType": TEXT,
        "input": {
            **OBJECT,
            "type": ["array", "object"],
            "items": ANYTHING,
            "description": "1 to 1,000 items, or an object for a single task",
        },
    },
    {"name": TEXT},
)
CREATED = record("Created", {"id": TEXT})
_STATUS = one_of(*TaskStatus)
_STOPS = {Stop.CANCELLED: "cancelled", Stop.FAILED_FAST: "failed fast"}
_TASK = {
    "id": of("key.id", TEXT),
    "taskType": of("key.type", TEXT),
    "name": TEXT,
    "status": _STATUS,
    "attempt": COUNT,
    "total": COUNT,
    **audit("created", "created"),
    "openedAt": MOMENT,
    "statusAt": of("updated_at", MOMENT),
}
_ENDED = {"completed": given(COUNT), "failed": given(COUNT), "cancelled": given(COUNT)}
_STOPPING = {"stopping": of(lambda task: _STOPS.get(task.stop), one_of(*_STOPS.values()))}
TASK = record("Task", _TASK, optional={**_ENDED, **_STOPPING})
TASKS = page_of(TASK)
ITEM = record(
    "TaskItem",
    {"index": COUNT, "status": _STATUS, "attempt": COUNT, "statusAt": of("updated_at", MOMENT)},
    optional={"result": ANYTHING, "error": TEXT, "cause": nullable(TEXT)},
)
TASK_STATE = record(
    "TaskState",
    {**_TASK, "created": COUNT, "processing": COUNT, **_ENDED, "items": list_of(ITEM)},
    optional={**_STOPPING, "result": given(ANYTHING), "nextCursor": given(TEXT)},
)
