"""The engine behind the protocol of AWS Step Functions (AWS JSON 1.0), for boto3 and the CLI."""

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sfn_local import operations
from sfn_local.document import loads
from sfn_local.engine import Engine
from sfn_local.errors import (
    ApiError,
    JournalError,
    SerializationException,
    UnknownOperationException,
    ValidationException,
)
from sfn_local.http_server import Request, Response, Server, serve
from sfn_local.request_guard import Guard

TARGET = "AWSStepFunctions."
TRACE = "x-amzn-trace-id"
"""Preferred to `traceHeader`, and sent by botocore in each call inside Lambda."""
CLOCK = "/_engine/clock"
METRICS = "/_engine/metrics"
CONTENT_TYPE = "application/x-amz-json-1.0"


def serve_engine(
    engine: Engine, host: str = "127.0.0.1", port: int = 8083, *, hosts: Sequence[str] = ()
) -> Server:
    """Serve an engine; port 0 takes a free one. Closing the server leaves the engine running.

    It also answers to the other names and addresses in `hosts`.

    Raises:
        OSError: the port is taken or the host is not one of this machine's.
    """
    return serve(
        host, port, handler(engine), guard=Guard(host, hosts=frozenset(map(str.lower, hosts)))
    )


def handler(engine: Engine) -> Callable[[Request], Response]:
    """Return what answers the requests of an engine's server."""
    measured = engine.measure()

    def handle(request: Request) -> Response:
        if request.path == CLOCK:
            return _answer_clock(engine, request)
        if request.path == METRICS:
            return _respond(engine.metrics(measured))
        if request.method == "GET":
            return _respond({"service": "states"})
        try:
            response = _answer(engine, request)
            engine.persist()  # what is answered survives a kill
        except JournalError as error:
            return _refuse("ServiceUnavailable", str(error), HTTPStatus.SERVICE_UNAVAILABLE)
        return response

    return handle


def _answer(engine: Engine, request: Request) -> Response:
    try:
        operation, parameters = _parse(request)
        return _respond(operation.run(engine, parameters) or {})
    except ApiError as error:
        return _refuse(error.code, str(error))


def _answer_clock(engine: Engine, request: Request) -> Response:
    """Show the engine's time, after moving a virtual clock on by `advance` seconds."""
    try:
        given = _read_body(request)
        seconds = given.get("advance", 0)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
            raise ValidationException("advance must be a number of seconds")
        if request.method == "POST":
            engine.advance(seconds)
    except ApiError as error:
        return _refuse(error.code, str(error))
    return _respond({"now": engine.clock.now()})


def _parse(request: Request) -> tuple[operations.Operation, dict[str, Any]]:
    target = request.headers.get("x-amz-target", "")
    name = target.removeprefix(TARGET)
    operation = operations.OPERATIONS.get(name) if target.startswith(TARGET) else None
    if operation is None:
        known = ", ".join(sorted(operations.OPERATIONS))
        raise UnknownOperationException(
            f"there is no operation {target!r} here; these are: {known}"
        )
    given = operation.check(_read_body(request))
    if "traceHeader" in given and TRACE in request.headers:
        given["traceHeader"] = request.headers[TRACE]
    return operation, given


def _read_body(request: Request) -> dict[str, Any]:
    try:
        parameters = loads(request.body.decode() or "{}")
    except ValueError as error:
        raise SerializationException(f"the body is not JSON: {error}") from None
    if not isinstance(parameters, dict):
        raise SerializationException("the body must be a JSON object")
    return parameters


def _respond(answer: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    body = json.dumps(answer, default=_epoch).encode()
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, headers, body)


def _refuse(code: str, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Response:
    return _respond({"__type": code, "message": message}, status)


def _epoch(value: object) -> float:
    """A time as the protocol writes it: seconds since 1970."""
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} has no JSON form")
