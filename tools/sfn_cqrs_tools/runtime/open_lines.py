"""HTTP requests to this machine over connections that stay open.

It needs nothing but the standard library: the fabric's process imports it, too. Answers must tell
their length, as those of our own servers do.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

CONNECT_SECONDS: Final = 2.0
_MOST: Final = 65_536


class Answer(NamedTuple):
    """An HTTP answer, with botocore's names; the names of headers are in lower case."""

    status_code: int
    headers: dict[str, str]
    content: bytes


def post(address: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Write a request."""
    lines = (f"{name}: {value}" for name, value in headers)
    head = (f"POST {path} HTTP/1.1", f"Host: {address}", f"Content-Length: {len(body)}")
    return "\r\n".join((*head, *lines, "", "")).encode() + body


class Lines:
    """The connections of a process, by address; safe to use from many threads."""

    def __init__(self) -> None:
        """Connect to nothing yet."""
        self._free: dict[str, deque[_Line]] = {}

    def ask(self, address: str, request: bytes, seconds: float) -> Answer:
        """Send a request, and wait for its answer; 0 seconds: without a limit.

        Raises:
            OSError: there is none in time, or not a whole one.
        """
        free = self._free.setdefault(address, deque())
        while True:
            try:
                line, is_new = free.pop(), False
            except IndexError:
                line, is_new = _Line(address), True
            try:
                answer = line.ask(request, seconds)
            except ConnectionError:
                line.close()
                if is_new:
                    raise  # an old one may have been closed while nothing was sent
            except BaseException:
                line.close()
                raise
            else:
                break
        if answer.headers.get("connection", "").lower() == "close":
            line.close()
        else:
            free.append(line)
        return answer

    def close(self) -> None:
        """Close what is open."""
        for free in self._free.values():
            while free:
                free.pop().close()


class _Line:
    """A connection over which one request at a time is sent."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), CONNECT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(None)  # the system's own limit costs no other call
        self._seconds = 0.0

    def ask(self, request: bytes, seconds: float) -> Answer:
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

    def close(self) -> None:
        self._socket.close()

    def _more(self, before: bytes) -> bytes:
        try:
            received = self._socket.recv(_MOST)
        except BlockingIOError:
            raise TimeoutError("the answer takes too long") from None
        if not received:
            raise ConnectionResetError("the server has closed the connection")
        return before + received


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
