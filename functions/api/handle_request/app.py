"""The HTTP API: every route that wants a token, one function.

API Gateway has checked the token; tenant and operator come from its claims alone.
"""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.routes.api import api_of
from sfn_cqrs.routes.budget import spend_write
from sfn_cqrs.routes.http import with_encoded_path
from sfn_cqrs.routes.resources import DESCRIPTION, WITH_TOKEN

bootstrap.prepare()
app = api_of(*WITH_TOKEN, DESCRIPTION, has_own=True, first=(spend_write,))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an API Gateway HTTP API request (payload format 2.0)."""
    return app.resolve(with_encoded_path(event), context)
