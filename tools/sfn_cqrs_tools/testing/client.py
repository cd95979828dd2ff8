"""A small client of the HTTP API of a stack, which keeps its connection and waits for results."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote, urlsplit

Answer = dict[str, Any]
TRIES = 20
PAUSE_SECONDS = 0.2
"""A 503 or 429 is retried after so long; the local stack is busy only briefly."""


PATIENCE_SECONDS = 900
"""Three sweeps: on a bad day it may take two, until what has lost its wake goes on."""


class UnexpectedError(Exception):
    """A stack answers or ends otherwise than it has to; the message says where it differs."""


def wait_until(is_reached: Callable[[], bool], problem: str, pause: float = 0.05) -> None:
    """Look again and again until something is reached.

    Raises:
        UnexpectedError: that takes too long.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_reached():
        if time.monotonic() > deadline:
            raise UnexpectedError(problem)
        time.sleep(pause)


class Client:
    """One connection, for one thread."""

    def __init__(self, url: str) -> None:
        """Take the address of the HTTP front."""
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            address.hostname or "127.0.0.1", address.port, timeout=60
        )

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._connection.close()

    def send(
        self, method: str, path: str, body: object = None, user: str | None = None
    ) -> tuple[int, Answer]:
        """Send a request, as somebody if need be; return the status and the JSON object."""
        content = None if body is None else json.dumps(body)
        headers = {"content-type": "application/json"}
        if user is not None:
            headers["x-user"] = user
        for _ in range(TRIES):
            self._connection.request(method, path, content, headers)
            response = self._connection.getresponse()
            answer: Answer = json.loads(response.read() or b"{}")
            if response.status not in (
                HTTPStatus.SERVICE_UNAVAILABLE,
                HTTPStatus.TOO_MANY_REQUESTS,
            ):
                break
            time.sleep(PAUSE_SECONDS)
        return response.status, answer

    def asked(self, method: str, path: str, body: object = None, user: str | None = None) -> Answer:
        """Send a request that has to be accepted; return the JSON object.

        Raises:
            UnexpectedError: it was refused.
        """
        status, answer = self.send(method, path, body, user)
        if status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
            raise UnexpectedError(f"{method} {path} answered {status}: {answer}")
        return answer

    def until(self, path: str, is_reached: Callable[[Answer], bool]) -> Answer:
        """Look at something until it is as it has to be; return it.

        Raises:
            UnexpectedError: that takes too long.
        """
        found: Answer = {}

        def look() -> bool:
            nonlocal found
            found = self.send("GET", path)[1]
            return is_reached(found)

        wait_until(look, f"{path} does not end as it has to; see the log")
        return found

    def chain(self, type_: str, code: str) -> list[dict[str, Any]]:
        """Return all versions of an item, the newest first."""
        path = f"/commands/{quote(type_)}/{quote(code, safe='')}?limit=100"
        versions: list[dict[str, Any]] = self.send("GET", path)[1].get("items", [])
        return versions

    def items(self, type_: str) -> list[dict[str, Any]]:
        """Return all items of a type that are not deleted."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            path = f"/data?type={quote(type_)}&limit=100{cursor}"
            page = self.send("GET", path)[1]
            found += page["items"]
            if "nextCursor" not in page:
                return found
            cursor = f"&cursor={quote(page['nextCursor'])}"
