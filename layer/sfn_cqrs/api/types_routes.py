"""The types of commands, with the schemas of their attributes."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.api.types import TypeService
from sfn_cqrs.api.types_schemas import TYPE_SHOWN, TYPES_SHOWN
from sfn_cqrs.kernel.errors import UnknownTypeError
from sfn_cqrs.kernel.http.http import Routes
from sfn_cqrs.kernel.http.operation import Declared, operation, reading
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.tables.paging import Page

routes = Routes()


@routes.get("/types")
@operation(rule=reading(Declared.TYPES), answers={200: TYPES_SHOWN})
def list_types() -> Response[str]:
    """List the types whose items you may read or publish."""
    return listed(Page(Request().service(TypeService).list()), TYPE_SHOWN.view)


@routes.get("/types/<type_>")
@operation(rule=reading(Declared.TYPES), answers={200: TYPE_SHOWN}, problems=(UnknownTypeError,))
def get_type(type_: str) -> Response[str]:
    """Show a type: its rules of access, its handlers, and the schema of its attributes."""
    return answer(HTTPStatus.OK, TYPE_SHOWN.view(Request().service(TypeService).get(type_)))
