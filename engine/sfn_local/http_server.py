"""A small threaded HTTP/1.1 server around one function from Request to Response.

Whatever a client sends, it gets an answer or a closed connection: malformed requests are
answered 4xx, those that the guard refuses 403, an exception in the handler 500, and a client
that falls silent is let go, as is one whose request is not whole in time.
"""

import json
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedIOBase, BufferedReader, RawIOBase
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from sfn_local.request_guard import NO_FRAMES, Guard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

logger = logging.getLogger(__name__)

MAX_BODY = 16 * 1024 * 1024
MAX_LINE = 16 * 1024
MAX_HEADERS = 128
IDLE_SECONDS = 75.0
WHOLE_SECONDS = 30.0
"""A request that has begun and is not whole by then is given up."""
REQUEST_LINE_PARTS = 3
_RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""The names of RFC 9110, which Python has since 3.13."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: header names in lower case, path and query percent-encoded as sent."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """The query's decoded parameters; of a repeated one, the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; Content-Length is added, each cookie becomes a Set-Cookie header."""

    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cookies: Sequence[str] = ()

    @classmethod
    def of_json(cls, value: object, status: int = HTTPStatus.OK) -> "Response":
        """A JSON answer."""
        return cls(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


Handler = Callable[[Request], Response]


class Server:
    """A listening server; it answers from its own threads until it is closed."""

    def __init__(self, host: str, port: int, handle: Handler, max_body: int, guard: Guard) -> None:
        """Bind and listen at once, so that port is known and connections queue."""
        self._listener = _Listener((host, port), handle, max_body, guard)
        self._is_closed = False
        self.host = host
        self.port = int(self._listener.server_address[1])
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The server's address as clients on this machine write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def answer(self, request: Request) -> Response:
        """Answer a request of this process, which needs no connection.

        Raises:
            ConnectionError: the server is closed.
        """
        if self._is_closed:
            raise ConnectionRefusedError(f"{self.url} is closed")
        return self._listener.answer(request)

    def close(self) -> None:
        """Stop listening and end every open connection."""
        self._is_closed = True
        self._listener.shutdown()
        self._listener.server_close()
        self._listener.drop_connections()
        self._thread.join()


def serve(
    host: str,
    port: int,
    handle: Handler,
    *,
    max_body: int = MAX_BODY,
    guard: Guard | None = None,
) -> Server:
    """Serve requests with handle, which is called from many threads; port 0 takes a free one.

    Without a guard no page of another origin is answered.

    Raises:
        OSError: the port is taken or the host is not one of this machine's.
    """
    return Server(host, port, handle, max_body, guard or Guard(host))


class _BadRequestError(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(
        self, address: tuple[str, int], handle: Handler, max_body: int, guard: Guard
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.handle_request_with = handle
        self.guard = guard
        self.max_body = max_body
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Connection)

    def answer(self, request: Request) -> Response:
        try:
            return self.handle_request_with(request)
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            message = {"message": "internal error; the server's log has the stack trace"}
            return Response.of_json(message, HTTPStatus.INTERNAL_SERVER_ERROR)

    def connected(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def disconnected(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def drop_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the client was faster
                continue


class _Requests(RawIOBase):
    """What a client sends: it may be silent between requests, and has less time within one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._ends: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        left = IDLE_SECONDS if self._ends is None else self._ends - monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)

    def begin(self) -> None:
        """From now on the time of one request runs."""
        self._ends = monotonic() + WHOLE_SECONDS

    def end(self) -> None:
        """The request is whole."""
        self._ends = None
        self._connection.settimeout(IDLE_SECONDS)


class _Connection(socketserver.StreamRequestHandler):
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self._requests = _Requests(self.connection)
        self.rfile = self._received = BufferedReader(self._requests)

    def handle(self) -> None:
        self.server.connected(self.connection)
        try:
            while self._serve_one():
                pass
        except OSError:  # the client went away, or was silent for IDLE_SECONDS
            return
        finally:
            self.server.disconnected(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:  # nobody is left to read what was buffered
            return

    def _serve_one(self) -> bool:
        try:
            if not self._received.peek(1):
                return False
            self._requests.begin()
            head = _read_head(self.rfile)
            if head is None:
                return False
            refusal = self.server.guard.refusal(head.method, head.target, head.headers)
            if refusal is not None:
                raise _BadRequestError(HTTPStatus.FORBIDDEN, refusal)
            request = self._read_body(head)
            self._requests.end()
        except _BadRequestError as error:
            answer = Response.of_json({"message": str(error)}, error.status)
            self._send(answer, keep_alive=False)
            return False
        keep_alive = head.wants_keep_alive
        response = self.server.answer(request)
        self._send(response, keep_alive=keep_alive, with_body=request.method != "HEAD")
        return keep_alive

    def _read_body(self, head: "_Head") -> Request:
        length = head.content_length(self.server.max_body)
        if length and head.headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(length) if length else b""
        if len(body) < length:
            raise _BadRequestError(HTTPStatus.BAD_REQUEST, "the body is shorter than announced")
        path, _, query = head.target.partition("?")
        return Request(head.method, path, query, head.headers, body)

    def _send(self, response: Response, *, keep_alive: bool, with_body: bool = True) -> None:
        head = [f"HTTP/1.1 {response.status} {_reason(response.status)}"]
        headers = (*response.headers.items(), *NO_FRAMES.items())
        head += [f"{_line(name)}: {_line(value)}" for name, value in headers]
        head += [f"Set-Cookie: {_line(cookie)}" for cookie in response.cookies]
        head += [f"Content-Length: {len(response.body)}"]
        head += [] if keep_alive else ["Connection: close"]
        raw = "\r\n".join([*head, "", ""]).encode("latin-1", "replace")
        self.wfile.write(raw + response.body if with_body else raw)


@dataclass(slots=True)
class _Head:
    method: str
    target: str
    version: str
    headers: dict[str, str]

    @property
    def wants_keep_alive(self) -> bool:
        wish = self.headers.get("connection", "").lower()
        return wish == "keep-alive" if self.version == "HTTP/1.0" else wish != "close"

    def content_length(self, limit: int) -> int:
        if "transfer-encoding" in self.headers:
            raise _BadRequestError(HTTPStatus.LENGTH_REQUIRED, "send the body with Content-Length")
        text = self.headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()):
            raise _BadRequestError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        text = text.lstrip("0") or "0"
        if len(text) > len(str(limit)) or int(text) > limit:
            message = f"the body may have at most {limit} bytes"
            raise _BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        return int(text)


def _read_head(stream: BufferedIOBase) -> _Head | None:
    """The request line and the headers; None where the client has closed the connection."""
    first = _read_line(stream) or _read_line(stream)  # one blank line between requests is legal
    if not first:
        return None
    parts = first.split(" ")
    if len(parts) != REQUEST_LINE_PARTS or not parts[2].startswith("HTTP/1."):
        raise _BadRequestError(HTTPStatus.BAD_REQUEST, "this is not an HTTP/1.1 request line")
    return _Head(parts[0], parts[1], parts[2], _read_headers(stream))


def _read_headers(stream: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = _read_line(stream)
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _BadRequestError(HTTPStatus.BAD_REQUEST, "a header line has no name and colon")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    message = f"a request may have at most {MAX_HEADERS} headers"
    raise _BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)


def _read_line(stream: BufferedIOBase) -> str:
    raw = stream.readline(MAX_LINE + 1)
    if len(raw) > MAX_LINE:
        message = f"a line of the head may have at most {MAX_LINE} bytes"
        raise _BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)
    return raw.rstrip(b"\r\n").decode("latin-1")


def _reason(status: int) -> str:
    try:
        return _RENAMED.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _line(text: str) -> str:
    """A header's text on one line, so that no value can start another header."""
    return text.replace("\r", " ").replace("\n", " ")
