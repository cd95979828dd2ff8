"""The guard of local listeners, asked by those that speak ASGI."""

from __future__ import annotations

from starlette.types import Scope

from sfn_local.request_guard import Guard


def refusal_of(guard: Guard, scope: Scope) -> str | None:
    """Return why a request or a WebSocket is refused, or None if it may be served."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1"), value.decode("latin-1")
        headers[name] = f"{headers[name]},{text}" if name in headers else text
    target = scope["raw_path"].decode("latin-1")
    return guard.refusal(scope.get("method", "GET"), target, headers)
