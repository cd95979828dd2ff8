"""Security checks for every page: allowed callers, browser content rules and form tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sfn_cqrs_tools.runtime.asgi_guard import refusal_of
from sfn_local.request_guard import Guard

SESSION: Final = "sfn_cqrs_console"
FIELD: Final = "csrf"
HEADER: Final = "x-csrf"
LARGEST_FORM: Final = 1024 * 1024

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer the Origin of a form would be null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guarded:
    """Refuses what another site's page sends, and adds the headers to every answer."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        """Stand in front of an application."""
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = refusal_of(self._guard, scope)
        app = self._app
        if refusal is not None:
            app = PlainTextResponse(refusal, HTTPStatus.FORBIDDEN)
        await app(scope, receive, self._with_headers(send))

    @staticmethod
    def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in HEADERS.items()
                        if name.encode() not in given
                    ),
                ]
            await send(message)

        return sending


class FormTokens:
    """A token of each browser, which each of its forms carries and no other site can know."""

    def __init__(self) -> None:
        """Make a key that lives as long as the console does."""
        self._key = secrets.token_bytes(32)

    def session(self, request: Request) -> str:
        """Return the browser's session; a new one where it has none."""
        return request.cookies.get(SESSION) or secrets.token_urlsafe(24)

    def token(self, session: str) -> str:
        """Return the token of a session's forms."""
        return hmac.new(self._key, session.encode(), hashlib.sha256).hexdigest()

    def is_valid(self, request: Request, given: str) -> bool:
        """Return whether a form came from a page of this console in this browser."""
        session = request.cookies.get(SESSION, "")
        return bool(session) and hmac.compare_digest(self.token(session), given)

    @staticmethod
    def keep(response: Response, session: str) -> None:
        """Let the browser remember its session."""
        response.set_cookie(SESSION, session, httponly=True, samesite="strict", path="/console")
