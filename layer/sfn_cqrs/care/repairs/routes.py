"""Repairs in bulk: first a plan, then a task that carries it out; for operators."""

import time
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.care.repairs.found import may_read
from sfn_cqrs.care.repairs.rules import Action, Filter, RepairKind
from sfn_cqrs.care.repairs.schemas import ASKED, FAILURES, LISTED, PLAN, REPAIR, REPAIRS
from sfn_cqrs.care.repairs.service import Progress, RepairService
from sfn_cqrs.kernel.errors import ForbiddenError, InvalidInputError, NotFailedError, NotFoundError
from sfn_cqrs.kernel.http.http import Routes, code_of, integer_of
from sfn_cqrs.kernel.http.operation import CURSOR, OPERATORS, operation
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import MAX_LIMIT, bytes_of, fitting

routes = Routes()
SECONDS = 15
"""Seconds to search for a plan; the request ends after 29."""


@routes.get("/failures")
@operation(
    rule=OPERATORS,
    query={"limit": CURSOR["limit"], **ASKED},
    answers={200: FAILURES},
    problems=(ForbiddenError,),
)
def list_failures() -> Response[str]:
    """List the first failures that a plan would have; nothing is stored."""
    request = Request.by_operator()
    kind = request.query("kind") or RepairKind.COMMAND
    given = {name: request.query(name) or "" for name in ASKED if name != "kind"}
    wanted = Filter.checked(kind, Action.RETRY, **given)
    until = time.monotonic() + SECONDS
    service, client = RepairService(request.tenant), request.identity.client
    found, is_all = service.look(wanted, client, lambda: time.monotonic() < until, request.limit)
    shown = [_entry(one, wanted.kind, client) for one in found]
    return answer(HTTPStatus.OK, {"items": shown, "isComplete": is_all})


@routes.post("/repairs")
@operation(
    rule=OPERATORS, body=PLAN, answers={201: REPAIR}, problems=(ForbiddenError, NotFoundError)
)
def plan_repair() -> Response[str]:
    """List failures, and store the list; nothing is repaired yet."""
    request = Request.by_operator()
    body = request.body(PLAN)
    after = str(body.pop("after", ""))
    wanted = Filter.checked(body.pop("kind"), body.pop("action"), **body)
    until = time.monotonic() + SECONDS
    service = RepairService(request.tenant)
    plan = service.plan(
        wanted,
        request.caller,
        lambda: time.monotonic() < until,
        after=after,
    )
    return answer(HTTPStatus.CREATED, _view(Progress(plan), request))


@routes.get("/repairs")
@operation(rule=OPERATORS, query=CURSOR, answers={200: REPAIRS}, problems=(ForbiddenError,))
def list_repairs() -> Response[str]:
    """List all plans of the last 30 days, newest first."""
    request = Request.by_operator()
    page = RepairService(request.tenant).list(**request.paging)
    return listed(page, lambda one: LISTED.view(one, filter=one.note.wanted))


@routes.get("/repairs/<id_>")
@operation(
    rule=OPERATORS, query=CURSOR, answers={200: REPAIR}, problems=(ForbiddenError, NotFoundError)
)
def get_repair(id_: str) -> Response[str]:
    """Show a plan, a page of its list, and the progress of its repair."""
    request = Request.by_operator()
    found = RepairService(request.tenant).get(code_of(id_))
    return answer(HTTPStatus.OK, _view(found, request))


@routes.post("/repairs/<id_>/start")
@operation(
    rule=OPERATORS, answers={202: REPAIR}, problems=(ForbiddenError, NotFoundError, NotFailedError)
)
def start_repair(id_: str) -> Response[str]:
    """Carry out a plan in the background, once."""
    request = Request.by_operator()
    started = RepairService(request.tenant).start(code_of(id_), request.caller)
    return answer(HTTPStatus.ACCEPTED, _view(started, request))


def _entry(entry: dict[str, Any], kind: RepairKind, client: Client) -> dict[str, Any]:
    """Return an entry of the list, without its cause if the caller may not read the item."""
    if may_read(kind, entry["type"], client):
        return entry
    return {name: value for name, value in entry.items() if name != "cause"}


def _view(progress: Progress, request: Request) -> dict[str, Any]:
    """Return a repair with a page of its list; the cursor is the number of entries shown so far."""
    plan, limit = progress.plan, request.limit
    kind = RepairKind(str(plan.wanted["kind"]))
    after = integer_of(request.query("cursor"), "cursor", 0)
    if after < 0:
        raise InvalidInputError("cursor", "is not a cursor of this list")
    shown = fitting(plan.entries[after:], limit, bytes_of) if plan.entries[after:] else []
    is_last = after + len(shown) >= len(plan.entries)
    return REPAIR.view(
        progress,
        filter=plan.wanted,
        failed=list(progress.failed[:MAX_LIMIT]),
        items=[_entry(one, kind, request.identity.client) for one in shown],
        nextCursor=None if is_last else str(after + len(shown)),
    )
