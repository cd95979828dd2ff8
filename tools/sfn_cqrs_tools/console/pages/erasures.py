"""Erasures of people: the list, and the certificate of one; for operators."""

from __future__ import annotations

from typing import Any, Final

from sfn_cqrs_tools.client.api import work_path
from sfn_cqrs_tools.console.application import Ask, File, View
from sfn_cqrs_tools.console.lists import Shape, api_list

ERASURES: Final = Shape[dict[str, Any]](
    sorts={
        "id": lambda one: one["id"],
        "status": lambda one: one["status"],
        "by": lambda one: one["askedBy"],
        "asked": lambda one: one["askedAt"],
        "finished": lambda one: one["finishedAt"],
    },
    texts=lambda one: (one["id"], one["reason"], one["askedBy"], one["status"]),
    at=lambda one: one["askedAt"],
)


def listed(ask: Ask) -> View | File:
    """List them, or say who may see them."""
    if not ask.who.is_operator:
        return View("erasures.html", {"is_operator": False})
    return api_list(ask, "erasures.html", ERASURES, "/erasures", {}, is_operator=True)


def erasure(ask: Ask) -> View:
    """Show a certificate: what was erased, what is left, and what is not covered until when."""
    found = ask.api.get(work_path("erasures", ask.parts["id"]))
    erased = {place: count for place, count in found["erased"].items() if count}
    return View("erasure.html", {"erasure": found, "erased": erased})


PAGES: Final = {"/erasures": listed, "/erasures/{id}": erasure}
FORMS: Final[dict[str, Any]] = {}
