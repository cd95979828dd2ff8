"""The HTTP API: every route, one function.

API Gateway has checked the token; tenant and operator come from its claims alone. Every
error is an RFC 9457 problem document with a stable `code`.
"""

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError

from sfn_cqrs.routes import (
    approval_links,
    approvals,
    commands,
    data,
    imports,
    openapi,
    sagas,
    tasks,
)
from sfn_cqrs.routes.http import with_encoded_path
from sfn_cqrs.routes.problems import problem, problem_of
from sfn_cqrs.routes.resolver import Resolver
from sfn_cqrs.service.logs import logger

RETRY_AFTER = "2"
"""Seconds after which a client may send a request again that met a busy AWS."""

app = Resolver()
resources = [
    resource.routes
    for resource in (approvals, approval_links, commands, data, imports, sagas, tasks)
]
for routes in (*resources, openapi.routes_for(resources)):
    app.include_router(routes)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an API Gateway HTTP API request (payload format 2.0)."""
    return app.resolve(with_encoded_path(event), context)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def refuse(error: Exception) -> Response[str]:
    """Answer any error; of one that is our own fault the log alone says more."""
    status, document = problem_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("a request failed")
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        logger.warning("a request was answered 503", exc_info=error)
    return _problem(status, document)


@app.not_found
def no_route(_error: NoRouteError) -> Response[str]:
    """Answer a path that is no route."""
    status = HTTPStatus.NOT_FOUND
    return _problem(status, problem(status, "no_such_route", "see the list of routes in README"))


def _problem(status: int, document: dict[str, Any]) -> Response[str]:
    body = json.dumps(document)  # in ASCII: it may quote half of a surrogate pair
    headers = {"Retry-After": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(int(status), "application/problem+json", body, {**headers})
