"""Commands and their chains; and waiting clients, which other routes have as well."""

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel import moments
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Content, Known, Patch
from sfn_cqrs.kernel.errors import (
    AttributesTooLargeError,
    ChainBusyError,
    ForbiddenError,
    IdempotencyMismatchError,
    InvalidInputError,
    NoAppliedVersionError,
    NotFailedError,
    NotFoundError,
    NotUniqueError,
    RuleRefusedError,
    TogetherTooLargeError,
    UnknownTypeError,
    VersionConflictError,
)
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.http.http import Routes, code_of, integer_of, seconds_left
from sfn_cqrs.kernel.http.operation import (
    CURSOR,
    IDEMPOTENCY_KEY,
    MAX_WAIT,
    OPERATORS,
    WAIT,
    Declared,
    operation,
    publishing,
    reading,
)
from sfn_cqrs.kernel.http.problems import problem_of
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.http.shapes import Schema, failure_of, needed
from sfn_cqrs.kernel.http.values import FLAG
from sfn_cqrs.kernel.keys import MAX_VERSION, ItemKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.change import Published
from sfn_cqrs.machines.command.operations import ChainService, Link
from sfn_cqrs.machines.command.planned import Planned
from sfn_cqrs.machines.command.schemas import (
    BATCH,
    LINK,
    LINKS,
    ONE,
    ONE_TOGETHER,
    ONE_VERSION,
    PLANNED,
    PUBLISH,
    PUBLISHED,
    PUBLISHED_TOGETHER,
    RESULTS,
    RETRIED,
    SKIPPED,
    TOGETHER,
)
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.command.together import NewVersion, named, refused_at
from sfn_cqrs.machines.command.waiting import wait_until_closed

RETRY_AFTER = "1"
"""Seconds after which a client may ask again for a version that was not there in time."""
SPARE_SECONDS = 3
"""Seconds kept for reading and answering after a wait."""


def asks_to_wait(request: Request) -> bool:
    """Return whether the client waits for a version's end, and not only for its acceptance."""
    return request.query("wait") not in (None, "0")


def seconds_to_wait(request: Request) -> float:
    """Return the requested seconds, limited by the stack and by the function's time left.

    Raises:
        InvalidInputError: it is more than 20, or not a number of seconds.
    """
    asked = integer_of(request.query("wait"), "wait", 0)
    if not 0 <= asked <= MAX_WAIT:
        raise InvalidInputError("wait", f"must be between 0 and {MAX_WAIT} seconds")
    if asked == 0:
        return 0.0
    return max(0.0, min(asked, bootstrap.longest_wait(), seconds_left() - SPARE_SECONDS))


def oldest_wanted(request: Request) -> int:
    """Return the version that `atLeast` names, or 0 for any version.

    Raises:
        InvalidInputError: it is not a version, or `wait` is given without it.
    """
    if request.query("atLeast") is None:
        if request.query("wait") is not None:
            raise InvalidInputError("wait", "needs atLeast, the version to wait for")
        return 0
    version = integer_of(request.query("atLeast"), "atLeast", 0)
    if not 1 <= version <= MAX_VERSION:
        raise InvalidInputError("atLeast", f"must be between 1 and {MAX_VERSION}")
    return version


def pending(body: dict[str, Any]) -> Response[str]:
    """Answer that the version is not there yet, and when to ask again."""
    response = answer(HTTPStatus.ACCEPTED, body)
    response.headers["Retry-After"] = RETRY_AFTER
    return response


routes = Routes()


@routes.post("/commands")
@operation(
    rule=publishing(Declared.TYPES),
    body=PUBLISH,
    query=WAIT,
    headers=IDEMPOTENCY_KEY,
    answers={200: PUBLISHED, 201: PLANNED, 202: PUBLISHED},
    problems=(
        AttributesTooLargeError,
        UnknownTypeError,
        NotFoundError,
        VersionConflictError,
        RuleRefusedError,
        NotUniqueError,
        ChainBusyError,
        IdempotencyMismatchError,
    ),
)
def publish_command() -> Response[str]:
    """Publish a version, or plan it; with `wait`, return its outcome.

    With `at` or `after` it is planned: rights and shape are checked now, and again then.
    """
    request = Request()
    seconds = seconds_to_wait(request)
    body = request.body(PUBLISH)
    if _is_planned(body):
        return _plan(request, body)
    _check_wait(request, body["type"])
    return _published(request, _publish(request, body, request.caller), seconds)


