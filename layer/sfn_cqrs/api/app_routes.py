"""The routes of the user's package, as the framework serves and describes its own."""

from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.api.declared import Asked, OwnRoute, own_routes
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.http.http import Resolver, Routes, body_of, code_of, current_event
from sfn_cqrs.kernel.http.operation import Rule, operation
from sfn_cqrs.kernel.http.request import Request, answer
from sfn_cqrs.kernel.http.shapes import Schema
from sfn_cqrs.kernel.http.values import ANYTHING, TEXT
from sfn_cqrs.kernel.keys import checked_tenant
from sfn_cqrs.kernel.policy import require

_ANSWER = Schema("OwnAnswer", {"type": "object", "additionalProperties": ANYTHING})


def routes_of_app() -> Routes:
    """Return the user's routes; they come after the framework's own.

    Raises:
        AppBrokenError: a module of the user's package cannot be imported.
    """
    return _routes(tuple(own_routes()))


def otherwise(refuse: Callable[[Exception], Response[str]]) -> Resolver:
    """Return the resolver of the user's routes; `refuse` turns errors into answers."""
    app = Resolver()
    app.include_router(routes_of_app())
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
        request, event = Request(), current_event()
        who, query = request.identity, event.get("queryStringParameters") or {}
        name = f"{route.method} {route.path}"
        said = f'route("{route.method}", "{route.path}")'
        require(route.allow, who.client, name, said, "allow")
        _check(route, query)
        values = {parameter: code_of(value) for parameter, value in path.items()}
        body = body_of(event) if event.get("body") else {}
        asked = Asked(checked_tenant(who.tenant), who.user, who.groups, values, dict(query), body)
        return answer(HTTPStatus.OK, dict(route.function(asked)))

    answered.__name__ = route.function.__name__
    answered.__doc__ = route.function.__doc__
    return operation(
        rule=Rule(f"{str(route.allow).capitalize()}."),
        query=dict.fromkeys(route.known, TEXT),
        needed=frozenset(route.needed),
        answers={200: _ANSWER},
    )(answered)


def _check(route: OwnRoute, query: Mapping[str, str]) -> None:
    """Refuse parameters that a route does not know, and a request without those that it needs."""
    unknown = sorted(query.keys() - set(route.known))
    if unknown:
        known = ", ".join(route.known) or "none"
        raise InvalidInputError(unknown[0], f"is not known; known: {known}")
    for name in route.needed:
        if name not in query:
            raise InvalidInputError(name, "is missing in the query")
