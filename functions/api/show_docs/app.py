"""The routes without a token: the API as a page. This function may do nothing."""

from typing import Any

from sfn_cqrs.routes.api import api_of
from sfn_cqrs.routes.http import with_encoded_path
from sfn_cqrs.routes.resources import DESCRIPTION

app = api_of(DESCRIPTION)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an API Gateway HTTP API request (payload format 2.0)."""
    return app.resolve(with_encoded_path(event), context)
