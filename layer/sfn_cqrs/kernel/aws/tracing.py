"""Places in a trace of X-Ray, and segments, each sent as a datagram to the daemon that Lambda runs.

Lambda and Step Functions make segments of invocations and executions, and pass the trace on to one
another. This module adds what they do not see: calls of AWS and the user's handlers.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.kernel.traces import Trace

_HEADER = b'{"format": "json", "version": 1}\n'
_OURS = "sfn_cqrs_segment"
_OF_EXECUTION = "sfn_cqrs_trace"
_HTTP_ERROR = 400
_HTTP_FAULT = 500
_TOO_MANY = 429

_here: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def entered(header: str) -> Iterator[None]:
    """Set the trace of the block, for a runtime that runs several environments in one process."""
    with within(Trace.parse(header)):
        yield


@contextmanager
def within(trace: Trace | None) -> Iterator[None]:
    """Set the block's place in a trace; None is the place that the invocation's header names."""
    before = _here.set(trace)
    try:
        yield
    finally:
        _here.reset(before)


@dataclass(frozen=True, slots=True)
class _Begun:
    outer: Trace
    id: str
    at: float


class Tracer:
    """Sends segments of what the code does within its trace."""

    def __init__(self, daemon: str, header: Callable[[], str]) -> None:
        """Send to a daemon, `HOST:PORT`; without one, nothing is sent.

        `header` returns the invocation's trace header, as Lambda gives it.
        """
        host, _, port = daemon.rpartition(":")
        self._daemon = (host, int(port)) if host else None
        self._header = header
        self._socket: socket.socket | None = None

    def here(self) -> Trace | None:
        """Return the place of the running code in its trace, or None without a trace."""
        return _here.get() or Trace.parse(self._header())

    @contextmanager
    def segment(self, name: str) -> Iterator[Trace | None]:
        """Send a segment for the block; yield the place within it."""
        outer = self.here()
        if self._daemon is None or outer is None:
            yield outer
            return
        begun = _Begun(outer, secrets.token_hex(8), time.time())
        before = _here.set(outer.below(begun.id))
        outcome: dict[str, Any] = {"type": "subsegment"}
        try:
            yield _here.get()
        except BaseException as error:
            outcome |= {"fault": True, **_cause(type(error).__name__)}
            raise
        finally:
            _here.reset(before)
            self._tell(begun, {"name": name, **outcome})

    def watch(self, client: Any) -> None:
        """Send a segment for each call of a boto3 client; a started execution's trace is sent on.

        Inside Lambda, botocore sends the invocation's trace as a header, which Step Functions
        prefers to `traceHeader`.
        Source: AWS Step Functions API Reference, StartExecution, traceHeader.
        """
        events = client.meta.events
        if client.meta.service_model.service_name == "stepfunctions":
            events.register("before-parameter-build.sfn.StartExecution", _keep_trace)
            events.register_first("before-call.sfn.StartExecution", self._send_trace)
        if self._daemon is None:
            return
        events.register_first("before-call.*.*", self._before_call)
        events.register("after-call", self._after_call)
        events.register("after-call-error", self._after_error)

    def _send_trace(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        """Send the execution's trace, and the invocation's lineage, which finds endless loops."""
        trace = context.pop(_OF_EXECUTION, None)
        if trace:
            lineage = [part for part in self._header().split(";") if part.startswith("Lineage=")]
            params["headers"]["X-Amzn-Trace-Id"] = ";".join([trace, *lineage])

    def _before_call(self, model: Any, context: dict[str, Any], **_: Any) -> None:
        outer = self.here()
        if outer is not None and outer.is_sampled:
            begun = _Begun(outer, secrets.token_hex(8), time.time())
            name = model.service_model.service_id.replace(" ", "")
            aws = {"operation": model.name, "region": context.get("client_region")}
            context[_OURS] = begun, name, aws

    def _after_call(self, context: dict[str, Any], parsed: Any, **_: Any) -> None:
        meta = parsed.get("ResponseMetadata", {})
        status = meta.get("HTTPStatusCode", 200)
        code = parsed.get("Error", {}).get("Code", "")
        seen: dict[str, Any] = {"http": {"response": {"status": status}}}
        if status >= _HTTP_ERROR:
            kind = "fault" if status >= _HTTP_FAULT else "error"
            seen |= {kind: True, "throttle": status == _TOO_MANY or "Throttl" in code}
            seen |= _cause(code)
        aws = {"request_id": meta.get("RequestId", ""), "retries": meta.get("RetryAttempts", 0)}
        self._tell_call(context, aws, seen)

    def _after_error(self, context: dict[str, Any], exception: Exception, **_: Any) -> None:
        self._tell_call(context, {}, {"fault": True, **_cause(type(exception).__name__)})

    def _tell_call(
        self, context: dict[str, Any], answered: dict[str, Any], seen: dict[str, Any]
    ) -> None:
        begun, name, aws = context.pop(_OURS, (None, "", {}))
        if begun is not None:
            kind = {"name": name, "type": "subsegment", "namespace": "aws"}
            self._tell(begun, {**kind, "aws": {**aws, **answered}, **seen})

    def _tell(self, begun: _Begun, document: dict[str, Any]) -> None:
        if self._daemon is None or not begun.outer.is_sampled:
            return
        parent = {"parent_id": begun.outer.parent} if begun.outer.parent else {}
        document = {
            "id": begun.id,
            "trace_id": begun.outer.root,
            **parent,
            "start_time": begun.at,
            "end_time": time.time(),
            **document,
        }
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto(_HEADER + json.dumps(document).encode(), self._daemon)
        except OSError:  # a trace must never make the work fail
            return


def _keep_trace(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_OF_EXECUTION] = params.get("traceHeader")


def _cause(kind: str) -> dict[str, Any]:
    """Return only the error's name: its text may have data that must not be kept."""
    exceptions = [{"id": secrets.token_hex(8), "type": kind}]
    return {"cause": {"exceptions": exceptions}} if kind else {}
