"""Requests as routes read them, and the answers that routes give."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Self, TypeVar

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import AnswerTooLargeError, InvalidInputError
from sfn_cqrs.kernel.failure import first_line
from sfn_cqrs.kernel.http.http import (
    OPERATOR,
    body_of,
    current_event,
    current_identity,
    header_of,
    integer_of,
)
from sfn_cqrs.kernel.http.shapes import Schema, must_be
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page, checked_limit

MAX_ANSWER_BYTES = 4_700_000
"""Lambda answers at most 6 MB, and base64 adds a third."""
MAX_TEXT_BYTES = 1_000_000
AGENT = "x-agent"
"""The header by which a program says that a person acts through it."""
MAX_AGENT = 60
_NO_NAME = re.compile(r"[^A-Za-z0-9 ._-]")
S = TypeVar("S")
T = TypeVar("T")


class Request:
    """One request: its caller, parameters and body."""

    def __init__(self) -> None:
        """Take the request that this thread answers.

        Raises:
            UnauthorizedError: the request does not name a tenant.
        """
        self._event = current_event()
        self.identity = current_identity()

    @property
    def tenant(self) -> str:
        """Return the tenant whose items are requested."""
        return self.identity.tenant

    def service(self, kind: Callable[[str, Client], S]) -> S:
        """Return a service that works for the caller, and so refuses what the caller may not do."""
        return kind(self.tenant, self.identity.client)

    @property
    def caller(self) -> Caller:
        """Return the caller, for the audit."""
        http = self._event["requestContext"]
        agent = _NO_NAME.sub("", header_of(self._event, AGENT) or "")[:MAX_AGENT]
        return Caller(
            user=self.identity.user,
            ip=http["http"].get("sourceIp", ""),
            source=f"agent {agent}" if agent else "api",
            agent=agent,
            request_id=http.get("requestId", ""),
            idempotency_key=header_of(self._event, "idempotency-key"),
            client=self.identity.client,
        )

    @classmethod
    def by_operator(cls) -> Self:
        """Return the request, if its caller is an operator.

        Raises:
            ForbiddenError: the caller is not an operator.
        """
        request = cls()
        request.identity.require(OPERATOR)
        return request

    @property
    def paging(self) -> dict[str, Any]:
        """Return the requested page of a list."""
        return {"limit": self.limit, "cursor": self.query("cursor")}

    @property
    def limit(self) -> int:
        """Return the requested number of items of a page.

        Raises:
            InvalidInputError: it is not between 1 and 100.
        """
        return checked_limit(integer_of(self.query("limit"), "limit", DEFAULT_LIMIT))

    def query(self, name: str) -> str | None:
        """Return a parameter of the query string."""
        return (self._event.get("queryStringParameters") or {}).get(name)

    def choice(self, name: str, choices: Sequence[str], default: str = "") -> str:
        """Return a query parameter with a few allowed values, or the default if it is not given.

        Raises:
            InvalidInputError: it has another value.
        """
        value = self.query(name)
        if value is None or (not value and default):
            return default
        if value not in choices:
            raise InvalidInputError(name, must_be(choices))
        return value

    def body(self, schema: Schema) -> dict[str, Any]:
        """Return the JSON object that was sent, checked by its schema; no body is an empty object.

        Raises:
            InvalidInputError: it is not an object, or does not fit its schema.
        """
        required = schema.shape["required"]
        is_sent = required or self._event.get("body")
        return schema.checked(body_of(self._event) if is_sent else {})


def answer(status: HTTPStatus, body: dict[str, Any]) -> Response[str]:
    """Answer a JSON object; only operators see stack traces, others see the first line."""
    if OPERATOR not in current_identity().groups:
        _without_traces(body)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return sendable(Response(status.value, "application/json", text), text)


def listed(page: Page[T], view: Callable[[T], dict[str, Any]]) -> Response[str]:
    """Answer a page of items."""
    more = {"nextCursor": page.next_cursor} if page.next_cursor else {}
    return answer(HTTPStatus.OK, {"items": [view(item) for item in page.items], **more})


def sendable(response: Response[str], text: str) -> Response[str]:
    """Return a response with a long text in a form that Lambda accepts.

    Lambda escapes a text, which may double it; base64 always adds a third.

    Raises:
        AnswerTooLargeError: the response is too large in either form.
    """
    raw = text.encode()
    if len(raw) > MAX_ANSWER_BYTES:
        raise AnswerTooLargeError(
            f"the answer would have {len(raw)} bytes, and at most {MAX_ANSWER_BYTES} can be sent:"
            " ask for less, or read it with sfn-cqrs"
        )
    if len(raw) > MAX_TEXT_BYTES:
        response.body, response.base64_encoded = base64.b64encode(raw).decode(), True
    return response


def _without_traces(body: dict[str, Any]) -> None:
    """Shorten the causes of a record, its items and its log, but never those in a payload."""
    for shown in (body, *body.get("items", ()), *body.get("log", ())):
        if shown.get("cause"):
            shown["cause"] = first_line(shown["cause"])
