"""Repairs in bulk: a filter, the list of what it means, and how far its repair is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from sfn_cqrs.service.repairs.work import REPAIR
from sfn_cqrs_tools.client.api import ApiProblem, work_path
from sfn_cqrs_tools.console.application import Ask, GoTo, Refused, View, stepping
from sfn_cqrs_tools.console.pages.tasks import ENDED
from sfn_cqrs_tools.console.subjects import by_id, item_page

WHAT: Final = {
    "command redrive": "Retry versions",
    "command skip": "Skip versions for good",
    "task retry": "Retry failed items of tasks",
    "import retry": "Retry failed rows of imports",
    "saga redrive": "Retry parked sagas",
}
WITHIN: Final = {
    "": "At any time",
    "1": "In the last hour",
    "24": "In the last day",
    "168": "In the last week",
}
"""Hours before now."""
LATEST: Final = 20


def repairs(ask: Ask) -> View:
    """Show the form that makes a plan, and the latest repairs."""
    given = {name: ask.query.get(name, "") for name in ("what", "type", "within", "error")}
    return View(
        "repairs.html",
        {"what": WHAT, "within": WITHIN, "given": given, "latest": _latest(ask)},
        is_live=False,
    )


def plan(ask: Ask) -> GoTo:
    """List what has failed; nothing is repaired yet."""
    kind, _, action = ask.form.get("what", "").partition(" ")
    texts = {name: ask.form.get(name, "").strip() for name in ("type", "error")}
    texts["since"] = _since(ask.form.get("within", ""))
    body = {"kind": kind, "action": action, **{k: text for k, text in texts.items() if text}}
    return _planned(ask, body)


def repair(ask: Ask) -> View:
    """Show a plan, a page of its list, and how far its repair is."""
    found = ask.api.get(_path(ask), cursor=ask.query.get("cursor"))
    wanted = found["filter"]
    is_over = found["status"] in ENDED
    return View(
        "repair_plan.html",
        {
            "repair": found,
            "title": WHAT[f"{wanted['kind']} {wanted['action']}"],
            "path": f"/repairs/{found['id']}",
            "is_over": is_over,
            "may_resume": found["status"] in ("FAILED", "CANCELLED"),
            "by_id": by_id,
            "item_page": item_page,
        },
        is_live=found["status"] != "PLANNED" and not is_over,
    )


def go_on(ask: Ask) -> GoTo:
    """List what the same filter means where a plan has ended."""
    found = ask.api.get(_path(ask))
    return _planned(ask, {**found["filter"], "after": found["id"]})


def _planned(ask: Ask, body: dict[str, Any]) -> GoTo:
    return GoTo(f"/repairs/{ask.api.post('/repairs', json.dumps(body))['id']}")


def _latest(ask: Ask) -> list[dict[str, Any]]:
    """The tasks that work plans off, of which each has its plan's ULID."""
    if not ask.who.is_operator:
        return []
    try:
        page = ask.api.get("/tasks", taskType=REPAIR, kind="batch", limit=LATEST)
    except ApiProblem as problem:
        if problem.status == HTTPStatus.NOT_FOUND:
            return []
        raise
    return [{**task, "plan": f"p-{task['id'].partition('-')[2]}"} for task in page["items"]]


def _since(hours: str) -> str:
    if hours not in WITHIN:
        text = "The time is none that there is: open the page again."
        raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", text)
    return (datetime.now(UTC) - timedelta(hours=int(hours))).isoformat() if hours else ""


def _path(ask: Ask) -> str:
    return work_path("repairs", ask.parts["id"])


_ONE: Final = "/repairs/{id}"
PAGES: Final = {"/repairs": repairs, _ONE: repair}
FORMS: Final = {
    "/repairs": plan,
    f"{_ONE}/start": stepping("repairs", "start"),
    f"{_ONE}/after": go_on,
}
