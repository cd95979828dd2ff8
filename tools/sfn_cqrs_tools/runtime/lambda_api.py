"""Lambda's Invoke API over HTTP, and the address that the AWS fabric forwards its events to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from sfn_cqrs_tools.runtime.lambdas import MAX_PAYLOAD_BYTES, Functions, alias_of
from sfn_cqrs_tools.runtime.template import Function
from sfn_local import FunctionError
from sfn_local.http_server import Request, Response

_FORWARD: Final = re.compile(r"/forward/([^/]+)")
_INVOKE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_DESCRIBE: Final = re.compile(r"/2015-03-31/functions/([^/]+)")
_CONFIGURATION: Final = re.compile(r"/2015-03-31/functions/([^/]+)/configuration")

# Takes a function and the event that the fabric has for it; returns the answer to the fabric.
Forward = Callable[[Function, bytes], bytes]
# Takes a machine's ARN, and the input of an execution that a rule or a schedule starts.
Start = Callable[[str, str], object]


def forward_url(endpoint: str, function: str) -> str:
    """Return where the fabric is to post a function's events."""
    return f"{endpoint}/forward/{function}"


def executions_url(endpoint: str) -> str:
    """Return where the fabric is to post the executions that rules and schedules start."""
    return f"{endpoint}{_EXECUTIONS}"


_EXECUTIONS: Final = "/_sfn_cqrs/executions"
TROUBLES: Final = "/_sfn_cqrs/troubles"
"""The path at which the stack reports its troubles."""


class LambdaApi:
    """Answers HTTP requests out of `functions`, as Lambda's endpoint would."""

    def __init__(
        self,
        functions: Functions,
        forward: Forward,
        troubles: Callable[[], Sequence[str]] = tuple,
        start: Start | None = None,
    ) -> None:
        """Hand events that the fabric forwards to `forward`, and executions of its to `start`.

        `troubles` says what is wrong with the stack.
        """
        self._functions = functions
        self._troubles = troubles
        self._forward = forward
        self._start = start
        self._operations = (
            ("POST", _INVOKE, self._invoke),
            ("POST", _FORWARD, self._take_forwarded),
            ("GET", _DESCRIBE, self._describe),
            ("GET", _CONFIGURATION, self._configuration),
        )

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        path = unquote(request.path)
        if path == TROUBLES:
            return Response.of_json(list(self._troubles()))
        if path == _EXECUTIONS and self._start is not None:
            asked = json.loads(request.body)
            self._start(asked["stateMachineArn"], asked["input"])
            return Response(HTTPStatus.NO_CONTENT)
        for method, pattern, answer in self._operations:
            match = pattern.fullmatch(path)
            if match is None or request.method != method:
                continue
            try:
                function = self._functions.find(match[1])
            except FunctionError as error:
                return _error(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", error.cause)
            alias = _alias(match[1], request)
            if alias and alias != function.alias:
                message = f"Function not found: {function.arn}:{alias}"
                return _error(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", message)
            return answer(function, request, alias)
        message = f"the local Lambda API has no {request.method} {path}"
        return _error(HTTPStatus.NOT_FOUND, "UnknownOperationException", message)

    def _invoke(self, function: Function, request: Request, alias: str) -> Response:
        payload = request.body or b"{}"
        if len(payload) > MAX_PAYLOAD_BYTES:
            message = f"Request must be smaller than {MAX_PAYLOAD_BYTES} bytes"
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", message)
        try:
            json.loads(payload)
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            return _error(HTTPStatus.BAD_REQUEST, "InvalidRequestContentException", message)
        match request.headers.get("x-amz-invocation-type", "RequestResponse"):
            case "RequestResponse":
                return self._invoke_and_wait(function, payload, alias)
            case "Event":
                self._functions.invoke_async(_qualified(function, alias), payload)
                return Response(HTTPStatus.ACCEPTED)
            case "DryRun":
                return Response(HTTPStatus.NO_CONTENT)
            case other:
                message = f"{other} is not an invocation type"
                return _error(HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", message)

    def _invoke_and_wait(self, function: Function, payload: bytes, alias: str) -> Response:
        version = str(self._functions.described(function, alias)["Version"])
        headers = {"Content-Type": "application/json", "X-Amz-Executed-Version": version}
        try:
            answer = self._functions.invoke(_qualified(function, alias), payload)
        except FunctionError as error:
            headers["X-Amz-Function-Error"] = "Unhandled"
            return Response(HTTPStatus.OK, headers, error.cause.encode())
        return Response(HTTPStatus.OK, headers, answer)

    def _describe(self, function: Function, request: Request, alias: str) -> Response:
        described = json.loads(self._configuration(function, request, alias).body)
        return Response.of_json({"Configuration": described})

    def _configuration(self, function: Function, _request: Request, alias: str) -> Response:
        configuration = {
            "FunctionName": function.name,
            "FunctionArn": _qualified(function, alias, function.arn),
            "Handler": function.handler,
            "Timeout": int(function.timeout),
            "MemorySize": function.memory,
            "State": "Active",
            **self._functions.described(function, alias),
        }
        return Response.of_json(configuration)

    def _take_forwarded(self, function: Function, request: Request, _alias: str) -> Response:
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._forward(function, request.body)
        except FunctionError as error:
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR, headers, error.cause.encode())
        return Response(HTTPStatus.OK, headers, answer)


def _alias(name: str, request: Request) -> str:
    """Return the alias that a request names, in the function's name or beside it."""
    return alias_of(f"{name}:{request.parameters.get('Qualifier', '')}".rstrip(":"))


def _qualified(function: Function, alias: str, name: str = "") -> str:
    return f"{name or function.name}:{alias}".rstrip(":")


def _error(status: HTTPStatus, code: str, message: str) -> Response:
    body = json.dumps({"Type": "User", "message": message}).encode()
    return Response(status, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body)
