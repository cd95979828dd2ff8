"""The routes of the user's package, as the framework serves and describes its own."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.api.declared import Asked, OwnRoute, own_routes
from sfn_cqrs.kernel.errors import BadSignatureError, InvalidInputError
from sfn_cqrs.kernel.http.http import (
    Resolver,
    Routes,
    body_of,
    code_of,
    current_event,
    raw_body_of,
)
from sfn_cqrs.kernel.http.operation import Rule, operation
from sfn_cqrs.kernel.http.request import Request, answer
from sfn_cqrs.kernel.http.shapes import Schema
from sfn_cqrs.kernel.http.values import ANYTHING, TEXT
from sfn_cqrs.kernel.keys import checked_tenant
from sfn_cqrs.kernel.policy import require

_SIGNED = Rule("Anyone; no token is needed, and the route checks who has sent it.")
_ANSWER = Schema("OwnAnswer", {"type": "object", "additionalProperties": ANYTHING})


def routes_of_app() -> Routes:
    """Return the user's routes; they come after the framework's own.

    Raises:
        AppBrokenError: a module of the user's package cannot be imported.
    """
    return _routes(tuple(own_routes()))


def otherwise(refuse: Callable[[Exception], Response[str]], *, has_token: bool) -> Resolver:
    """Return the resolver of the user's routes with a token, or of those without one.

    `refuse` turns errors into answers.
    """
    app = Resolver()
    app.include_router(_routes(tuple(one for one in own_routes() if one.has_token == has_token)))
    app.exception_handler(Exception)(refuse)
    return app


@cache
def _routes(declared: tuple[OwnRoute, ...]) -> Routes:
    routes = Routes()
    for one in declared:
        rule = one.path.replace("{", "<").replace("}", ">")
        routes.route(rule, one.method)(_answering(one))
    return routes


def _answering(route: OwnRoute) -> Callable[..., Response[str]]:
    """Return a route's function as the resolver calls it."""

    def answered(**path: str) -> Response[str]:
        values = {parameter: code_of(value) for parameter, value in path.items()}
        if not route.has_token:
            return _plain(route.function(_asked(route, values)))
        who, name = Request().identity, f"{route.method} {route.path}"
        said = f'route("{route.method}", "{route.path}")'
        require(route.allow, who.client, name, said, "allow")
        tenant = checked_tenant(who.tenant)
        asked = replace(_asked(route, values), tenant=tenant, user=who.user, groups=who.groups)
        return answer(HTTPStatus.OK, dict(route.function(asked)))

    answered.__name__ = route.function.__name__
    answered.__doc__ = route.function.__doc__
    return operation(
        rule=Rule(f"{str(route.allow).capitalize()}.") if route.has_token else _SIGNED,
        query=dict.fromkeys(route.known, TEXT),
        needed=frozenset(route.needed),
        answers={200: _ANSWER},
        problems=() if route.has_token else (BadSignatureError, InvalidInputError),
        is_public=not route.has_token,
    )(answered)


def _asked(route: OwnRoute, path: Mapping[str, str]) -> Asked:
    """Return the request without its sender, as a route's function gets it."""
    event = current_event()
    query = event.get("queryStringParameters") or {}
    _check(route, query)
    if not route.is_raw:
        body = body_of(event) if event.get("body") else {}
        return Asked(path=path, query=dict(query), body=body)
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if route.has_token:
        headers.pop("authorization", None)
    return Asked(path=path, query=dict(query), headers=headers, raw=raw_body_of(event))


def _plain(said: Mapping[str, Any]) -> Response[str]:
    """Answer whom no token names."""
    return Response(HTTPStatus.OK.value, "application/json", json.dumps(said))


def _check(route: OwnRoute, query: Mapping[str, str]) -> None:
    """Refuse parameters that a route does not know, and a request without those that it needs."""
    unknown = sorted(query.keys() - set(route.known))
    if unknown:
        known = ", ".join(route.known) or "none"
        raise InvalidInputError(unknown[0], f"is not known; known: {known}")
    for name in route.needed:
        if name not in query:
            raise InvalidInputError(name, "is missing in the query")
