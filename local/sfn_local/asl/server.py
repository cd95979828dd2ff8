"""The engine behind the protocol of AWS Step Functions (AWS JSON 1.0), for boto3 and the CLI."""

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sfn_local.asl import operations
from sfn_local.asl.document import loads
from sfn_local.asl.engine import Engine
from sfn_local.asl.errors import (
    ApiError,
    SerializationException,
    UnknownOperationException,
)
from sfn_local.http_server import Request, Response, Server, serve

TARGET = "AWSStepFunctions."
CONTENT_TYPE = "application/x-amz-json-1.0"


def serve_engine(engine: Engine, host: str = "127.0.0.1", port: int = 8083) -> Server:
    """Serve an engine; port 0 takes a free one. Closing the server leaves the engine running.

    Raises:
        OSError: the port is taken or the host is not one of this machine's.
    """
    return serve(host, port, handler(engine))


def handler(engine: Engine) -> Callable[[Request], Response]:
    """What answers the requests of an engine's server."""

    def handle(request: Request) -> Response:
        if request.method == "GET":
            return _respond({"service": "states"})
        try:
            operation, parameters = _parse(request)
            return _respond(operation.run(engine, parameters))
        except ApiError as error:
            return _refuse(error.code, str(error))

    return handle


def _parse(request: Request) -> tuple[operations.Operation, dict[str, Any]]:
    target = request.headers.get("x-amz-target", "")
    name = target.removeprefix(TARGET)
    operation = operations.OPERATIONS.get(name) if target.startswith(TARGET) else None
    if operation is None:
        known = ", ".join(sorted(operations.OPERATIONS))
        raise UnknownOperationException(
            f"there is no operation {target!r} here; these are: {known}"
        )
    try:
        parameters = loads(request.body.decode() or "{}")
    except ValueError as error:
        raise SerializationException(f"the body is no JSON: {error}") from None
    if not isinstance(parameters, dict):
        raise SerializationException("the body must be a JSON object")
    return operation, operation.check(parameters)


def _respond(answer: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    body = json.dumps(answer, default=_epoch).encode()
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4())}
    return Response(status, headers, body)


def _refuse(code: str, message: str) -> Response:
    return _respond({"__type": code, "message": message}, HTTPStatus.BAD_REQUEST)


def _epoch(value: object) -> float:
    """A time as the protocol writes it: seconds since 1970."""
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} has no JSON form")