@routes.post("/commands/batch")
@operation(rule=publishing(Declared.TYPES), body=BATCH, answers={200: RESULTS})
def publish_batch() -> Response[str]:
    """Publish up to 100 commands in order; each is a write with its own result."""
    request = Request()
    results = [
        _publish_one(request, command, is_first=number == 0)
        for number, command in enumerate(request.body(BATCH)["commands"])
    ]
    return answer(HTTPStatus.OK, {"results": results})


@routes.post("/commands/together")
@operation(
    rule=publishing(Declared.TYPES),
    body=TOGETHER,
    headers=IDEMPOTENCY_KEY,
    answers={200: PUBLISHED_TOGETHER, 202: PUBLISHED_TOGETHER},
    problems=(
        AttributesTooLargeError,
        UnknownTypeError,
        NotFoundError,
        VersionConflictError,
        RuleRefusedError,
        NotUniqueError,
        TogetherTooLargeError,
        IdempotencyMismatchError,
    ),
)
def publish_together() -> Response[str]:
    """Publish versions of different items, all of them or none; `index` says which is refused.

    At most 25. Each is then applied by its own chain, in its own time.
    """
    request = Request()
    versions = []
    for place, each in enumerate(request.body(TOGETHER)["commands"]):
        with refused_at(place):
            versions.append(_new_version(each))
    for _ in versions[1:]:  # the request itself has paid for the first
        bootstrap.write_budget().spend(request.tenant)
    service = CommandService(request.tenant)
    published = service.publish_together(versions, caller=request.caller)
    is_done = all(each.is_unchanged for each in published)
    status = HTTPStatus.OK if is_done else HTTPStatus.ACCEPTED
    return answer(status, {"results": [each.as_json() for each in published]})


@routes.delete("/commands/<type_>/<code>")
@operation(
    rule=publishing(Declared.TYPES),
    query={"version": {"type": "integer", "minimum": -1, "default": -1}, **WAIT},
    headers=IDEMPOTENCY_KEY,
    answers={200: PUBLISHED, 202: PUBLISHED},
    problems=(UnknownTypeError, NotFoundError, VersionConflictError, IdempotencyMismatchError),
)
def delete_item(type_: str, code: str) -> Response[str]:
    """Publish a deletion; with `wait`, return its outcome."""
    request = Request()
    seconds = seconds_to_wait(request)
    _check_wait(request, type_)
    version = integer_of(request.query("version"), "version", Known.LATEST)
    service = CommandService(request.tenant)
    deleted = service.delete(type_, code_of(code), version=version, caller=request.caller)
    return _published(request, deleted, seconds)


@routes.get("/commands/<type_>/<code>")
@operation(
    rule=reading(Declared.TYPES),
    query=CURSOR,
    answers={200: LINKS},
    problems=(NotFoundError, UnknownTypeError),
)
def list_versions(type_: str, code: str) -> Response[str]:
    """Show a chain: every version with its outcome, and the versions that wait for others."""
    request = Request()
    service = request.service(ChainService)
    with handlers.naming_unknown(type_):
        page = service.show(type_, code_of(code), **request.paging)
    return listed(page, partial(_view, request))


@routes.get("/commands/<type_>/<code>/<version>")
@operation(
    rule=reading(Declared.TYPES),
    query=WAIT,
    answers={200: ONE_VERSION, 202: ONE_VERSION},
    problems=(NotFoundError, UnknownTypeError),
)
def get_version(type_: str, code: str, version: str) -> Response[str]:
    """Show one version with its attributes; with `wait`, once it has closed."""
    request = Request()
    service, seconds = request.service(ChainService), seconds_to_wait(request)
    with handlers.naming_unknown(type_):
        link = service.wait(type_, code_of(code), integer_of(version, "version", 0), seconds)
    is_late = asks_to_wait(request) and not link.is_closed
    view = _view(request, link, ONE_VERSION)
    return pending(view) if is_late else answer(HTTPStatus.OK, view)


