"""GET /invoices/overdue: a route of our own."""

from typing import Any

from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service.routes import Asked, route


@route("GET", "/invoices/overdue", allow=MEMBERS)
def get_invoices_overdue(asked: Asked) -> dict[str, Any]:
    """Answer a JSON object; read what belongs to the tenant of whoever asks."""
    return {"tenant": asked.tenant, **asked.path}
