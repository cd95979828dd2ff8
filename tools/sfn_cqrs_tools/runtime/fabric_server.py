"""Serves ministack by Hypercorn, and DynamoDB's short requests without either.

The Python of .venv-fabric runs this file, beside fabric_process.py; it can import nothing of this
package. A command makes 23 calls of DynamoDB. Between its socket and ministack's own functions
for items, a call would pass a server for every kind of request and a router for every service of
AWS: more than half of its time. So a request that `short_calls.py` sends is read here. Every other
request takes the long way, over the same port.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from hypercorn.asyncio.lifespan import Lifespan  # type: ignore[import-not-found]
from hypercorn.asyncio.tcp_server import TCPServer  # type: ignore[import-not-found]
from hypercorn.asyncio.worker_context import WorkerContext  # type: ignore[import-not-found]
from hypercorn.config import Config  # type: ignore[import-not-found]
from hypercorn.utils import wrap_app  # type: ignore[import-not-found]
from ministack.core.responses import request_scope  # type: ignore[import-not-found]
from ministack.services import dynamodb  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from sfn_local.request_guard import Guard

    App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
    LongWay = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

logger = logging.getLogger(__name__)

IDLE_SECONDS = 75
WHOLE_SECONDS = 30
"""A request that is not whole by then is given up."""
FIRST = b"POST / HTTP/1.1\r\n"
TARGET = "DynamoDB_20120810."
LONG = frozenset(("authorization", "content-encoding", "expect", "transfer-encoding"))
"""Headers of requests that take the long way: other accounts and regions, bodies in parts."""
MOST_HEAD = 64 * 1024
MOST_BYTES = 17 * 1024 * 1024
"""The longest body: DynamoDB takes 16 MiB."""
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden"}

Answer = Callable[[str, bytes], tuple[int, bytes]]
"""Takes an operation's target and its body; returns the status and the answer."""


async def serve(
    app: App, listeners: Sequence[socket.socket], guard: Guard, answer: Answer, **headers: str
) -> None:
    """Serve on the listening sockets; `headers` are those of each short answer."""
    loop = asyncio.get_running_loop()
    config, context = Config(), WorkerContext(None)
    state: dict[str, Any] = {}
    config.keep_alive_timeout = IDLE_SECONDS
    config.loglevel = "WARNING"
    wrapped = wrap_app(app, config.wsgi_max_body_size, None)
    lifespan = Lifespan(wrapped, config, loop, state)
    lives = loop.create_task(lifespan.handle_lifespan())
    await lifespan.wait_for_startup()
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())

    async def long_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await TCPServer(wrapped, loop, config, context, state, reader, writer)

    def connected() -> ShortRequests:
        return ShortRequests(guard, answer, more, long_way)

    for listener in listeners:
        await loop.create_server(connected, sock=listener, backlog=config.backlog)
    await lives


def asking(account: str, region: str, keeps: Callable[[], bool]) -> Answer:
    """Return what asks ministack's DynamoDB; `keeps` writes what has changed."""

    def answer(target: str, body: bytes) -> tuple[int, bytes]:
        asked = dynamodb.handle_request("POST", "/", {"x-amz-target": target}, body, {})
        try:
            with request_scope(account, region):
                asked.send(None)
        except StopIteration as done:
            status, _, said = done.value
        except Exception:
            logger.exception("%s failed", target)
            return 500, b"{}"
        else:
            raise RuntimeError("ministack's DynamoDB waits for something: it never did")
        if not keeps():
            return 503, b""
        return status, said if isinstance(said, bytes) else said.encode()

    return answer


class ShortRequests(asyncio.Protocol):
    """A connection: once a request takes the long way, all that follow it do."""

    def __init__(self, guard: Guard, answer: Answer, more: str, long_way: LongWay) -> None:
        """Answer what the guard lets pass."""
        self._guard = guard
        self._answer = answer
        self._more = more
        self._long_way = long_way
        self._received = b""
        self._ends: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer whole requests; keep the beginning of one."""
        self._received += data
        while self._received and self._take():
            self._wait(is_on=False)
        self._wait(is_on=bool(self._received))

    def connection_lost(self, _error: Exception | None) -> None:
        """Wait for nothing more."""
        self._wait(is_on=False)

    def _wait(self, *, is_on: bool) -> None:
        """Close the connection unless what has begun is whole in time."""
        if not is_on and self._ends is not None:
            self._ends.cancel()
            self._ends = None
        elif is_on and self._ends is None:
            loop = asyncio.get_running_loop()
            self._ends = loop.call_later(WHOLE_SECONDS, self._transport.abort)

    def _take(self) -> bool:
        """Take one request; return whether there may be another."""
        received = self._received
        end = received.find(b"\r\n\r\n")
        if end < 0 and FIRST.startswith(received[: len(FIRST)]) and len(received) < MOST_HEAD:
            return False
        headers = _headers(received[len(FIRST) : end]) if received.startswith(FIRST) else {}
        length = _length(headers)
        if length is None:
            self._hand_over()
            return False
        if self._guard.refusal("POST", "/", headers) is not None:
            self._received = b""
            self._send(403, b"{}")
            self._transport.close()  # its body is never read
            return False
        whole = end + 4 + length
        if len(received) < whole:
            return False
        self._received = received[whole:]
        self._send(*self._answer(headers["x-amz-target"], received[end + 4 : whole]))
        return True

    def _hand_over(self) -> None:
        """Let Hypercorn have the connection, and what has been received."""
        received, self._received = self._received, b""
        reader = asyncio.StreamReader()
        hypercorn = asyncio.StreamReaderProtocol(reader, self._long_way)
        hypercorn.connection_made(self._transport)
        self._transport.set_protocol(hypercorn)
        hypercorn.data_received(received)

    def _send(self, status: int, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n"
            f"content-type: application/x-amz-json-1.0\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-amzn-requestid: {uuid.uuid4()}\r\n{self._more}\r\n"
        )
        self._transport.write(head.encode() + body)


def _headers(raw: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in raw.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _length(headers: dict[str, str]) -> int | None:
    """Return how long the body of a short request is; None for any other."""
    length = headers.get("content-length", "")
    if not headers.get("x-amz-target", "").startswith(TARGET) or not LONG.isdisjoint(headers):
        return None
    is_number = length.isascii() and length.isdigit() and len(length) < len(str(10 * MOST_BYTES))
    return int(length) if is_number and int(length) <= MOST_BYTES else None
