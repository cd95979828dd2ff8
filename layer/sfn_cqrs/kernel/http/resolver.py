"""The HTTP resolver: Powertools' own, for a process that answers several requests at once."""

from collections.abc import Callable, Mapping
from threading import local
from typing import Any, NamedTuple

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from sfn_cqrs.kernel.functions.context import LambdaHandler
from sfn_cqrs.kernel.functions.logs import naming_request
from sfn_cqrs.kernel.http.http import with_encoded_path

_mine = local()


def current_event() -> dict[str, Any]:
    """Return the request that this thread answers, as API Gateway sent it."""
    event: APIGatewayProxyEventV2 = _mine.event
    return event.raw_event


def lambda_context() -> Any:
    """Return Lambda's context of the invocation that this thread answers."""
    return _mine.lambda_context


def seconds_left() -> float:
    """Return the seconds that are left for the request that this thread answers."""
    context = lambda_context()
    return context.get_remaining_time_in_millis() / 1000 if context else float("inf")


class Route(NamedTuple):
    """A route as it was registered; `rule` names its parameters `<type_>`."""

    method: str
    rule: str
    function: Callable[..., Any]


class Routes(Router):
    """The routes of one resource; they read their request only by `current_event`.

    Powertools' own `Router.current_event` is that of the resolver that included it last.
    """

    def __init__(self) -> None:
        """Take routes that are registered by decorators."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.registered: list[Route] = []

    def route(self, rule: str, method: Any, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Register a function, and remember it."""
        register = super().route(rule, method, *args, **kwargs)

        def registered(function: Callable[..., Any]) -> Callable[..., Any]:
            self.registered.append(Route(method, rule, function))
            return register(function)

        return registered


class Resolver(APIGatewayHttpResolver):
    """A resolver whose request is its thread's own.

    Powertools keeps the event and the route's arguments in attributes that all threads
    share. Lambda answers one request at a time; where functions are threads of one process,
    one caller's request must not be read with another one's claims.
    """

    @property
    def current_event(self) -> APIGatewayProxyEventV2:  # type: ignore[override]
        """Return the request that this thread answers."""
        event: APIGatewayProxyEventV2 = _mine.event
        return event

    @property
    def context(self) -> dict[str, Any]:
        """Powertools' context of the request: its route and its arguments."""
        if not hasattr(_mine, "context"):
            _mine.context = {}
        context: dict[str, Any] = _mine.context
        return context

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        _mine.context = value

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer a request."""
        _mine.event = APIGatewayProxyEventV2(dict(event))
        _mine.lambda_context = context
        return super().resolve(event, context)

    @property
    def handle(self) -> LambdaHandler:
        """Return the handler of API Gateway HTTP API requests (payload format 2.0)."""
        return naming_request(self._handle)

    def _handle(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        return self.resolve(with_encoded_path(event), context)
