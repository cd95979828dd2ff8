"""The tenant's usage; for operators."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.care.usage.schemas import USAGE
from sfn_cqrs.care.usage.service import usage_of
from sfn_cqrs.kernel.errors import ForbiddenError
from sfn_cqrs.kernel.http.http import Routes
from sfn_cqrs.kernel.http.operation import OPERATORS, operation
from sfn_cqrs.kernel.http.request import Request, answer

routes = Routes()


@routes.get("/usage")
@operation(rule=OPERATORS, answers={200: USAGE}, problems=(ForbiddenError,))
def get_usage() -> Response[str]:
    """Show what the tenant has stored by type, and done by type and day."""
    found = usage_of(Request.by_operator().tenant)
    return answer(HTTPStatus.OK, USAGE.view(found))
