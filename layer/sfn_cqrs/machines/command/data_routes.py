"""Items as they are, and as they were."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel.errors import (
    DeletedError,
    InvalidInputError,
    NoAppliedVersionError,
    NotAppliedError,
    NotAppliedYetError,
    NotFoundError,
    UnknownTypeError,
)
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import CURSOR, WAIT, Declared, operation, reading
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.http.values import FLAG, VERSION
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.data import DataService, HistoryService
from sfn_cqrs.machines.command.data_schemas import ITEM, ITEMS, NOT_YET
from sfn_cqrs.machines.command.outcomes import outcome_of, outcomes_of
from sfn_cqrs.machines.command.routes import oldest_wanted, pending, seconds_to_wait
from sfn_cqrs.machines.command.schemas import TYPE

routes = Routes()


@routes.get("/data/<type_>/<code>")
@operation(
    rule=reading(Declared.TYPES),
    query={
        "deleted": {**FLAG, "default": False},
        "applied": {**FLAG, "default": False},
        "atLeast": VERSION,
        **WAIT,
    },
    answers={200: ITEM, 202: NOT_YET},
    problems=(
        NotFoundError,
        DeletedError,
        NoAppliedVersionError,
        UnknownTypeError,
        NotAppliedError,
    ),
)
def get_item(type_: str, code: str) -> Response[str]:
    """Show an item as it is now, and how its version has ended.

    With `atLeast` it is at that version or a later one, with `applied` at the last APPLIED one.
    """
    request, name = Request(), code_of(code)
    at_least = oldest_wanted(request)
    try:
        with handlers.naming_unknown(type_):
            row = request.service(DataService).get(
                type_,
                name,
                with_deleted=request.query("deleted") == "true",
                at_least=at_least,
                applied=request.query("applied") == "true",
                wait=seconds_to_wait(request),
            )
    except NotAppliedYetError:
        return pending({"type": type_, "code": name, "atLeast": at_least})
    return answer(HTTPStatus.OK, ITEM.view(row, outcome=outcome_of(row)))


@routes.get("/data/<type_>/<code>/history")
@operation(
    rule=reading(Declared.TYPES),
    query=CURSOR,
    answers={200: ITEMS},
    problems=(NotFoundError, UnknownTypeError),
)
def list_history(type_: str, code: str) -> Response[str]:
    """List the earlier states of an item, the newest first."""
    request = Request()
    service = request.service(HistoryService)
    with handlers.naming_unknown(type_):
        page = service.list(type_, code_of(code), **request.paging)
    return listed(page, ITEM.view)


@routes.get("/data")
@operation(
    rule=reading(Declared.TYPES),
    query={"type": TYPE, **CURSOR},
    needed=frozenset(("type",)),
    answers={200: ITEMS},
    problems=(UnknownTypeError,),
)
def list_items() -> Response[str]:
    """List the items of a type, by code, and how their versions have ended."""
    request = Request()
    type_ = request.query("type")
    if type_ is None:
        raise InvalidInputError("type", "is needed: /data?type=ORDER")
    service = request.service(DataService)
    page = service.list(type_, **request.paging)
    if not page.items:
        handlers.check_type(type_)
    outcomes = outcomes_of(page.items)
    return listed(page, lambda row: ITEM.view(row, outcome=outcomes[row.key]))
