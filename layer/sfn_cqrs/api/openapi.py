"""The OpenAPI document of all routes, made from their descriptions, and a page that shows it."""

from collections.abc import Sequence
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs import bootstrap
from sfn_cqrs.api.app_routes import routes_of_app
from sfn_cqrs.api.types import TypeService
from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.kernel.http.http import Route, Routes
from sfn_cqrs.kernel.http.operation import MEMBER, NOBODY_ASKED, Declared, Media, operation
from sfn_cqrs.kernel.http.request import Request, answer
from sfn_cqrs.kernel.http.shapes import Schema
from sfn_cqrs.kernel.http.values import ANYTHING
from sfn_cqrs.kernel.policy import Access
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.command import handlers, read_models
from sfn_cqrs.machines.command.read_models import ReadModelService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.task import types as task_types

_DOCUMENT = Schema("OpenApi", {"type": "object", "additionalProperties": ANYTHING})
_NO_SCRIPTS_FROM_ELSEWHERE = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes_for(described: Sequence[Routes]) -> Routes:
    """Return the routes that describe all routes."""
    routes = Routes()

    def registered() -> list[Route]:
        every = (*described, routes, routes_of_app())
        return [route for each in every for route in each.registered]

    @routes.get("/openapi.json")
    @operation(rule=MEMBER, answers={200: _DOCUMENT})
    def describe_api() -> Response[str]:
        """Describe the API, as OpenAPI 3.1."""
        from sfn_cqrs.api.document import document  # noqa: PLC0415 - not in every cold start

        types = Request().service(TypeService).list()
        models = Request().service(ReadModelService).list()
        return answer(HTTPStatus.OK, document(registered(), _declarations(), types, models))

    @routes.get("/docs")
    @operation(
        rule=NOBODY_ASKED,
        answers={200: Media("text/html; charset=utf-8")},
        problems=(NotFoundError,),
        is_public=True,
    )
    def show_docs() -> Response[str]:
        """Show the API as a page; outside prod."""
        from sfn_cqrs.api.document import document  # noqa: PLC0415
        from sfn_cqrs.api.page import page  # noqa: PLC0415

        if bootstrap.stage() == "prod":
            raise NotFoundError("the page is not served in prod; GET /openapi.json has it all")
        headers = {"Content-Security-Policy": _NO_SCRIPTS_FROM_ELSEWHERE}
        types, models = TypeService("-").list(), list(read_models.types().values())
        text = page(document(registered(), _declarations(), types, models))
        return Response(HTTPStatus.OK.value, "text/html; charset=utf-8", text, headers)

    return routes


def _declarations() -> dict[Declared, dict[str, Access]]:
    """Return the rules of access that the user's package declares."""
    return {
        Declared.TYPES: handlers.types(),
        Declared.TASKS: task_types.types(),
        Declared.SAGAS: saga_types.types(),
        Declared.TABLES: strategies.types(),
        Declared.APPROVALS: approval_types.types(),
        Declared.READ_MODELS: {name: one.access for name, one in read_models.types().items()},
    }
