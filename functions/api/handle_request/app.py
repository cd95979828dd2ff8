"""The HTTP API: every route, one function.

API Gateway has checked the token; tenant and operator come from its claims alone. Every
error is an RFC 9457 problem document with a stable `code`.
"""

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError

from sfn_cqrs.adapters.paging import DEFAULT_LIMIT, MAX_LIMIT
from sfn_cqrs.domain.command import Known
from sfn_cqrs.domain.errors import InvalidInputError, SfnCqrsError
from sfn_cqrs.domain.keys import TaskKind
from sfn_cqrs.domain.task import TaskStatus
from sfn_cqrs.service.chains import ChainService
from sfn_cqrs.service.commands import Caller, CommandService, Published
from sfn_cqrs.service.data import DataService, HistoryService
from sfn_cqrs.service.http import (
    OPERATOR,
    Identity,
    body_of,
    code_of,
    integer_of,
    with_encoded_path,
)
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.problems import problem, problem_of
from sfn_cqrs.service.resolver import Resolver
from sfn_cqrs.service.task_views import state_view, task_view
from sfn_cqrs.service.tasks import TaskService
from sfn_cqrs.service.views import link_view, row_view, version_view

app = Resolver()
_FIELDS = frozenset(
    ("type", "code", "name", "version", "attributes", "isDeleted", "mode", "partial")
)
_TASK_FIELDS = frozenset(("taskType", "input", "name"))
_KINDS = {"batch": TaskKind.BATCH, "single": TaskKind.SINGLE}
_MODES = ("async", "sync")


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an API Gateway HTTP API request (payload format 2.0)."""
    return app.resolve(with_encoded_path(event), context)


@app.post("/commands")
def publish_command() -> Response[str]:
    """Publish a version."""
    identity = Identity.of(_event())
    body = body_of(_event())
    _refuse_unknown(body, _FIELDS)
    mode = body.get("mode", "async")
    if mode not in _MODES:
        raise InvalidInputError("mode", "must be async or sync")
    is_partial = body.get("partial", False)
    if not isinstance(is_partial, bool):
        raise InvalidInputError("partial", "must be true or false")
    publish = _publish_partial if is_partial else _publish_whole
    published = publish(CommandService(identity.tenant), body, mode == "sync", _caller(identity))
    return _published(published)


@app.delete("/commands/<type_>/<code>")
def delete_item(type_: str, code: str) -> Response[str]:
    """Publish a deletion."""
    identity = Identity.of(_event())
    version = integer_of(_query("version"), "version", Known.LATEST)
    service = CommandService(identity.tenant)
    deleted = service.delete(type_, code_of(code), version=version, caller=_caller(identity))
    return _published(deleted)


@app.get("/commands/<type_>/<code>")
def list_versions(type_: str, code: str) -> Response[str]:
    """Show a chain: every version with its outcome, and who waits for whom."""
    service = ChainService(Identity.of(_event()).tenant)
    page = service.show(type_, code_of(code), limit=_limit(), cursor=_query("cursor"))
    return _listed([link_view(link) for link in page.items], page.next_cursor)


@app.get("/commands/<type_>/<code>/<version>")
def get_version(type_: str, code: str, version: str) -> Response[str]:
    """Show one version with its attributes."""
    service = ChainService(Identity.of(_event()).tenant)
    link = service.find(type_, code_of(code), integer_of(version, "version", 0))
    return _json(HTTPStatus.OK, version_view(link))


@app.post("/commands/<type_>/<code>/<version>/redrive")
def redrive_version(type_: str, code: str, version: str) -> Response[str]:
    """Run a failed version again; for operators."""
    identity = Identity.of(_event())
    identity.require(OPERATOR)
    service = ChainService(identity.tenant)
    process = service.redrive(type_, code_of(code), integer_of(version, "version", 0))
    return _json(HTTPStatus.ACCEPTED, {"version": process.version, "attempt": process.attempt})


@app.post("/commands/<type_>/<code>/<version>/skip")
def skip_version(type_: str, code: str, version: str) -> Response[str]:
    """Give a failed version up; for operators."""
    identity = Identity.of(_event())
    identity.require(OPERATOR)
    service = ChainService(identity.tenant)
    process = service.skip(type_, code_of(code), integer_of(version, "version", 0))
    return _json(HTTPStatus.ACCEPTED, {"version": process.version, "outcome": process.outcome})


@app.get("/data/<type_>/<code>")
def get_item(type_: str, code: str) -> Response[str]:
    """Show an item as it is."""
    service = DataService(Identity.of(_event()).tenant)
    with_deleted = _query("deleted") == "true"
    row = service.get(type_, code_of(code), with_deleted=with_deleted)
    return _json(HTTPStatus.OK, row_view(row))


@app.get("/data/<type_>/<code>/history")
def list_history(type_: str, code: str) -> Response[str]:
    """Show what an item was before, the newest first."""
    service = HistoryService(Identity.of(_event()).tenant)
    page = service.list(type_, code_of(code), limit=_limit(), cursor=_query("cursor"))
    return _listed([row_view(row) for row in page.items], page.next_cursor)


@app.get("/data")
def list_items() -> Response[str]:
    """List the items of a type, by code."""
    service = DataService(Identity.of(_event()).tenant)
    type_ = _query("type")
    if type_ is None:
        raise InvalidInputError("type", "is needed: /data?type=ORDER")
    page = service.list(type_, limit=_limit(), cursor=_query("cursor"))
    return _listed([row_view(row) for row in page.items], page.next_cursor)


@app.post("/tasks")
def create_task() -> Response[str]:
    """Create a task of many items, or of one that is an object."""
    identity = Identity.of(_event())
    body = body_of(_event())
    _refuse_unknown(body, _TASK_FIELDS)
    service, value = TaskService(identity.tenant), _needed(body, "input")
    create = service.create_single if isinstance(value, dict) else service.create
    id_ = create(
        _needed(body, "taskType"), value, name=body.get("name", ""), caller=_caller(identity)
    )
    return _json(HTTPStatus.ACCEPTED, {"id": id_})


@app.get("/tasks")
def list_tasks() -> Response[str]:
    """List the tasks of a type, the newest first."""
    service = TaskService(Identity.of(_event()).tenant)
    type_, kind = _query("taskType"), _query("kind") or "batch"
    if type_ is None:
        raise InvalidInputError("taskType", "is needed: /tasks?taskType=ORDER_REMINDER")
    if kind not in _KINDS:
        raise InvalidInputError("kind", "must be batch or single")
    page = service.list(type_, kind=_KINDS[kind], limit=_limit(), cursor=_query("cursor"))
    return _listed([task_view(task) for task in page.items], page.next_cursor)


@app.get("/tasks/<id_>")
def get_task(id_: str) -> Response[str]:
    """Show a task with its counts and a page of its items."""
    service = TaskService(Identity.of(_event()).tenant)
    status, limit = _query("status"), _limit()
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError("limit", f"must be between 1 and {MAX_LIMIT}")
    if status is not None and status not in set(TaskStatus):
        raise InvalidInputError("status", f"must be one of {', '.join(TaskStatus)}")
    after = integer_of(_query("cursor"), "cursor", -1)
    return _json(HTTPStatus.OK, state_view(service.get(code_of(id_)), limit, after, status))


@app.post("/tasks/<id_>/cancel")
def cancel_task(id_: str) -> Response[str]:
    """Begin no further item of a task."""
    task = TaskService(Identity.of(_event()).tenant).cancel(code_of(id_))
    return _json(HTTPStatus.ACCEPTED, task_view(task))


@app.post("/tasks/<id_>/retry")
def retry_task(id_: str) -> Response[str]:
    """Run what failed or was cancelled again."""
    task = TaskService(Identity.of(_event()).tenant).retry(code_of(id_))
    return _json(HTTPStatus.ACCEPTED, task_view(task))


@app.exception_handler(SfnCqrsError)  # type: ignore[untyped-decorator]
def refuse(error: SfnCqrsError) -> Response[str]:
    """Answer an error that the caller can do something about."""
    status, document = problem_of(error)
    return _problem(status, document)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def fail(_error: Exception) -> Response[str]:
    """Answer any other error without saying anything of it."""
    logger.exception("a request failed")
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _problem(status, problem(status, "internal_error", "try again; it is logged"))


@app.not_found
def no_route(_error: NoRouteError) -> Response[str]:
    """Answer a path that is no route."""
    status = HTTPStatus.NOT_FOUND
    return _problem(status, problem(status, "no_such_route", "see the list of routes in README"))


def _publish_whole(
    service: CommandService, body: dict[str, Any], is_sync: bool, caller: Caller
) -> Published:
    publish = service.publish_sync if is_sync else service.publish
    return publish(
        _needed(body, "type"),
        _needed(body, "code"),
        name=_needed(body, "name"),
        attributes=_needed(body, "attributes"),
        version=body.get("version", Known.NONE),
        is_deleted=body.get("isDeleted", False),
        caller=caller,
    )


def _publish_partial(
    service: CommandService, body: dict[str, Any], is_sync: bool, caller: Caller
) -> Published:
    return service.publish_partial(
        _needed(body, "type"),
        _needed(body, "code"),
        name=body.get("name"),
        attributes=body.get("attributes"),
        is_deleted=body.get("isDeleted"),
        version=body.get("version", Known.LATEST),
        is_sync=is_sync,
        caller=caller,
    )


def _refuse_unknown(body: dict[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(body.keys() - known)
    if unknown:
        raise InvalidInputError(unknown[0], f"is not known; known: {', '.join(sorted(known))}")


def _needed(body: dict[str, Any], field: str) -> Any:
    if field not in body:
        raise InvalidInputError(field, "is missing")
    return body[field]


def _event() -> dict[str, Any]:
    return dict(app.current_event.raw_event)


def _caller(identity: Identity) -> Caller:
    http = _event()["requestContext"]
    headers = {name.lower(): value for name, value in (_event().get("headers") or {}).items()}
    return Caller(
        user=identity.user,
        ip=http["http"].get("sourceIp", ""),
        source="api",
        request_id=http.get("requestId", ""),
        idempotency_key=headers.get("idempotency-key"),
    )


def _query(name: str) -> str | None:
    return (_event().get("queryStringParameters") or {}).get(name)


def _limit() -> int:
    return integer_of(_query("limit"), "limit", DEFAULT_LIMIT)


def _published(published: Published) -> Response[str]:
    is_done = published.is_unchanged or published.is_applied
    return _json(HTTPStatus.OK if is_done else HTTPStatus.ACCEPTED, published.as_json())


def _listed(items: list[dict[str, Any]], next_cursor: str | None) -> Response[str]:
    more = {"nextCursor": next_cursor} if next_cursor else {}
    return _json(HTTPStatus.OK, {"items": items, **more})


def _json(status: int, body: dict[str, Any]) -> Response[str]:
    return Response(int(status), "application/json", json.dumps(body, ensure_ascii=False))


def _problem(status: int, document: dict[str, Any]) -> Response[str]:
    body = json.dumps(document)  # in ASCII: it may quote half of a surrogate pair
    return Response(int(status), "application/problem+json", body)
