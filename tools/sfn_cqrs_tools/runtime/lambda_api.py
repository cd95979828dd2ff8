"""Lambda's Invoke API over HTTP, and the address that the AWS fabric forwards its events to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from sfn_cqrs_tools.runtime.lambdas import MAX_PAYLOAD_BYTES, Functions
from sfn_cqrs_tools.runtime.template import Function
from sfn_local import FunctionError
from sfn_local.http_server import Request, Response

_FORWARD: Final = re.compile(r"/forward/([^/]+)")
_INVOKE: Final = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_DESCRIBE: Final = re.compile(r"/2015-03-31/functions/([^/]+)")

# Takes a function and the event that the fabric has for it; returns the answer to the fabric.
Forward = Callable[[Function, bytes], bytes]


def forward_url(endpoint: str, function: str) -> str:
    """Return where the fabric is to post a function's events."""
    return f"{endpoint}/forward/{function}"


TROUBLES: Final = "/_sfn_cqrs/troubles"
"""The path at which the stack reports its troubles."""


class LambdaApi:
    """Answers HTTP requests out of `functions`, as Lambda's endpoint would."""

    def __init__(
        self, functions: Functions, forward: Forward, troubles: Callable[[], Sequence[str]] = tuple
    ) -> None:
        """Hand events that the fabric forwards to `forward`; say what `troubles` there are."""
        self._functions = functions
        self._troubles = troubles
        self._forward = forward
        self._operations = (
            ("POST", _INVOKE, self._invoke),
            ("POST", _FORWARD, self._take_forwarded),
            ("GET", _DESCRIBE, self._describe),
        )

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        path = unquote(request.path)
        if path == TROUBLES:
            return Response.of_json(list(self._troubles()))
        for method, pattern, answer in self._operations:
            match = pattern.fullmatch(path)
            if match is None or request.method != method:
                continue
            try:
                function = self._functions.find(match[1])
            except FunctionError as error:
                return _error(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", error.cause)
            return answer(function, request)
        message = f"the local Lambda API has no {request.method} {path}"
        return _error(HTTPStatus.NOT_FOUND, "UnknownOperationException", message)

    def _invoke(self, function: Function, request: Request) -> Response:
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
                return self._invoke_and_wait(function, payload)
            case "Event":
                self._functions.invoke_async(function.name, payload)
                return Response(HTTPStatus.ACCEPTED)
            case "DryRun":
                return Response(HTTPStatus.NO_CONTENT)
            case other:
                message = f"{other} is not an invocation type"
                return _error(HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", message)

    def _invoke_and_wait(self, function: Function, payload: bytes) -> Response:
        headers = {"Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST"}
        try:
            answer = self._functions.invoke(function.name, payload)
        except FunctionError as error:
            headers["X-Amz-Function-Error"] = "Unhandled"
            return Response(HTTPStatus.OK, headers, error.cause.encode())
        return Response(HTTPStatus.OK, headers, answer)

    def _describe(self, function: Function, _request: Request) -> Response:
        configuration = {
            "FunctionName": function.name,
            "FunctionArn": function.arn,
            "Handler": function.handler,
            "Timeout": int(function.timeout),
            "MemorySize": function.memory,
            "State": "Active",
            "Version": "$LATEST",
        }
        return Response.of_json({"Configuration": configuration})

    def _take_forwarded(self, function: Function, request: Request) -> Response:
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._forward(function, request.body)
        except FunctionError as error:
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR, headers, error.cause.encode())
        return Response(HTTPStatus.OK, headers, answer)


def _error(status: HTTPStatus, code: str, message: str) -> Response:
    body = json.dumps({"Type": "User", "message": message}).encode()
    return Response(status, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body)
