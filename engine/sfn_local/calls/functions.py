"""How the engine reaches Lambda functions."""

import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Protocol

from sfn_local.calls.workers import Workers
from sfn_local.document import dumps

NOT_FOUND = "Function not found"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
NAME_PART, QUALIFIER_PART = 6, 7

trace_header: ContextVar[str | None] = ContextVar("trace_header", default=None)
"""The traceHeader of the execution that calls a function, for whoever runs it, within `submit`."""

invocation_headers: ContextVar[Mapping[str, str]] = ContextVar("headers", default=NO_HEADERS)
"""The headers that a task adds to its call: of the tenant, and of the durable execution."""

is_of_map_run: ContextVar[bool] = ContextVar("is_of_map_run", default=False)
"""Whether a child of a Distributed Map calls a function, for whoever runs it, within `submit`."""


class FunctionError(Exception):
    """A function failed: error is its errorType, cause the error as Lambda reports it, in JSON."""

    def __init__(self, error: str, cause: str) -> None:
        """As `Error` and `Cause` of the state will show it."""
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause

    @classmethod
    def of(cls, error: BaseException) -> "FunctionError":
        """Return the report of Lambda's Python runtime about an exception."""
        lines = traceback.format_tb(error.__traceback__)
        report = {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": lines,
        }
        return cls(type(error).__name__, dumps(report))

    @classmethod
    def unknown_function(cls, function: str, request: str = "local") -> "FunctionError":
        """Return the error for a function that does not exist, or with Lambda's own message."""
        said = function if function.startswith(NOT_FOUND) else f"{NOT_FOUND}: {function}"
        cause = (
            f"{said} (Service: AWSLambda; Status Code: 404; "
            f"Error Code: ResourceNotFoundException; Request ID: {request}; Proxy: null)"
        )
        return cls("Lambda.ResourceNotFoundException", cause)


Answer = bytes | FunctionError
Done = Callable[[Answer], None]


class FunctionInvoker(Protocol):
    """Whatever runs functions."""

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Call a function by name or ARN, and done with its answer: at once or later, anywhere."""


class InlineFunctions:
    """Runs a callable on the engine's own thread: for tests and simulations, and the fastest."""

    def __init__(self, call: Callable[[str, bytes], bytes]) -> None:
        """Call takes the function's name or ARN and the payload; what it raises is its failure."""
        self._call = call

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Call the function now."""
        done(_answer(self._call, function, payload))


class ThreadedFunctions:
    """Runs a callable on a pool of threads, so that slow functions run beside each other."""

    def __init__(self, call: Callable[[str, bytes], bytes], workers: int = 64) -> None:
        """At most workers functions run at a time; the others queue."""
        self._call = call
        self._workers = Workers(workers, "function")

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Call the function on another thread."""
        self._workers.submit(lambda: done(_answer(self._call, function, payload)))

    def close(self) -> None:
        """Start no more functions; those that run are left alone."""
        self._workers.close()


def function_name(function: str) -> str:
    """The bare name of a function given by name, partial or full ARN, with or without qualifier."""
    parts = function.split(":")
    if len(parts) >= QUALIFIER_PART and parts[0] == "arn":
        return parts[NAME_PART]
    if len(parts) > 2 and parts[1] == "function":  # noqa: PLR2004 - account:function:name
        return parts[2]
    return parts[0]


def _answer(call: Callable[[str, bytes], bytes], function: str, payload: bytes) -> Answer:
    try:
        return call(function, payload)
    except FunctionError as error:
        return error
    except Exception as error:
        return FunctionError.of(error)
