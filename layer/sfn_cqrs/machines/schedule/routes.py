"""Plans: what is to be published at a moment."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel.errors import NotFoundError, NotOpenError, UnknownTypeError
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import CURSOR, Declared, operation, publishing, reading
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.http.values import one_of
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.schedule.rules import Status
from sfn_cqrs.machines.schedule.schemas import PLAN, PLANS
from sfn_cqrs.machines.schedule.service import PlanService

routes = Routes()
_OPEN = (Status.PLANNED, Status.REFUSED)
_READERS = reading(Declared.TYPES, "Who made it, and")


@routes.get("/plans")
@operation(
    rule=_READERS,
    query={"status": {**one_of(*_OPEN), "default": Status.PLANNED}, **CURSOR},
    answers={200: PLANS},
)
def list_plans() -> Response[str]:
    """List the plans that wait for their moment, the next first; or those that were refused."""
    request = Request()
    status = Status(request.choice("status", _OPEN, Status.PLANNED))
    return listed(request.service(PlanService).list(status, **request.paging), PLAN.view)


@routes.get("/plans/<type_>/<code>")
@operation(rule=_READERS, query=CURSOR, answers={200: PLANS}, problems=(UnknownTypeError,))
def list_plans_of_item(type_: str, code: str) -> Response[str]:
    """List the plans of an item, with those that ended in the last 30 days."""
    request = Request()
    handlers.check_type(type_)
    service = request.service(PlanService)
    return listed(service.of_item(type_, code_of(code), **request.paging), PLAN.view)


@routes.get("/plans/<type_>/<code>/<plan>")
@operation(rule=_READERS, answers={200: PLAN}, problems=(NotFoundError, UnknownTypeError))
def get_plan(type_: str, code: str, plan: str) -> Response[str]:
    """Show a plan."""
    service = Request().service(PlanService)
    with handlers.naming_unknown(type_):
        found = service.get(type_, code_of(code), code_of(plan))
    return answer(HTTPStatus.OK, PLAN.view(found))


@routes.delete("/plans/<type_>/<code>/<plan>")
@operation(
    rule=publishing(Declared.TYPES),
    answers={200: PLAN},
    problems=(NotFoundError, NotOpenError, UnknownTypeError),
)
def cancel_plan(type_: str, code: str, plan: str) -> Response[str]:
    """Cancel a plan that waits for its moment, or that was refused."""
    service = Request().service(PlanService)
    with handlers.naming_unknown(type_):
        found = service.cancel(type_, code_of(code), code_of(plan))
    return answer(HTTPStatus.OK, PLAN.view(found))


@routes.post("/plans/<type_>/<code>/<plan>/run")
@operation(
    rule=publishing(Declared.TYPES),
    answers={200: PLAN},
    problems=(NotFoundError, NotOpenError, UnknownTypeError),
)
def run_plan(type_: str, code: str, plan: str) -> Response[str]:
    """Publish a plan now, as the one who made it; one that was refused is tried again."""
    service = Request().service(PlanService)
    with handlers.naming_unknown(type_):
        found = service.run(type_, code_of(code), code_of(plan))
    return answer(HTTPStatus.OK, PLAN.view(found))
