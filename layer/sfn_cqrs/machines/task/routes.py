"""Tasks and their items."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel.errors import (
    IdempotencyMismatchError,
    InvalidInputError,
    ItemTooLargeError,
    NoItemsError,
    NotFailedError,
    NotFoundError,
    NotOpenError,
    TaskBusyError,
    TooManyItemsError,
    UnknownTaskTypeError,
)
from sfn_cqrs.kernel.http.http import Routes, code_of, integer_of
from sfn_cqrs.kernel.http.operation import (
    CURSOR,
    IDEMPOTENCY_KEY,
    Declared,
    operation,
    publishing,
    reading,
)
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.http.shapes import failure_of
from sfn_cqrs.kernel.http.values import TEXT, one_of
from sfn_cqrs.kernel.keys import TaskKind
from sfn_cqrs.kernel.tables.paging import bytes_of, fitting
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.rules import Task, TaskStatus
from sfn_cqrs.machines.task.schemas import CREATE, CREATED, ITEM, TASK, TASK_STATE, TASKS
from sfn_cqrs.machines.task.service import TaskService, TaskState

routes = Routes()
_KINDS = {"batch": TaskKind.BATCH, "single": TaskKind.SINGLE}


@routes.post("/tasks")
@operation(
    rule=publishing(Declared.TASKS),
    body=CREATE,
    headers=IDEMPOTENCY_KEY,
    answers={202: CREATED},
    problems=(
        UnknownTaskTypeError,
        NoItemsError,
        TooManyItemsError,
        ItemTooLargeError,
        IdempotencyMismatchError,
    ),
)
def create_task() -> Response[str]:
    """Create a task of many items, or of one that is an object."""
    request = Request()
    body = request.body(CREATE)
    service, value = request.service(TaskService), body["input"]
    create = service.create_single if isinstance(value, dict) else service.create
    id_ = create(body["taskType"], value, name=body.get("name", ""), caller=request.caller)
    return answer(HTTPStatus.ACCEPTED, {"id": id_})


@routes.get("/tasks")
@operation(
    rule=reading(Declared.TASKS),
    query={"taskType": TEXT, "kind": {**one_of(*_KINDS), "default": "batch"}, **CURSOR},
    needed=frozenset(("taskType",)),
    answers={200: TASKS},
    problems=(UnknownTaskTypeError,),
)
def list_tasks() -> Response[str]:
    """List the tasks of a type, the newest first."""
    request = Request()
    type_ = request.query("taskType")
    if type_ is None:
        raise InvalidInputError("taskType", "is needed: /tasks?taskType=ORDER_REMINDER")
    kind = _KINDS[request.choice("kind", tuple(_KINDS), "batch")]
    page = request.service(TaskService).list(type_, kind=kind, **request.paging)
    if not page.items:
        task_types.find(type_)
    return listed(page, _view)


@routes.get("/tasks/<id_>")
@operation(
    rule=reading(Declared.TASKS),
    query={"status": one_of(*TaskStatus), **CURSOR},
    answers={200: TASK_STATE},
    problems=(NotFoundError,),
)
def get_task(id_: str) -> Response[str]:
    """Show a task with its counts and a page of its items."""
    request = Request()
    status, limit = request.choice("status", tuple(TaskStatus)), request.limit
    after = integer_of(request.query("cursor"), "cursor", -1)
    task = request.service(TaskService).get(code_of(id_))
    return answer(HTTPStatus.OK, _state(task, limit, after, status))


@routes.post("/tasks/<id_>/cancel")
@operation(
    rule=publishing(Declared.TASKS), answers={202: TASK}, problems=(NotFoundError, NotOpenError)
)
def cancel_task(id_: str) -> Response[str]:
    """Cancel a task: no further item begins."""
    task = Request().service(TaskService).cancel(code_of(id_))
    return answer(HTTPStatus.ACCEPTED, _view(task))


@routes.post("/tasks/<id_>/retry")
@operation(
    rule=publishing(Declared.TASKS),
    answers={202: TASK},
    problems=(NotFoundError, NotFailedError, TaskBusyError),
)
def retry_task(id_: str) -> Response[str]:
    """Retry the items that failed or were cancelled."""
    task = Request().service(TaskService).retry(code_of(id_))
    return answer(HTTPStatus.ACCEPTED, _view(task))


def _view(task: Task) -> dict[str, Any]:
    """Return a task in a list; it has counts once it has ended."""
    return TASK.view(task, **(task.counts.by_name if task.counts else {}))


def _state(state: TaskState, limit: int, after: int, status: str) -> dict[str, Any]:
    """Return a task with its current counts and a page of its items after an index."""
    wanted = [one for one in state.items if one.index > after and status in ("", one.status)]
    items = [ITEM.view(item, **failure_of(item)) for item in wanted[:limit]]
    shown = fitting(items, limit, bytes_of)
    is_single = state.task.key.kind is TaskKind.SINGLE and shown
    return TASK_STATE.view(
        state.task,
        **state.counts,
        **({"result": shown[0].get("result")} if is_single else {}),
        items=shown,
        nextCursor=str(shown[-1]["index"]) if len(wanted) > len(shown) else None,
    )
