"""Rebuilds of read models, for operators."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel.errors import ForbiddenError, NotRebuildableError, WrongStageError
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import CURSOR, OPERATORS, operation
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.policy import permits
from sfn_cqrs.kernel.tables.paging import Page
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.rebuild.schemas import (
    BEGIN,
    DROP,
    PROBLEM,
    PROBLEMS,
    PROGRESS,
    REBUILD,
    REBUILDS,
    SWITCH,
)
from sfn_cqrs.machines.rebuild.service import Progress, RebuildService

routes = Routes()
_PROBLEMS = (ForbiddenError, NotRebuildableError, WrongStageError)


@routes.get("/rebuilds")
@operation(rule=OPERATORS, answers={200: REBUILDS}, problems=(ForbiddenError,))
def list_rebuilds() -> Response[str]:
    """List the read models that handlers write, with the state of each."""
    found = RebuildService(Request.by_operator().tenant).list()
    return listed(Page(found), lambda one: _view(Progress(one)))


@routes.get("/rebuilds/<name>")
@operation(rule=OPERATORS, answers={200: REBUILD}, problems=(ForbiddenError, NotRebuildableError))
def get_rebuild(name: str) -> Response[str]:
    """Show the state of a read model, and the progress of its rebuild."""
    found = RebuildService(Request.by_operator().tenant).get(code_of(name))
    return answer(HTTPStatus.OK, _view(found))


@routes.get("/rebuilds/<name>/problems")
@operation(
    rule=OPERATORS,
    query=CURSOR,
    answers={200: PROBLEMS},
    problems=(ForbiddenError, NotRebuildableError),
)
def list_problems(name: str) -> Response[str]:
    """List the items that failed, and the rows that differ.

    Only callers who may read all types of the read model see the cause.
    """
    request = Request.by_operator()
    service, name = RebuildService(request.tenant), code_of(name)
    page = service.problems(name, **request.paging)
    client = request.identity.client
    tells = all(
        permits(handlers.check_read, type_, client) for type_ in service.get(name).view.types
    )
    return listed(
        page,
        lambda one: PROBLEM.view(one, cause=one.cause if tells else None),
    )


@routes.post("/rebuilds/<name>")
@operation(rule=OPERATORS, body=BEGIN, answers={202: REBUILD}, problems=_PROBLEMS)
def begin_rebuild(name: str) -> Response[str]:
    """Build the next generation of a read model, while the present one serves."""
    request = Request.by_operator()
    is_every_version = request.body(BEGIN).get("everyVersion", False)
    begun = RebuildService(request.tenant).rebuild(
        code_of(name), request.caller, is_every_version=is_every_version
    )
    return answer(HTTPStatus.ACCEPTED, _view(begun))


@routes.post("/rebuilds/<name>/resume")
@operation(rule=OPERATORS, answers={202: REBUILD}, problems=_PROBLEMS)
def resume_rebuild(name: str) -> Response[str]:
    """Resume the work where it stopped, and replay the items that failed."""
    return _change(name, RebuildService.resume)


@routes.post("/rebuilds/<name>/cancel")
@operation(rule=OPERATORS, answers={202: REBUILD}, problems=_PROBLEMS)
def cancel_rebuild(name: str) -> Response[str]:
    """Stop the work; it can be resumed."""
    return _change(name, RebuildService.cancel)


@routes.post("/rebuilds/<name>/compare")
@operation(rule=OPERATORS, answers={202: REBUILD}, problems=_PROBLEMS)
def compare_rebuild(name: str) -> Response[str]:
    """Compare the two generations again."""
    return _change(name, RebuildService.compare)


@routes.post("/rebuilds/<name>/switch")
@operation(rule=OPERATORS, body=SWITCH, answers={202: REBUILD}, problems=_PROBLEMS)
def switch_read_model(name: str) -> Response[str]:
    """Serve the next generation; the old one is still written."""
    request = Request.by_operator()
    with_failed = request.body(SWITCH).get("withFailed", False)
    switched = RebuildService(request.tenant).switch(code_of(name), with_failed=with_failed)
    return answer(HTTPStatus.ACCEPTED, _view(switched))


@routes.post("/rebuilds/<name>/rollback")
@operation(rule=OPERATORS, answers={202: REBUILD}, problems=_PROBLEMS)
def roll_read_model_back(name: str) -> Response[str]:
    """Serve the old generation again."""
    return _change(name, RebuildService.rollback)


@routes.post("/rebuilds/<name>/drop")
@operation(rule=OPERATORS, body=DROP, answers={202: REBUILD}, problems=_PROBLEMS)
def drop_generation(name: str) -> Response[str]:
    """Delete the generation that is not read, or all rows of a read model that nobody writes."""
    request = Request.by_operator()
    service, name = RebuildService(request.tenant), code_of(name)
    is_unwritten = request.body(DROP).get("unwritten", False)
    dropped = service.discard(name, request.caller) if is_unwritten else service.drop(name)
    return answer(HTTPStatus.ACCEPTED, _view(dropped))


def _change(name: str, change: Callable[[RebuildService, str], Progress]) -> Response[str]:
    changed = change(RebuildService(Request.by_operator().tenant), code_of(name))
    return answer(HTTPStatus.ACCEPTED, _view(changed))


def _view(progress: Progress) -> dict[str, Any]:
    at_work = progress if progress.view.stage.is_work else None
    return REBUILD.view(progress.view, progress=at_work and PROGRESS.view(at_work))
