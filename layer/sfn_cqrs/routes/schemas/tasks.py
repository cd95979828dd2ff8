"""What is sent and answered of tasks."""

from sfn_cqrs.domain.task import TaskStatus
from sfn_cqrs.routes.schemas.shapes import body, list_of, page_of, record
from sfn_cqrs.routes.schemas.values import ANYTHING, COUNT, MOMENT, TEXT, nullable, one_of

CREATE = body(
    "CreateTask",
    {
        "taskType": TEXT,
        "input": {
            "type": ["array", "object"],
            "description": "1 to 1,000 items, or an object for a single task",
        },
    },
    {"name": TEXT},
)
CREATED = record("Created", {"id": TEXT})
_STATUS = one_of(*TaskStatus)
_TASK = {
    "id": TEXT,
    "taskType": TEXT,
    "name": TEXT,
    "status": _STATUS,
    "attempt": COUNT,
    "total": COUNT,
    "createdAt": MOMENT,
    "createdBy": TEXT,
    "openedAt": MOMENT,
    "statusAt": MOMENT,
}
_ENDED = {"completed": COUNT, "failed": COUNT, "cancelled": COUNT}
_STOPPING = {"stopping": one_of("cancelled", "failed fast")}
TASK = record("Task", _TASK, optional={**_ENDED, **_STOPPING})
TASKS = page_of(TASK)
_ITEM = record(
    "TaskItem",
    {"index": COUNT, "status": _STATUS, "attempt": COUNT, "statusAt": MOMENT},
    optional={"result": ANYTHING, "error": TEXT, "cause": nullable(TEXT)},
)
TASK_STATE = record(
    "TaskState",
    {**_TASK, "created": COUNT, "processing": COUNT, **_ENDED, "items": list_of(_ITEM)},
    optional={**_STOPPING, "result": ANYTHING, "nextCursor": TEXT},
)
