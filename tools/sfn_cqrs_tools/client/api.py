"""The HTTP API as the command line calls it, local or on AWS."""

from __future__ import annotations

import base64
import copy
import getpass
import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import click

from sfn_cqrs.kernel.keys import ALL_TENANTS
from sfn_cqrs_tools.client.pauses import busy_pause
from sfn_cqrs_tools.client.recent import Recent
from sfn_cqrs_tools.runtime.identity import DEFAULT_TENANT, DEFAULT_USER, OPERATOR_ROLE
from sfn_cqrs_tools.runtime.state import StateFolder

T = TypeVar("T")
TOKEN_VARIABLE: Final = "SFN_CQRS_TOKEN"
TIMEOUT_SECONDS: Final = 30
BUSY_SECONDS: Final = 60
"""Seconds for which a request is repeated after a 503, a 429 or no answer."""
WAIT_SECONDS: Final = 10
"""Seconds for which one request waits for a version; a longer wait takes another request."""
LARGEST_PAGE: Final = 100
CHUNK: Final = 1024 * 1024

_PLAIN_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)(?!~)[^/]+")


_HINTS: Final = {
    "app_broken": "`sfn-cqrs doctor` shows the line; so does the terminal of `up`",
    "HTTP 500": "`sfn-cqrs logs --level ERROR` has the reason",
}


class ApiProblem(click.ClickException):
    """The API refused a request."""

    def __init__(self, status: int, document: Mapping[str, Any], hint: str = "") -> None:
        """Take the problem document, or what API Gateway answers instead, and what to do."""
        self.status = status
        self.document = document
        code = document.get("code", f"HTTP {status}")
        detail = document.get("detail") or document.get("message") or "no reason given"
        hint = hint or _HINTS.get(code, "")
        problems = document.get("problems", ())
        if problems:
            fields = (f"  {each['field']}: {each['reason']}" for each in problems)
            detail = "\n".join(("these fields are wrong:", *fields))
        super().__init__("\n".join(filter(None, (f"{code}: {detail}", hint))))

    def hinted(self, hint: str) -> ApiProblem:
        """Return the same problem, with what to do."""
        return ApiProblem(self.status, self.document, hint)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirects, because urllib would send the token along."""

    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect."""


