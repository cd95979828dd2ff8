"""The project's declarations: its types, tables, sagas and machines' kinds, by name."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from sfn_cqrs_tools.client.api import ApiProblem
from sfn_cqrs_tools.client.declared import declared
from sfn_cqrs_tools.console.application import Ask

KEPT_SECONDS: Final = 10.0
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
        return declared(ask.api)
    except ApiProblem:
        return {}
