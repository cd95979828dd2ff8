"""boto3's calls of JSON services on this machine, without the work that a way to AWS needs.

botocore spends most of a call's time below `before-call`: headers, a signature, urllib3's pools,
the parsing of headers as e-mail, the shape of each attribute. Here a request is a few lines on a
socket that stays open. Whatever is not a plain answer is left to botocore, which sends the
request again as it does after a failure.
"""

from __future__ import annotations

import json
import socket
import struct
from collections import deque
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from botocore.handlers import REGISTER_LAST
from botocore.parsers import ResponseParserFactory

from sfn_cqrs_tools.runtime.client_hooks import Hooks, hook, unhook
from sfn_cqrs_tools.runtime.listening import HOST

_LOCAL: Final = f"http://{HOST}:"
_PLAIN: Final = frozenset(
    (
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    )
)
"""Operations of DynamoDB whose answers boto3 gives as they come, but for binary values."""
_BINARY: Final = (b'"B":', b'"BS":')
_MOST: Final = 65_536
_ERROR: Final = 300
_SERVER_ERROR: Final = 500
_THROTTLED: Final = 429


class Answer(NamedTuple):
    """An HTTP answer, with what hooks read of botocore's own."""

    status_code: int
    headers: dict[str, str]
    content: bytes


class ShortCalls:
    """Answers the calls of boto3 clients that are made after `start`."""

    def __init__(self) -> None:
        """Connect to nothing yet."""
        self._free: dict[str, deque[_Line]] = {}
        # The last hook of all: others still see each call, and may refuse it.
        self._hooks: Hooks = [("before-call", self._answered, REGISTER_LAST)]

    def start(self) -> None:
        """Serve the clients made from now on."""
        hook(self._hooks)

    def stop(self) -> None:
        """Leave clients made from now on to botocore, and close the connections."""
        unhook(self._hooks)
        for lines in self._free.values():
            while lines:
                lines.pop().close()

    def _answered(
        self, model: Any, params: dict[str, Any], context: dict[str, Any], **_: Any
    ) -> tuple[Answer, dict[str, Any]] | None:
        """Return an answer and what it means; None leaves the call to botocore."""
        url, body = params["url"], params["body"]
        is_ours = url.startswith(_LOCAL) and isinstance(body, bytes)
        if not is_ours or model.service_model.resolved_protocol != "json":
            return None
        address = urlsplit(url).netloc
        try:
            answer = self._sent(address, params["headers"], body, context["client_config"])
        except OSError:
            return None
        if answer.status_code >= _SERVER_ERROR or answer.status_code == _THROTTLED:
            return None
        return answer, _parsed(model, answer)

    def _sent(self, address: str, headers: Any, body: bytes, config: Any) -> Answer:
        request = _request(address, headers, body)
        free = self._free.setdefault(address, deque())
        answer = None
        while answer is None:
            try:
                line, is_new = free.pop(), False
            except IndexError:
                line, is_new = _Line(address, config.connect_timeout), True
            try:
                answer = line.ask(request, config.read_timeout)
            except ConnectionError:
                line.close()
                if is_new:
                    raise  # an old one may have been closed while nothing was sent
            except BaseException:
                line.close()
                raise
        if line.stays_open(answer):
            free.append(line)
        else:
            line.close()
        return answer


class _Line:
    """A connection over which one request at a time is sent."""

    def __init__(self, address: str, seconds: float) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(None)  # the system's own limit costs no other call
        self._seconds = 0.0

    def ask(self, request: bytes, seconds: float) -> Answer:
        """Send a request, and wait for its answer.

        Raises:
            OSError: there is none, or not a whole one.
        """
        if seconds != self._seconds:
            limit = struct.pack("ll", *divmod(round(seconds * 1_000_000), 1_000_000))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._seconds = seconds
        self._socket.sendall(request)
        received = self._more(b"")
        while (end := received.find(b"\r\n\r\n")) < 0:
            received = self._more(received)
        status, headers = _head(received[:end])
        whole = end + 4 + int(headers["content-length"])
        while len(received) < whole:
            received = self._more(received)
        return Answer(status, headers, received[end + 4 :])

    def stays_open(self, answer: Answer) -> bool:
        """Return whether another request may follow."""
        return answer.headers.get("connection", "").lower() != "close"

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _more(self, before: bytes) -> bytes:
        received = self._socket.recv(_MOST)
        if not received:
            raise ConnectionResetError("the server has closed the connection")
        return before + received


def _request(address: str, headers: Any, body: bytes) -> bytes:
    """Build a request with all headers that botocore and hooks give, but the user agent."""
    given = (f"{name}: {value}" for name, value in headers.items() if name != "User-Agent")
    lines = ("POST / HTTP/1.1", f"Host: {address}", f"Content-Length: {len(body)}", *given, "", "")
    return "\r\n".join(lines).encode() + body


def _head(raw: bytes) -> tuple[int, dict[str, str]]:
    """Read the first lines of an answer.

    Raises:
        OSError: they do not tell how long its body is.
    """
    first, *lines = raw.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    if not headers.get("content-length", "").isdigit():
        raise OSError("the answer does not tell its length")
    return int(first.split(" ", 2)[1]), headers


def _parsed(model: Any, answer: Answer) -> dict[str, Any]:
    """Return what boto3 makes of an answer."""
    is_plain = answer.status_code < _ERROR and model.name in _PLAIN
    if is_plain and not any(one in answer.content for one in _BINARY):
        said = json.loads(answer.content)
        parsed = {name: value for name, value in said.items() if value is not None}
    else:
        parsed = _read(model, answer)
    parsed["ResponseMetadata"] = {
        "RequestId": answer.headers.get("x-amzn-requestid", ""),
        "HTTPStatusCode": answer.status_code,
        "HTTPHeaders": answer.headers,
        "RetryAttempts": 0,
    }
    return parsed


def _read(model: Any, answer: Answer) -> dict[str, Any]:
    """Read an answer as botocore does."""
    parser = ResponseParserFactory().create_parser("json")
    given = {
        "status_code": answer.status_code,
        "headers": answer.headers,
        "body": answer.content,
        "context": {"operation_name": model.name},
    }
    parsed: dict[str, Any] = parser.parse(given, model.output_shape)
    if answer.status_code >= _ERROR:
        shape = model.service_model.shape_for_error_code(parsed.get("Error", {}).get("Code"))
        if shape is not None:
            parsed |= parser.parse(given, shape)
    return parsed
