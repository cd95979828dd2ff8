"""The project's declarations: its types, tables, sagas and machines' kinds, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sfn_cqrs_tools.client.api import Api

ROUTES: Final = {
    "items": ("/commands", "post"),
    "tasks": ("/tasks", "post"),
    "sagas": ("/sagas", "post"),
    "approvals": ("/approvals", "get"),
    "imports": ("/imports", "post"),
}
"""A route of each kind that names all of it, for who may use it is declared by name."""


def declared(api: Api) -> Mapping[str, list[str]]:
    """Return the declared names of each kind, sorted.

    Raises:
        ApiProblem: the stack does not say.
    """
    paths = api.get("/openapi.json").get("paths", {})
    return {kind: sorted(_names(paths, *route)) for kind, route in ROUTES.items()}


def _names(paths: Mapping[str, Any], route: str, method: str) -> Mapping[str, str]:
    found: Mapping[str, str] = (
        paths.get(route, {}).get(method, {}).get("x-permitted", {}).get("declared", {})
    )
    return found
