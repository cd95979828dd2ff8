"""The HTTP front: the routes of the template's HttpApi events, as API Gateway would serve them.

A request becomes a payload of format 2.0 for the real function. The claims that a JWT authorizer
would have verified are made from the headers x-tenant-code, x-user and x-roles; so nobody but
this machine's programs, the front's own pages and origins that the template names may ask.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from sfn_cqrs_tools.runtime.cloudformation import ACCOUNT
from sfn_cqrs_tools.runtime.identity import authorizer
from sfn_cqrs_tools.runtime.lambdas import MAX_PAYLOAD_BYTES, Functions
from sfn_cqrs_tools.runtime.live.pages import LivePage
from sfn_cqrs_tools.runtime.template import Route
from sfn_cqrs_tools.runtime.traces import Traces
from sfn_cqrs_tools.runtime.weather import REFUSALS
from sfn_local import FunctionError
from sfn_local.http_server import Request, Response
from sfn_local.request_guard import Guard

DEFAULT_ROUTE: Final = "$default"
CONSOLE: Final = "/console"

_TEXT_TYPES: Final = ("text/", "application/json", "application/javascript", "application/xml")

_REMEDY: Final = (
    "a page of your own may, if the template's CorsConfiguration names its origin "
    "(parameter CorsOrigins)"
)


class Front:
    """Answers HTTP requests by invoking the function behind their route."""

    def __init__(
        self, routes: Iterable[Route], functions: Functions, cors: Mapping[str, Any]
    ) -> None:
        """Serve `routes`; `cors` is the CorsConfiguration of the API, or empty."""
        self._routes = sorted(routes, key=_specificity)
        self._functions = functions
        self._cors = Cors(cors)
        self.console = ""
        """The console's address without its path; requests for the console are redirected there."""
        self.live: LivePage | None = None
        """The page of live updates, where the stack has them."""
        self.refusal: Callable[[str, str], Response | None] = lambda _method, _path: None
        """Answers instead of a function if a request may not be answered now."""
        self.traces: Traces | None = None
        """Keeps requests, where the stack keeps traces."""

    @property
    def guard(self) -> Guard:
        """Return the guard that decides which requests are served."""
        return Guard(origins=self._cors.origins, remedy=_REMEDY, is_page=self._is_page)

    def _is_page(self, path: str) -> bool:
        """Return whether GET of a path needs no token: no link could open anything else on AWS."""
        if self._is_console(path) or (self.live is not None and self.live.is_page(path)):
            return True
        route = self._find("GET", path)
        return route is not None and not route[0].has_authorizer

    def _is_console(self, path: str) -> bool:
        return bool(self.console) and f"{path}/".startswith(f"{CONSOLE}/")

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route of a request and its path parameters."""
        for route in self._routes:
            parameters = match_route(route, method, path)
            if parameters is not None:
                return route, parameters
        return None

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if self._cors.is_preflight(request):
            return Response(HTTPStatus.NO_CONTENT, self._cors.preflight_headers(request))
        response = self._answer(request)
        headers = {**response.headers, **self._cors.headers(request)}
        return Response(response.status, headers, response.body, response.cookies)

    def _answer(self, request: Request) -> Response:
        if self._is_console(request.path):
            query = f"?{request.query}" if request.query else ""
            place = f"{self.console}{request.path}{query}"
            return Response(HTTPStatus.TEMPORARY_REDIRECT, {"Location": place})
        shown = self.live.answer(request) if self.live is not None else None
        if shown is not None:
            return shown
        try:
            path = unquote(request.path, errors="strict")
        except UnicodeDecodeError:
            return _message(HTTPStatus.BAD_REQUEST, "Bad Request")
        found = self._find(request.method, request.path)
        if found is None:
            return _message(HTTPStatus.NOT_FOUND, "Not Found")
        route, parameters = found
        refused = self.refusal(request.method, path)
        if refused is not None:
            return refused
        return self._invoke(route, http_event(request, route, path, parameters))

    def _invoke(self, route: Route, event: Mapping[str, Any]) -> Response:
        payload = json.dumps(event, ensure_ascii=False).encode()
        if len(payload) > MAX_PAYLOAD_BYTES:
            return _message(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")
        if self.traces is None:
            return self._answered(lambda: self._functions.invoke(route.target, payload))
        seen = {"method": event["requestContext"]["http"]["method"], "url": event["rawPath"]}
        given = event["headers"].get("x-amzn-trace-id", "")
        begun = self.traces.begin(f"{seen['method']} {seen['url']}", given)
        header = begun.trace.header
        response = self._answered(lambda: self._functions.invoke(route.target, payload, header))
        http = {"request": seen, "response": {"status": response.status}}
        self.traces.end(begun, origin="AWS::ApiGateway::Stage", http=http)
        return response

    def _answered(self, invoke: Callable[[], bytes]) -> Response:
        try:
            answer = json.loads(invoke())
        except FunctionError as error:
            if error.error in REFUSALS:
                return _message(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable")
            return _message(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")
        return http_response(answer)


class Cors:
    """The CORS headers that API Gateway itself sends; here `*` and `null` allow no origin."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        """Take a CorsConfiguration; an empty one turns CORS off."""
        self.origins = frozenset(configuration.get("AllowOrigins", [])) - {"*", "null"}
        self._methods = configuration.get("AllowMethods", [])
        self._allowed = configuration.get("AllowHeaders", [])
        self._exposed = configuration.get("ExposeHeaders", [])
        self._max_age = configuration.get("MaxAge")
        self._credentials = configuration.get("AllowCredentials", False)

    def is_preflight(self, request: Request) -> bool:
        """Return whether API Gateway answers this request without a function."""
        asks = "origin" in request.headers and "access-control-request-method" in request.headers
        return bool(self.origins) and request.method == "OPTIONS" and asks

    def headers(self, request: Request) -> dict[str, str]:
        """Return what is added to every answer to an allowed origin."""
        origin = request.headers.get("origin")
        if origin is None or origin not in self.origins:
            return {}
        headers = {"Access-Control-Allow-Origin": origin}
        if self._credentials:
            headers["Access-Control-Allow-Credentials"] = "true"
        if self._exposed:
            headers["Access-Control-Expose-Headers"] = ",".join(self._exposed)
        return headers

    def preflight_headers(self, request: Request) -> dict[str, str]:
        """Return what answers a preflight request."""
        headers = self.headers(request)
        if not headers:
            return {}
        headers["Access-Control-Allow-Methods"] = ",".join(self._methods)
        headers["Access-Control-Allow-Headers"] = ",".join(self._allowed)
        if self._max_age is not None:
            headers["Access-Control-Max-Age"] = str(self._max_age)
        return headers


def match_route(route: Route, method: str, path: str) -> dict[str, str] | None:
    """Return the decoded path parameters, or None where the route is not this request's.

    Segments are compared as they were sent, so that an encoded slash separates nothing.
    """
    if route.method not in {"ANY", method}:
        return None
    if route.path == DEFAULT_ROUTE:
        return {}
    wanted = route.path.split("/")
    given = path.split("/", len(wanted) - 1 if wanted[-1].endswith("+}") else -1)
    if len(wanted) != len(given):
        return None
    parameters: dict[str, str] = {}
    for pattern, segment in zip(wanted, given, strict=True):
        if pattern.startswith("{") and segment:
            parameters[pattern.strip("{+}")] = unquote(segment)
        elif pattern != unquote(segment):
            return None
    return parameters


def http_event(
    request: Request, route: Route, path: str, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """Build the payload (format 2.0) of a request; `path` is decoded, as API Gateway does it."""
    now = time.time()
    key = DEFAULT_ROUTE if route.path == DEFAULT_ROUTE else f"{route.method} {route.path}"
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": "127.0.0.1",
        "domainPrefix": "local",
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": key,
        "stage": "$default",
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now * 1000),
    }
    if route.has_authorizer:
        context["authorizer"] = authorizer(request.headers)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if "cookie" in request.headers:
        event["cookies"] = request.headers["cookie"].split("; ")
    if query := _query(request.query):
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = dict(parameters)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request)
    return event


def http_response(answer: Any) -> Response:
    """Turn what the function returned into an HTTP response, as payload format 2.0 says."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return Response.of_json(answer)
    body = answer.get("body") or ""
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else str(body).encode()
    headers = {name: str(value) for name, value in (answer.get("headers") or {}).items()}
    if "content-type" not in map(str.lower, headers):
        headers["Content-Type"] = "text/plain;charset=UTF-8"
    return Response(int(answer["statusCode"]), headers, raw, answer.get("cookies") or [])


def _specificity(route: Route) -> list[int]:
    """Order routes as API Gateway tries them: whole paths, then greedy ones, then the default."""
    ranks = [_rank(segment) for segment in route.path.split("/")]
    return [max(ranks), *ranks, int(route.method == "ANY")]


def _rank(segment: str) -> int:
    if segment == DEFAULT_ROUTE:
        return 3
    if segment.endswith("+}"):
        return 2
    return int(segment.startswith("{"))


def _query(raw: str) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return {name: ",".join(several) for name, several in values.items()}


def _body(request: Request) -> tuple[str, bool]:
    kind = request.headers.get("content-type", "text/plain").lower()
    if kind.startswith(_TEXT_TYPES) or "+json" in kind:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def _message(status: HTTPStatus, message: str) -> Response:
    return Response.of_json({"message": message}, status)