class Api:
    """Calls the HTTP API of one stack."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        proxies: bool = True,
        sign: Callable[[urllib.request.Request], urllib.request.Request] | None = None,
    ) -> None:
        """Send `headers` with every request, through the shell's proxies or past them; signed."""
        self._sign = sign
        self.url = url.rstrip("/")
        self._headers = headers
        self.recent: Recent | None = None
        handlers = [] if proxies else [urllib.request.ProxyHandler({})]
        self._opener = urllib.request.build_opener(_NoRedirects, *handlers)

    def with_headers(self, headers: Mapping[str, str]) -> Api:
        """Return the same API with more headers."""
        other = copy.copy(self)
        other._headers = {**self._headers, **headers}
        return other

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET a path; a query value of None is left out.

        Raises:
            ApiProblem: the answer is an error.
        """
        return self._call("GET", _with_query(path, query))

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page after page."""
        cursor = None
        while True:
            page = self.get(path, limit=LARGEST_PAGE, cursor=cursor, **query)
            yield from page["items"]
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    def first(self, count: int, path: str, **query: Any) -> list[dict[str, Any]]:
        """Return the first items of a list."""
        return list(islice(self.pages(path, **query), count))

    def post(
        self, path: str, body: str = "{}", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """POST JSON text with an Idempotency-Key, which makes repeating the request safe."""
        key = {"idempotency-key": uuid.uuid4().hex}
        answer = self._call("POST", path, body.encode(), {**key, **(headers or {})})
        if self.recent is not None:
            self.recent.keep(answer.get("id"))
        return answer

    def delete(self, path: str, **query: Any) -> dict[str, Any]:
        """DELETE a path."""
        return self._call("DELETE", _with_query(path, query))

    def content(self, path: str) -> Iterator[bytes]:
        """Yield an answer other than JSON, a MiB at a time; redirects do not get our token.

        Raises:
            ApiProblem: the answer is an error.
        """
        request = self._request("GET", path)
        try:
            try:
                response = self._patiently(request, lambda response: response)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SEE_OTHER:
                    raise
                response = self.open(urllib.request.Request(error.headers["location"]))
            with response:
                yield from iter(partial(response.read, CHUNK), b"")
        except urllib.error.HTTPError as error:
            raise ApiProblem(error.code, _document(error.read())) from error
        except OSError as error:
            raise click.ClickException(f"{path} cannot be read: {error}") from error

    def open(self, request: urllib.request.Request) -> Any:
        """Send a prepared request to its own address."""
        return self._opener.open(request, timeout=TIMEOUT_SECONDS)

    def _patiently(self, request: urllib.request.Request, read: Callable[[Any], T]) -> T:
        """Send a request, and repeat it while the API is busy, after the pause that it asks for.

        If the answer is lost, a request is repeated only if it reads or has an Idempotency-Key.
        """
        is_repeatable = request.get_method() == "GET" or request.has_header("Idempotency-key")
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return read(self.open(request))
            except urllib.error.HTTPError as error:
                if not _asks_for_patience(error) or time.monotonic() > until:
                    raise
                error.close()
                time.sleep(busy_pause(error.headers.get("retry-after")))
            except (OSError, HTTPException) as error:
                if not is_repeatable or not _is_lost(error) or time.monotonic() > until:
                    raise
                time.sleep(busy_pause(None))

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib.request.Request:
        """Return a request, ready to be sent."""
        url, sent = f"{self.url}{path}", {**self._headers, **(headers or {})}
        request = urllib.request.Request(url, body, sent, method=method)
        return request if self._sign is None else self._sign(request)

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        request = self._request(method, path, body, headers)
        try:
            return self._patiently(request, _read_json)
        except urllib.error.HTTPError as error:
            raise ApiProblem(error.code, _document(error.read())) from error
        except (OSError, ValueError, HTTPException) as error:
            raise click.ClickException(f"{self.url} does not answer as the API: {error}") from error


def _asks_for_patience(error: urllib.error.HTTPError) -> bool:
    """Return whether an answer asks for the same request again in a moment."""
    if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
        return True
    return error.code == HTTPStatus.TOO_MANY_REQUESTS and "retry-after" in error.headers


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def idempotent(key: str | None) -> dict[str, str]:
    """Return the header that makes repeating a request safe, if it has a key."""
    return {"idempotency-key": key} if key else {}


def _with_query(path: str, query: Mapping[str, Any]) -> str:
    asked = urlencode(given(query))
    return f"{path}?{asked}" if asked else path


def item_path(collection: str, type_: str, code: str, *rest: str | int) -> str:
    """Build the path of an item, by its code, or of a row, by its partition and sort key."""
    segments = [collection, type_, *map(_segment, (code, *map(str, rest)))]
    return "/" + "/".join(quote(segment, safe="~") for segment in segments)


def work_path(collection: str, id_: str, *rest: str) -> str:
    """Build the path of a task, a saga and the like, by its id, or of what it has."""
    return "/".join(("", collection, quote(id_, safe=""), *rest))


def _segment(text: str) -> str:
    """Return a segment of a path; text that a path cannot carry is encoded as `~base64url`."""
    if _PLAIN_SEGMENT.fullmatch(text):
        return text
    return "~" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def connect(state: Path, stack: str | None, tenant: str | None) -> Api:
    """Return the API of the local stack, or of a stack on AWS.

    Raises:
        StackError: no local stack runs there.
        click.ClickException: the stack on AWS has no such output, or the token is missing.
    """
    headers = {"content-type": "application/json", "accept": "application/json"}
    if stack is None:
        local = {"x-user": user_of_this_machine(), "x-tenant-code": tenant or DEFAULT_TENANT}
        if tenant == ALL_TENANTS:
            local["x-iam-role"] = OPERATOR_ROLE
        encoded = {name: value.encode().decode("latin-1") for name, value in local.items()}
        api = Api(StateFolder(state).read().http, headers | encoded, proxies=False)
        api.recent = Recent(state, "local")
        return api
    api = _signed(stack, headers, tenant) if tenant is not None else _with_token(stack, headers)
    api.recent = Recent(state, stack)
    return api


def _with_token(stack: str, headers: Mapping[str, str]) -> Api:
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise click.ClickException(f"set {TOKEN_VARIABLE} to an ID token of your user pool")
    from sfn_cqrs_tools.client.aws import stack_outputs  # noqa: PLC0415 - the local stack needs no boto3

    return Api(stack_outputs(stack)["HttpApiUrl"], {**headers, "authorization": f"Bearer {token}"})


def _signed(stack: str, headers: Mapping[str, str], tenant: str) -> Api:
    from sfn_cqrs_tools.client.aws import stack_outputs  # noqa: PLC0415 - the local stack needs no boto3
    from sfn_cqrs_tools.client.signing import signed  # noqa: PLC0415 - nor does it sign

    outputs = stack_outputs(stack)
    if "MachineHttpApiUrl" not in outputs:
        raise click.UsageError(
            f"--tenant signs with your AWS credentials, and {stack} has no API for that:"
            f" deploy it with MachineApi=enabled, or set {TOKEN_VARIABLE}, which names a tenant"
        )
    sent = {**headers, "x-tenant-code": tenant}
    return Api(outputs["MachineHttpApiUrl"], sent, sign=signed)


def _read_json(response: Any) -> dict[str, Any]:
    with response:
        document: dict[str, Any] = json.load(response)
        return document


def _is_lost(error: Exception) -> bool:
    """Return whether a successful answer may be lost: it never came, or broke off.

    A connection that is refused is not an answer at all.
    """
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    lost = (TimeoutError, ConnectionResetError, BrokenPipeError, HTTPException)
    return isinstance(reason, lost)


def user_of_this_machine() -> str:
    """Return the name of this machine's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return DEFAULT_USER


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {"detail": body.decode(errors="replace")}
    return document if isinstance(document, dict) else {"detail": str(document)}
