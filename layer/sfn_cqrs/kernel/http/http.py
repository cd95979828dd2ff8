"""Requests of the HTTP API: the caller, the path, the body, and how one finds its route."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from threading import local
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.tracing import within
from sfn_cqrs.kernel.caller import Identity
from sfn_cqrs.kernel.errors import InvalidInputError, TooLargeError, UnauthorizedError
from sfn_cqrs.kernel.functions.context import LambdaHandler
from sfn_cqrs.kernel.functions.logs import naming_request
from sfn_cqrs.kernel.keys import checked_tenant
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.traces import Trace

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Lambda takes at most 6 MB. The body is JSON text, or base64, which adds a third."""
OPERATOR = "operator"
ENCODED_PREFIX = "~"
"""A path segment `~<base64url>` stands for a code that paths cannot carry, such as one with `/`."""


_OF_ALL_TENANTS = re.compile("/repairs(/.*)?")
"""The only paths where an operator of the stack names all tenants at once."""
_MAY_BE_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")
_INTEGER = re.compile(r"-?[0-9]{1,9}")


def identity_of(event: dict[str, Any]) -> Identity:
    """Return the caller; a header names the tenant only for a machine that signed with IAM.

    A caller of the machines' API acts for every tenant, so grant its role like a key to all of
    them. Operators of the stack assume one role, and are in every tenant's group of operators.
    Other machines are in no group.

    Raises:
        UnauthorizedError: there are no claims, they lack a tenant, or they cannot be read exactly.
        InvalidInputError: no key can hold the tenant, or it is all of them.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    iam = authorizer.get("iam")
    if iam:
        user = str(iam["userArn"])
        groups = {OPERATOR} if user.startswith(bootstrap.operators_arn()) else ()
        tenant = _tenant_header(event)
        if not _OF_ALL_TENANTS.fullmatch(event.get("rawPath", "")):
            checked_tenant(tenant)
        return Identity(tenant, user, Client(frozenset(groups), is_machine=True))
    return Identity.of_claims((authorizer.get("jwt") or {}).get("claims") or {})


def body_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return the request's JSON object; numbers keep all their digits.

    Raises:
        TooLargeError: it is larger than 4 MiB.
        InvalidInputError: it is not a JSON object.
    """
    try:
        raw = raw_body_of(event)
        body = json.loads(raw, parse_float=Decimal, parse_constant=_refuse_constant)
        if _MAY_BE_HALF.search(raw):
            _refuse_halves(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("body", f"is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidInputError("body", "must be a JSON object")
    return body


def raw_body_of(event: dict[str, Any]) -> bytes:
    """Return the request's body as it was sent.

    Raises:
        TooLargeError: it is larger than 4 MiB.
    """
    text = event.get("body") or ""
    raw = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    if len(raw) > MAX_BODY_BYTES:
        raise TooLargeError(f"a body has at most {MAX_BODY_BYTES} bytes, this has {len(raw)}")
    return raw


def with_encoded_path(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with the path that API Gateway matched.

    AWS decodes `rawPath`, so a code with a `/` would match another route. The path is therefore
    built again from the route's key and its parameters. A catch-all route has no parameters; its
    path is encoded again, segment by segment.
    """
    path = event["routeKey"].partition(" ")[2]
    if path and "+}" not in path:
        for name, value in (event.get("pathParameters") or {}).items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
    else:
        path = "/".join(quote(segment, safe="") for segment in event["rawPath"].split("/"))
    http = {**event["requestContext"]["http"], "path": path}
    return {**event, "rawPath": path, "requestContext": {**event["requestContext"], "http": http}}


def code_of(encoded: str) -> str:
    """Return the code that a segment of the encoded path stands for.

    Raises:
        InvalidInputError: it begins with `~` and is not base64url.
    """
    segment = unquote(encoded)
    if not segment.startswith(ENCODED_PREFIX):
        return segment
    text = segment.removeprefix(ENCODED_PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), "-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("code", "after ~ must be base64url of UTF-8") from error


def integer_of(text: str | None, field: str, default: int) -> int:
    """Return a number of the query string or the path.

    Raises:
        InvalidInputError: it is not a number.
    """
    if text is None:
        return default
    if not _INTEGER.fullmatch(text):
        raise InvalidInputError(field, "must be an integer")
    return int(text)


def header_of(event: dict[str, Any], name: str) -> str | None:
    """Return a header of the request, whose name is in small letters, or None."""
    headers = {given.lower(): value for given, value in (event.get("headers") or {}).items()}
    return headers.get(name)


def _tenant_header(event: dict[str, Any]) -> str:
    tenant = header_of(event, "x-tenant-code")
    if not tenant:
        raise UnauthorizedError("a request signed with IAM names its tenant in x-tenant-code")
    return tenant


def _refuse_halves(value: object) -> None:
    """Refuse half of a surrogate pair in a text or a name: nothing can store or send it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_halves(name)
            _refuse_halves(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_halves(inner)
    elif isinstance(value, str) and _HALF.search(value):
        raise ValueError("a text has half of a surrogate pair")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_mine = local()


def current_event() -> dict[str, Any]:
    """Return the request that this thread answers, as API Gateway sent it."""
    event: APIGatewayProxyEventV2 = _mine.event
    return event.raw_event


def current_identity() -> Identity:
    """Return the caller of the request that this thread answers; the claims are read once.

    Raises:
        UnauthorizedError: there are no claims, they lack a tenant, or they cannot be read exactly.
        InvalidInputError: no key can hold the tenant, or it is all of them.
    """
    if _mine.identity is None:
        _mine.identity = identity_of(current_event())
    identity: Identity = _mine.identity
    return identity


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
        _mine.event, _mine.identity = APIGatewayProxyEventV2(dict(event)), None
        _mine.lambda_context = context
        return super().resolve(event, context)

    @property
    def handle(self) -> LambdaHandler:
        """Return the handler of API Gateway HTTP API requests (payload format 2.0)."""
        return naming_request(self._handle)

    def _handle(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        with within(_callers_trace(event) or bootstrap.tracer().here()):
            return self.resolve(with_encoded_path(event), context)


def _callers_trace(event: dict[str, Any]) -> Trace | None:
    """Return the trace that the caller names; whoever has no token could name any."""
    if not event["requestContext"].get("authorizer"):
        return None
    return Trace.of_traceparent(header_of(event, "traceparent") or "")