@routes.post("/commands/<type_>/<code>/<version>/retry")
@operation(
    rule=OPERATORS,
    answers={202: RETRIED},
    problems=(ForbiddenError, NotFoundError, NotFailedError),
)
def retry_version(type_: str, code: str, version: str) -> Response[str]:
    """Retry a failed version; for operators."""
    request = Request.by_operator()
    number = integer_of(version, "version", 0)
    service = request.service(ChainService)
    process = service.retry(type_, code_of(code), number, caller=request.caller)
    return answer(HTTPStatus.ACCEPTED, {"version": process.version, "attempt": process.attempt})


@routes.post("/commands/<type_>/<code>/<version>/skip")
@operation(
    rule=OPERATORS,
    query={"restore": {**FLAG, "default": False}},
    answers={202: SKIPPED},
    problems=(
        ForbiddenError,
        NotFoundError,
        NoAppliedVersionError,
        NotFailedError,
        RuleRefusedError,
        NotUniqueError,
    ),
)
def skip_version(type_: str, code: str, version: str) -> Response[str]:
    """Skip a failed version, for operators; with `restore`, publish what was applied before it.

    `contentStays` says that the item still shows the skipped content, until a later version.
    """
    request = Request.by_operator()
    given_up = request.service(ChainService).skip(
        type_,
        code_of(code),
        integer_of(version, "version", 0),
        restore=request.query("restore") == "true",
        caller=request.caller,
    )
    return answer(HTTPStatus.ACCEPTED, SKIPPED.view(given_up))


def _view(request: Request, link: Link, schema: Schema = LINK) -> dict[str, Any]:
    client = request.identity.client
    members = [named(request.tenant, name) for name in link.command.together]
    others = [
        {"type": key.type, "code": key.code, "version": version}
        for key, version in members
        if key != link.command.key and _is_shown(key, version, client)
    ]
    return schema.view(link, together=others or None, **failure_of(link.state))


def _is_shown(key: ItemKey, version: int, client: Client | None) -> bool:
    """Return whether a client may read a version that was published together with another."""
    if handlers.sees_all(key.type, client):
        return True
    if not handlers.access_of(key.type).read.allows_own(client):
        return False
    found = bootstrap.commands().find(key, version)
    return found is not None and handlers.sees(client, found)


def _publish(request: Request, body: dict[str, Any], caller: Caller) -> Published:
    publish = _publish_partial if body.get("partial") else _publish_whole
    return publish(CommandService(request.tenant), body, body["mode"] == "sync", caller)


def _new_version(command: Any) -> NewVersion:
    """Return a version as it is asked for.

    Raises:
        InvalidInputError: a field is missing, unknown, or not of its shape.
    """
    if not isinstance(command, dict):
        raise InvalidInputError("commands", "each must be an object")
    asked = ONE_TOGETHER.checked(command)
    is_partial = bool(asked.get("partial"))
    if not is_partial:
        needed(asked, "name", "attributes")
    return NewVersion(
        type=asked["type"],
        code=asked["code"],
        name=asked.get("name"),
        attributes=asked.get("attributes"),
        version=asked.get("version"),
        is_deleted=asked.get("isDeleted"),
        partial=is_partial,
    )


