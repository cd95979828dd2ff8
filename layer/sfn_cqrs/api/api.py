"""An HTTP API of some routes: every error is an RFC 9457 problem document with a stable `code`."""

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from math import ceil
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError

from sfn_cqrs import bootstrap
from sfn_cqrs.api.app_routes import otherwise
from sfn_cqrs.kernel.errors import TooManyRequestsError, UnauthorizedError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.http.http import (
    Resolver,
    Routes,
    current_event,
    current_identity,
    lambda_context,
)
from sfn_cqrs.kernel.http.problems import problem, problem_of

Middleware = Callable[[Resolver, Callable[[Resolver], Response[Any]]], Response[Any]]
RETRY_AFTER = "2"
"""Seconds after which a client may repeat a request that failed because AWS was busy."""
_LOOKS = ("GET", "HEAD", "OPTIONS")


def api_of(
    *resources: Routes,
    has_own: bool = False,
    has_webhooks: bool = False,
    first: tuple[Middleware, ...] = (),
) -> Resolver:
    """Return an API of these resources' routes, followed by the user's own routes.

    `has_own` are those with a token, `has_webhooks` those without. The functions in `first` run
    before any of them.
    """
    app = Resolver()
    app.use(list(first))
    for routes in resources:
        app.include_router(routes)
    app.exception_handler(Exception)(_refuse)
    if has_own or has_webhooks:
        app.not_found(partial(_own_route, has_token=has_own))
    else:
        app.not_found(_no_route)
    return app


def spend_write(
    app: Resolver, next_middleware: Callable[[Resolver], Response[Any]]
) -> Response[Any]:
    """Take one of the tenant's tokens for each request that writes; a refusal costs no read.

    A request without a tenant is refused by its route.

    Raises:
        TooManyRequestsError: the tenant has no token left.
    """
    if current_event()["requestContext"]["http"]["method"] not in _LOOKS:
        with suppress(UnauthorizedError):
            bootstrap.write_budget().spend(current_identity().tenant)
    return next_middleware(app)


def _own_route(_error: NoRouteError, *, has_token: bool) -> Response[str]:
    """Answer by a route of the user's package, which is imported only if no other route matches."""
    try:
        app = otherwise(_refuse, has_token=has_token)
        app.not_found(_no_route)
        found = app.resolve(current_event(), lambda_context())
    except Exception as broken:
        return _refuse(broken)
    response = Response(found["statusCode"], body=found["body"], headers=found["headers"])
    response.base64_encoded = found.get("isBase64Encoded", False)
    return response


def _refuse(error: Exception) -> Response[str]:
    """Answer any error; details of our own faults go only to the log."""
    status, document = problem_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("a request failed")
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        logger.warning("a request was answered 503", exc_info=error)
    return _problem(status, document, _headers(error, status))


def _headers(error: Exception, status: int) -> dict[str, str]:
    """Return the headers that say when to ask again, if that helps."""
    if isinstance(error, TooManyRequestsError):
        return {"Retry-After": str(max(1, ceil(error.seconds)))}
    return {"Retry-After": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def _no_route(_error: NoRouteError) -> Response[str]:
    """Answer a request whose path matches no route."""
    status = HTTPStatus.NOT_FOUND
    document = problem(status, "no_such_route", "GET /docs shows every path and its methods")
    return _problem(status, document, {})


def _problem(status: int, document: dict[str, Any], headers: dict[str, str]) -> Response[str]:
    body = json.dumps(document)  # in ASCII: it may quote half of a surrogate pair
    return Response(int(status), "application/problem+json", body, {**headers})
