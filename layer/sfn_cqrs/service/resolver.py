"""The HTTP resolver: Powertools', made fit for a process that answers several requests at once."""

from collections.abc import Mapping
from threading import local
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2


class Resolver(APIGatewayHttpResolver):
    """A resolver whose request is its thread's own.

    Powertools keeps the event and the route's arguments in attributes that all threads
    share. Lambda answers one request at a time; where functions are threads of one process,
    one caller's request must not be read with another one's claims.
    """

    def __init__(self) -> None:
        """Serve routes that are registered by decorators."""
        self._mine = local()
        super().__init__()

    @property
    def current_event(self) -> APIGatewayProxyEventV2:  # type: ignore[override]
        """The request that this thread answers."""
        event: APIGatewayProxyEventV2 = self._mine.event
        return event

    @property
    def context(self) -> dict[str, Any]:
        """What Powertools notes of the request: its route and its arguments."""
        if not hasattr(self._mine, "context"):
            self._mine.context = {}
        context: dict[str, Any] = self._mine.context
        return context

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        self._mine.context = value

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer a request."""
        self._mine.event = APIGatewayProxyEventV2(dict(event))
        return super().resolve(event, context)
