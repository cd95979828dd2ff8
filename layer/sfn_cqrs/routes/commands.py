"""Commands and their chains."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.domain.command import Known
from sfn_cqrs.domain.errors import (
    AttributesTooLargeError,
    ChainBusyError,
    ForbiddenError,
    IdempotencyMismatchError,
    InvalidInputError,
    NotFailedError,
    NotFoundError,
    UnknownTypeError,
    VersionConflictError,
)
from sfn_cqrs.routes.http import OPERATOR, code_of, integer_of
from sfn_cqrs.routes.operation import (
    CURSOR,
    IDEMPOTENCY_KEY,
    OPERATORS,
    Declared,
    operation,
    publishing,
    reading,
)
from sfn_cqrs.routes.request import Request, answer, listed, needed
from sfn_cqrs.routes.resolver import Routes
from sfn_cqrs.routes.schemas.commands import (
    LINKS,
    ONE_VERSION,
    PUBLISH,
    PUBLISHED,
    REDRIVEN,
    SKIPPED,
)
from sfn_cqrs.routes.views import link_view, version_view
from sfn_cqrs.service import handlers
from sfn_cqrs.service.commands.operations import ChainService
from sfn_cqrs.service.commands.service import Caller, CommandService, Published

routes = Routes()
_MODES = ("async", "sync")


@routes.post("/commands")
@operation(
    rule=publishing(Declared.TYPES),
    body=PUBLISH,
    headers=IDEMPOTENCY_KEY,
    answers={200: PUBLISHED, 202: PUBLISHED},
    problems=(
        AttributesTooLargeError,
        UnknownTypeError,
        NotFoundError,
        VersionConflictError,
        ChainBusyError,
        IdempotencyMismatchError,
    ),
)
def publish_command() -> Response[str]:
    """Publish a version."""
    request = Request()
    body = request.body(PUBLISH.fields)
    mode = body.get("mode", "async")
    if mode not in _MODES:
        raise InvalidInputError("mode", "must be async or sync")
    is_partial = body.get("partial", False)
    if not isinstance(is_partial, bool):
        raise InvalidInputError("partial", "must be true or false")
    publish = _publish_partial if is_partial else _publish_whole
    published = publish(CommandService(request.tenant), body, mode == "sync", request.caller)
    return _published(published)


@routes.delete("/commands/<type_>/<code>")
@operation(
    rule=publishing(Declared.TYPES),
    query={"version": {"type": "integer", "minimum": -1, "default": -1}},
    headers=IDEMPOTENCY_KEY,
    answers={200: PUBLISHED, 202: PUBLISHED},
    problems=(UnknownTypeError, NotFoundError, VersionConflictError, IdempotencyMismatchError),
)
def delete_item(type_: str, code: str) -> Response[str]:
    """Publish a deletion."""
    request = Request()
    version = integer_of(request.query("version"), "version", Known.LATEST)
    service = CommandService(request.tenant)
    deleted = service.delete(type_, code_of(code), version=version, caller=request.caller)
    return _published(deleted)


@routes.get("/commands/<type_>/<code>")
@operation(
    rule=reading(Declared.TYPES),
    query=CURSOR,
    answers={200: LINKS},
    problems=(NotFoundError, UnknownTypeError),
)
def list_versions(type_: str, code: str) -> Response[str]:
    """Show a chain: every version with its outcome, and who waits for whom."""
    request = Request()
    service = request.service(ChainService)
    with handlers.naming_unknown(type_):
        page = service.show(
            type_, code_of(code), limit=request.limit, cursor=request.query("cursor")
        )
    return listed([link_view(link) for link in page.items], page.next_cursor)


@routes.get("/commands/<type_>/<code>/<version>")
@operation(
    rule=reading(Declared.TYPES),
    answers={200: ONE_VERSION},
    problems=(NotFoundError, UnknownTypeError),
)
def get_version(type_: str, code: str, version: str) -> Response[str]:
    """Show one version with its attributes."""
    service = Request().service(ChainService)
    with handlers.naming_unknown(type_):
        link = service.find(type_, code_of(code), integer_of(version, "version", 0))
    return answer(HTTPStatus.OK, version_view(link))


@routes.post("/commands/<type_>/<code>/<version>/redrive")
@operation(
    rule=OPERATORS,
    answers={202: REDRIVEN},
    problems=(ForbiddenError, NotFoundError, NotFailedError),
)
def redrive_version(type_: str, code: str, version: str) -> Response[str]:
    """Run a failed version again; for operators."""
    request = Request()
    request.identity.require(OPERATOR)
    service = request.service(ChainService)
    process = service.redrive(type_, code_of(code), integer_of(version, "version", 0))
    return answer(HTTPStatus.ACCEPTED, {"version": process.version, "attempt": process.attempt})


@routes.post("/commands/<type_>/<code>/<version>/skip")
@operation(
    rule=OPERATORS, answers={202: SKIPPED}, problems=(ForbiddenError, NotFoundError, NotFailedError)
)
def skip_version(type_: str, code: str, version: str) -> Response[str]:
    """Give a failed version up; for operators."""
    request = Request()
    request.identity.require(OPERATOR)
    service = request.service(ChainService)
    process = service.skip(type_, code_of(code), integer_of(version, "version", 0))
    return answer(HTTPStatus.ACCEPTED, {"version": process.version, "outcome": process.outcome})


def _publish_whole(
    service: CommandService, body: dict[str, Any], is_sync: bool, caller: Caller
) -> Published:
    publish = service.publish_sync if is_sync else service.publish
    return publish(
        needed(body, "type"),
        needed(body, "code"),
        name=needed(body, "name"),
        attributes=needed(body, "attributes"),
        version=body.get("version", Known.NONE),
        is_deleted=body.get("isDeleted", False),
        caller=caller,
    )


def _publish_partial(
    service: CommandService, body: dict[str, Any], is_sync: bool, caller: Caller
) -> Published:
    return service.publish_partial(
        needed(body, "type"),
        needed(body, "code"),
        name=body.get("name"),
        attributes=body.get("attributes"),
        is_deleted=body.get("isDeleted"),
        version=body.get("version", Known.LATEST),
        is_sync=is_sync,
        caller=caller,
    )


def _published(published: Published) -> Response[str]:
    is_done = published.is_unchanged or published.is_applied
    return answer(HTTPStatus.OK if is_done else HTTPStatus.ACCEPTED, published.as_json())
