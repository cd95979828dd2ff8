"""The routes of an approval link, without a token: the link's signature replaces it.

While links are switched off, this function may do nothing.
"""

from typing import Any

from sfn_cqrs.routes import approval_links
from sfn_cqrs.routes.api import api_of
from sfn_cqrs.routes.http import with_encoded_path

app = api_of(approval_links.routes)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an API Gateway HTTP API request (payload format 2.0)."""
    return app.resolve(with_encoded_path(event), context)
