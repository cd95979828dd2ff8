"""The HTTP calls of `http:invoke`: to this machine only, without following redirects."""

import ipaddress
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from sfn_local.document import Document, Json, dumps, loads
from sfn_local.errors import ResultTooLarge, StateFailure
from sfn_local.executions.line import Visit
from sfn_local.integrations.attempt import Outcome

LONGEST_SECONDS = 60.0
JSON_TYPE = "application/json"


class _NoRedirects(HTTPRedirectHandler):
    """A redirect could lead to another machine; it is answered as it is."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


STATUS_TEXTS = {int(status): status.phrase for status in HTTPStatus}
OPENER = build_opener(_NoRedirects)


def call(given: dict[str, Any], visit: Visit) -> Outcome:
    """Call ApiEndpoint with Method; waits for the network."""
    endpoint = given["ApiEndpoint"]
    host = urlsplit(endpoint).hostname or ""
    if urlsplit(endpoint).scheme not in ("http", "https") or not _is_loopback(host):
        cause = f"only HTTP APIs on this machine are called here, and {endpoint} is none"
        return StateFailure("States.Http.Socket", cause)
    try:
        request = _request(given)
        try:
            with OPENER.open(request, timeout=LONGEST_SECONDS) as response:
                answer = _Answer(response.status, response.headers, response.read())
        except HTTPError as error:
            answer = _Answer(error.code, error.headers, error.read())
    except OSError as error:
        return StateFailure("States.Http.Socket", str(error))
    visit.note_exchange(_shown_request(request), answer.shown(request.type))
    return answer.outcome(visit.state.name)


def _request(given: dict[str, Any]) -> Request:
    query = urlencode(given.get("QueryParameters") or {}, doseq=True)
    endpoint = given["ApiEndpoint"]
    url = f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}" if query else endpoint
    headers = {"Content-Type": JSON_TYPE, **(given.get("Headers") or {})}
    body = given.get("RequestBody")
    text = body if isinstance(body, str) else dumps(body)
    data = None if body is None else text.encode()
    return Request(url, data, headers, method=given["Method"])


def _shown_request(request: Request) -> dict[str, str]:
    """Return the request, as TestState shows it."""
    body = request.data
    return {
        "protocol": request.type,
        "method": request.get_method(),
        "url": request.full_url,
        "headers": _shown_headers(request.header_items()),
        **({"body": body.decode("utf-8", "replace")} if isinstance(body, bytes) else {}),
    }


def _shown_headers(headers: list[tuple[str, str]]) -> str:
    return f"[{', '.join(f'{name.lower()}: {value}' for name, value in headers)}]"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Message
    raw: bytes

    @property
    def text(self) -> str:
        return self.raw.decode("utf-8", "replace")

    def shown(self, protocol: str) -> dict[str, str]:
        """Return the response, as TestState shows it."""
        return {
            "protocol": protocol,
            "statusCode": str(self.status),
            "statusMessage": STATUS_TEXTS.get(self.status, ""),
            "headers": _shown_headers(self.headers.items()),
            "body": self.text,
        }

    def outcome(self, what: str) -> Outcome:
        """The task's result or failure."""
        body: Json = self.text
        with suppress(ValueError):
            if self.headers.get_content_type() == JSON_TYPE:
                body = loads(self.text)
        if self.status >= HTTPStatus.MULTIPLE_CHOICES:
            return StateFailure(f"States.Http.StatusCode.{self.status}", dumps(body))
        answer = {
            "Headers": {name.lower(): self.headers.get_all(name) for name in self.headers},
            "ResponseBody": body,
            "StatusCode": self.status,
            "StatusText": STATUS_TEXTS.get(self.status, ""),
        }
        document = Document(answer)
        return ResultTooLarge(what) if document.is_too_large else document


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
