"""Repairs in bulk: a filter, the list of what it means, and how far its repair is."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from sfn_cqrs_tools.client.api import ApiProblem, item_path, work_path
from sfn_cqrs_tools.console.application import Ask, GoTo, Refused, View, begun, stepping
from sfn_cqrs_tools.console.differences import if_there
from sfn_cqrs_tools.console.failures import failures
from sfn_cqrs_tools.console.names import names
from sfn_cqrs_tools.console.pages.tasks import ENDED
from sfn_cqrs_tools.console.subjects import by_id, item_page

WHAT: Final = {
    "command retry": "Retry versions",
    "command skip": "Skip versions for good",
    "task retry": "Retry failed items of tasks",
    "import retry": "Retry failed rows of imports",
    "saga retry": "Retry parked sagas",
}
WITHIN: Final = {
    "": "At any time",
    "1": "In the last hour",
    "24": "In the last day",
    "168": "In the last week",
}
"""Hours before now."""
LATEST: Final = 20
SHOWN: Final = 50
AT_ONCE: Final = 8
KINDS: Final = ("items", "tasks", "sagas", "imports")
PLANNED: Final = "PLANNED"
FAILED: Final = ("FAILED", "BLOCKED", "PARKED")
ROWS: Final = "row "
"""Stands in a form before the path that repairs a row."""


def repairs(ask: Ask) -> View:
    """Show what has failed, in groups; the form of a plan; and the latest repairs."""
    given = {name: ask.query.get(name, "") for name in ("what", "type", "within", "error")}
    failed = failures(ask).groups if ask.who.is_operator else []
    listed = _listed(ask)
    return View(
        "repairs.html",
        {
            "what": WHAT,
            "within": WITHIN,
            "given": given,
            "is_asked": any(given.values()),
            "groups": failed,
            "types": sorted({name for kind in KINDS for name in names(ask, kind)}),
            "planned": [one for one in listed if one["status"] == PLANNED and one["total"]],
            "latest": [one for one in listed if one["status"] != PLANNED],
        },
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
    """Show a plan, a page of its list with what became of each, and how far its repair is."""
    found = ask.api.get(_path(ask), limit=SHOWN, cursor=ask.query.get("cursor"))
    wanted = found["filter"]
    is_over = found["status"] in ENDED
    return View(
        "repair_plan.html",
        {
            "repair": found,
            "title": WHAT[f"{wanted['kind']} {wanted['action']}"],
            "path": f"/repairs/{found['id']}",
            "is_over": is_over,
            "is_planned": found["status"] == PLANNED,
            "may_resume": found["status"] in ("FAILED", "CANCELLED"),
            "rows": list(zip(found["items"], _states(ask, found), strict=True)),
            "by_id": by_id,
            "item_page": item_page,
        },
        is_live=not is_over,
    )


def some(ask: Ask) -> GoTo:
    """Repair the rows that were chosen, one by one; the plan stays as it is."""
    plan_ = ask.api.get(_path(ask))["filter"]
    ends = f"/{plan_['action']}"
    begins = f"{ROWS}/{plan_['kind']}s/"
    chosen = [one for one in ask.form if one.startswith(begins) and one.endswith(ends)]
    if not chosen:
        text = "No row is selected: go back and select some."
        raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", text)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda path: _retried(ask, path.removeprefix(ROWS)), chosen))
    return GoTo(f"/repairs/{ask.parts['id']}")


def _retried(ask: Ask, path: str) -> None:
    """Repair one; one that is repaired already stays as it is."""
    try:
        ask.api.post(path)
    except ApiProblem as problem:
        if problem.status != HTTPStatus.CONFLICT:
            raise


def act_path(kind: str, action: str, one: Mapping[str, Any]) -> str:
    """Return the path of the API that repairs an entry of a plan."""
    if kind == "command":
        return item_path("commands", one["type"], one["code"], one["version"], action)
    return work_path(f"{kind}s", one["id"], action)


def _states(ask: Ask, found: dict[str, Any]) -> list[Mapping[str, Any]]:
    """Return the present state of each entry of the page, and the path that repairs it."""
    kind, action = found["filter"]["kind"], found["filter"]["action"]

    def state(one: Mapping[str, Any]) -> Mapping[str, Any]:
        path = act_path(kind, action, one)
        now = if_there(ask.api, path.rpartition("/")[0]) or {}
        status = now.get("outcome") or now.get("status", "")
        return {
            "act": f"{ROWS}{path}",
            "status": status,
            "is_failed": status in FAILED and now.get("attempt", 1) == one["attempt"],
        }

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(state, found["items"]))


def go_on(ask: Ask) -> GoTo:
    """List what the same filter means where a plan has ended."""
    found = ask.api.get(_path(ask))
    return _planned(ask, {**found["filter"], "after": found["id"]})


def _planned(ask: Ask, body: dict[str, Any]) -> GoTo:
    return begun(ask, "/repairs", body)


def _listed(ask: Ask) -> list[dict[str, Any]]:
    """Return the latest plans, whoever made them and wherever."""
    if not ask.who.is_operator:
        return []
    items: list[dict[str, Any]] = ask.api.get("/repairs", limit=LATEST)["items"]
    return items


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
    f"{_ONE}/some": some,
}
