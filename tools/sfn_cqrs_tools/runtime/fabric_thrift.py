"""Spares ministack work that it would repeat at each request.

The Python of .venv-fabric runs this file, beside fabric_dialect.py. Answers stay the same: what is
kept depends on nothing but its arguments.
"""

from __future__ import annotations

import copy
import threading
import urllib.error
import urllib.request
from email.message import Message
from functools import lru_cache
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from urllib.response import addinfourl

from ministack.core.concurrency import esm_wake  # type: ignore[import-not-found]
from ministack.services import dynamodb, lambda_svc  # type: ignore[import-not-found]
from open_lines import Lines, post  # type: ignore[import-not-found]  # beside this

KEPT = 4096
"""How many expressions and ARNs are known."""
ERROR = 400


def teach() -> None:
    """Change ministack's functions in this process."""
    tokens = lru_cache(KEPT)(dynamodb._tokenize)
    dynamodb._tokenize = lambda expression: list(tokens(expression))
    dynamodb._condition_syntax_error = lru_cache(KEPT)(dynamodb._condition_syntax_error)
    dynamodb.copy = SimpleNamespace(deepcopy=copied)
    lambda_svc.parse_arn = lru_cache(KEPT)(lambda_svc.parse_arn)
    request = SimpleNamespace(Request=urllib.request.Request, urlopen=Forwarding().urlopen)
    lambda_svc.urllib = SimpleNamespace(request=request, error=urllib.error)
    esm_wake.__class__ = Wake


def copied(value: Any) -> Any:
    """Return a copy of a value of JSON; another value is copied as Python copies it."""
    kind = type(value)
    if kind is str:
        return value
    if kind is dict:
        return {key: copied(one) for key, one in value.items()}
    if kind is list:
        return [copied(one) for one in value]
    return copy.deepcopy(value)


class Wake(threading.Event):
    """An event that wakes nobody a second time."""

    def set(self) -> None:
        """Set it; who waits looks for work after clearing it."""
        if not self.is_set():
            super().set()


class Forwarding:
    """Posts events for functions over connections that stay open."""

    def __init__(self) -> None:
        """Connect to nothing yet."""
        self._lines = Lines()

    def urlopen(self, request: urllib.request.Request, timeout: float) -> addinfourl:
        """Post a request, in the place of urllib's function.

        Raises:
            URLError: the answer is an error, or there is none.
        """
        url = urlsplit(request.full_url)
        assert isinstance(request.data, bytes)
        written = post(url.netloc, url.path, request.header_items(), request.data)
        try:
            status, _, content = self._lines.ask(url.netloc, written, timeout)
        except OSError as error:
            raise urllib.error.URLError(error) from error
        body, told = BytesIO(content), Message()
        if status >= ERROR:
            raise urllib.error.HTTPError(request.full_url, status, "", told, body)
        return addinfourl(body, told, request.full_url, status)
