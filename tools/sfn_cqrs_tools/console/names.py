"""The project's declarations: its types, tables, sagas and machines' kinds, by name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from sfn_cqrs_tools.client.api import ApiProblem
from sfn_cqrs_tools.console.application import Ask

KEPT_SECONDS: Final = 10.0
ROUTES: Final = {
    "items": ("/commands", "post"),
    "tasks": ("/tasks", "post"),
    "sagas": ("/sagas", "post"),
    "approvals": ("/approvals", "get"),
    "imports": ("/imports", "post"),
}
"""A route of each kind that names all of it, for who may use it is declared by name."""
_seen: dict[int, tuple[float, Mapping[str, list[str]]]] = {}


def names(ask: Ask, kind: str) -> list[str]:
    """Return the declared names of a kind, sorted."""
    at, known = _seen.get(id(ask.backend), (0.0, {}))
    if not known or time.monotonic() - at > KEPT_SECONDS:
        known = _read(ask)
        _seen[id(ask.backend)] = (time.monotonic(), known)
    return known.get(kind, [])


def _read(ask: Ask) -> Mapping[str, list[str]]:
    try:
        paths = ask.api.get("/openapi.json").get("paths", {})
    except ApiProblem:
        return {}
    return {kind: sorted(_declared(paths, *route)) for kind, route in ROUTES.items()}


def _declared(paths: Mapping[str, Any], route: str, method: str) -> Mapping[str, str]:
    found: Mapping[str, str] = (
        paths.get(route, {}).get(method, {}).get("x-permitted", {}).get("declared", {})
    )
    return found