def _publish_one(request: Request, command: Any, *, is_first: bool) -> dict[str, Any]:
    """Return the result of one command of a batch; its errors do not affect the others.

    Each is one of the tenant's writes; the request itself has paid for the first.
    """
    try:
        if not is_first:
            bootstrap.write_budget().spend(request.tenant)
        if not isinstance(command, dict):
            raise InvalidInputError("commands", "each must be an object")
        asked = ONE.checked(command)
        if asked["mode"] == "sync":
            raise InvalidInputError("mode", "must be async in a batch")
        caller = replace(request.caller, idempotency_key=asked.get("idempotencyKey"))
        if _is_planned(asked):
            planned = _planned(request, asked, caller)
            return {"status": HTTPStatus.CREATED.value, **planned.as_json()}
        published = _publish(request, asked, caller)
    except Exception as error:  # one that fails does not stop the others
        status, problem = problem_of(error)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.exception("a command of a batch failed")
        return {"status": status, "problem": problem}
    is_done = published.is_unchanged or published.is_applied
    status = HTTPStatus.OK if is_done else HTTPStatus.ACCEPTED
    return {"status": status.value, **published.as_json()}


def _is_planned(body: dict[str, Any]) -> bool:
    return any(body.get(name) is not None for name in ("at", "after", "replace"))


def _plan(request: Request, body: dict[str, Any]) -> Response[str]:
    if asks_to_wait(request):
        raise InvalidInputError("wait", "nobody waits for what is planned; leave it out")
    return answer(HTTPStatus.CREATED, _planned(request, body, request.caller).as_json())


def _planned(request: Request, body: dict[str, Any], caller: Caller) -> Planned:
    at, after = body.get("at"), body.get("after")
    moment = moments.due(at, after, bootstrap.now())
    if body["mode"] == "sync":
        raise InvalidInputError("mode", "must be async for what is planned")
    wanted: Content | Patch
    if body.get("partial"):
        is_deleted, known = body.get("isDeleted"), Known.LATEST
        wanted = Patch.checked(body.get("name"), body.get("attributes"), is_deleted=is_deleted)
    else:
        needed(body, "name", "attributes")
        is_deleted, known = body.get("isDeleted", False), Known.NONE
        wanted = Content.checked(body["name"], body["attributes"], is_deleted=is_deleted)
    return bootstrap.planner(request.tenant).make(
        body["type"],
        body["code"],
        wanted,
        moment,
        version=body.get("version", known),
        replaces=body.get("replace"),
        caller=caller,
        asked_at=[at, after],
    )


def _check_wait(request: Request, type_: Any) -> None:
    """Before a publish, refuse to wait for a version that the caller may not read."""
    if asks_to_wait(request):
        handlers.readable(request.tenant, type_, "-", request.identity.client)


def _publish_whole(
    service: CommandService, body: dict[str, Any], is_sync: bool, caller: Caller
) -> Published:
    needed(body, "name", "attributes")
    publish = service.publish_sync if is_sync else service.publish
    return publish(
        body["type"],
        body["code"],
        name=body["name"],
        attributes=body["attributes"],
        version=body.get("version", Known.NONE),
        is_deleted=body.get("isDeleted", False),
        caller=caller,
    )


def _publish_partial(
    service: CommandService, body: dict[str, Any], is_sync: bool, caller: Caller
) -> Published:
    return service.publish_partial(
        body["type"],
        body["code"],
        name=body.get("name"),
        attributes=body.get("attributes"),
        is_deleted=body.get("isDeleted"),
        version=body.get("version", Known.LATEST),
        is_sync=is_sync,
        caller=caller,
    )


def _published(request: Request, published: Published, seconds: float) -> Response[str]:
    """Answer the outcome of a publish, as far as the client waits for it."""
    body = published.as_json()
    if not asks_to_wait(request):
        is_done = published.is_unchanged or published.is_applied
        return answer(HTTPStatus.OK if is_done else HTTPStatus.ACCEPTED, body)
    key = ItemKey.checked(request.tenant, published.type, published.code)
    client = request.identity.client
    if not handlers.sees_all(key.type, client):
        version = bootstrap.commands().find(key, published.version)
        if version is None or not handlers.sees(client, version):
            return pending(body)
    settled = wait_until_closed(key, published.version, seconds, client)
    if settled.outcome is None:
        return pending(body)
    body["outcome"] = str(settled.outcome)
    if settled.process is not None:
        body |= failure_of(settled.process)
    return answer(HTTPStatus.OK, body)
