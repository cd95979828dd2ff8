"""Tasks and their items."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.adapters.paging import MAX_LIMIT
from sfn_cqrs.domain.errors import (
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
from sfn_cqrs.domain.keys import TaskKind
from sfn_cqrs.domain.task import TaskStatus
from sfn_cqrs.routes.http import code_of, integer_of
from sfn_cqrs.routes.operation import (
    CURSOR,
    IDEMPOTENCY_KEY,
    Declared,
    operation,
    publishing,
    reading,
)
from sfn_cqrs.routes.request import Request, answer, listed, needed
from sfn_cqrs.routes.resolver import Routes
from sfn_cqrs.routes.schemas.tasks import CREATE, CREATED, TASK, TASK_STATE, TASKS
from sfn_cqrs.routes.schemas.values import TEXT, one_of
from sfn_cqrs.service.tasks import types as task_types
from sfn_cqrs.service.tasks.service import TaskService
from sfn_cqrs.service.tasks.views import state_view, task_view

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
    body = request.body(CREATE.fields)
    service, value = request.service(TaskService), needed(body, "input")
    create = service.create_single if isinstance(value, dict) else service.create
    id_ = create(needed(body, "taskType"), value, name=body.get("name", ""), caller=request.caller)
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
    type_, kind = request.query("taskType"), request.query("kind") or "batch"
    if type_ is None:
        raise InvalidInputError("taskType", "is needed: /tasks?taskType=ORDER_REMINDER")
    if kind not in _KINDS:
        raise InvalidInputError("kind", "must be batch or single")
    service = request.service(TaskService)
    page = service.list(type_, kind=_KINDS[kind], **request.paging)
    if not page.items:
        task_types.find(type_)
    return listed(page, task_view)


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
    status, limit = request.query("status"), request.limit
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError("limit", f"must be between 1 and {MAX_LIMIT}")
    if status is not None and status not in set(TaskStatus):
        raise InvalidInputError("status", f"must be one of {', '.join(TaskStatus)}")
    after = integer_of(request.query("cursor"), "cursor", -1)
    task = request.service(TaskService).get(code_of(id_))
    return answer(HTTPStatus.OK, state_view(task, limit, after, status))


@routes.post("/tasks/<id_>/cancel")
@operation(
    rule=publishing(Declared.TASKS), answers={202: TASK}, problems=(NotFoundError, NotOpenError)
)
def cancel_task(id_: str) -> Response[str]:
    """Begin no further item of a task."""
    task = Request().service(TaskService).cancel(code_of(id_))
    return answer(HTTPStatus.ACCEPTED, task_view(task))


@routes.post("/tasks/<id_>/retry")
@operation(
    rule=publishing(Declared.TASKS),
    answers={202: TASK},
    problems=(NotFoundError, NotFailedError, TaskBusyError),
)
def retry_task(id_: str) -> Response[str]:
    """Run what failed or was cancelled again."""
    task = Request().service(TaskService).retry(code_of(id_))
    return answer(HTTPStatus.ACCEPTED, task_view(task))
