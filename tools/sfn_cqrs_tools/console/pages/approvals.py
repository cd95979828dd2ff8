"""Approvals: the inbox, and one approval with everything needed for the decision."""

from __future__ import annotations

import json
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from sfn_cqrs.kernel.keys import ApprovalKey, ApprovalRef
from sfn_cqrs.machines.approval.rules import Status
from sfn_cqrs_tools.client.api import work_path
from sfn_cqrs_tools.console.application import (
    Ask,
    File,
    GoTo,
    Refused,
    View,
    begun,
    execution_page,
    json_of,
    stepping,
)
from sfn_cqrs_tools.console.differences import Difference, differences, differences_since
from sfn_cqrs_tools.console.lists import Shape, api_list
from sfn_cqrs_tools.console.names import names
from sfn_cqrs_tools.console.subjects import item_page

STATUSES: Final = (*Status, "ALL")
APPROVALS: Final = Shape[dict[str, Any]](
    sorts={
        "what": lambda one: f"{one['type']} {one['subject']}",
        "status": lambda one: one["status"],
        "by": lambda one: one["requestedBy"],
        "asked": lambda one: one["requestedAt"],
        "until": lambda one: one["expiresAt"],
    },
    texts=lambda one: (one["id"], one["type"], one["subject"], one["note"], one["requestedBy"]),
    at=lambda one: one["requestedAt"],
)

_path: Final = partial(work_path, "approvals")


def listed(ask: Ask) -> View | File:
    """List the approvals waiting for this person; with a status, all that have it."""
    status = ask.query.get("status") or None
    links: dict[str, Any] = {"statuses": STATUSES, "has_links": _has_links(ask)}
    return api_list(ask, "approvals.html", APPROVALS, "/approvals", {"status": status}, **links)


def approval(ask: Ask) -> View:
    """Show one approval."""
    found = ask.api.get(_path(ask.parts["id"]))
    return View(
        "approval.html",
        {
            "approval": found,
            "path": f"/approvals/{found['id']}",
            "item": _item(found),
            **_changes(ask, found),
            "has_links": _has_links(ask),
            "obstacle": _obstacle(ask, found),
            "execution": _execution(ask, found),
            "may_retry": found["stage"] == "FAILED" and ask.who.is_operator,
        },
        is_live=found["status"] == "OPEN" or found["stage"] not in ("DONE", "FAILED"),
    )


def decide(ask: Ask) -> GoTo:
    """Approve or reject; the API says whether this person may."""
    verb = ask.form.get("decision", "")
    if verb not in ("approve", "reject"):
        raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", "Approve or reject it.")
    given: dict[str, Any] = {"reason": ask.form["reason"]} if ask.form.get("reason") else {}
    given |= {"digest": ask.form["digest"]} if ask.form.get("digest") else {}
    ask.api.post(_path(ask.parts["id"], verb), json.dumps(given))
    return GoTo(f"/approvals/{ask.parts['id']}")


def new(ask: Ask) -> View:
    """Show the form that asks for an approval."""
    return View("approval_new.html", {"types": names(ask, "approvals")})


def create(ask: Ask) -> GoTo:
    """Ask for it."""
    form = ask.form
    body: dict[str, Any] = {
        name: form[name] for name in ("type", "subject", "note") if form.get(name)
    }
    if form.get("payload"):
        body["payload"] = json_of(form["payload"], "payload")
    return begun(ask, "/approvals", body)


def _item(found: dict[str, Any]) -> str:
    """Return the path of the version to decide on; empty if the approval has no item."""
    pinned = found.get("item")
    if pinned is None:
        return ""
    return f"{item_page(pinned['type'], pinned['code'])}?v={pinned['version']}"


def _changes(ask: Ask, found: dict[str, Any]) -> dict[str, list[Difference] | None]:
    """Return the changes of the version to decide on, and the changes since then."""
    pinned = found.get("item")
    if pinned is None:
        return {"changes": None, "since": None}
    place = str(pinned["type"]), str(pinned["code"]), int(pinned["version"])
    is_stale = not found.get("isCurrent", True)
    since = differences_since(ask.api, *place) if is_stale else None
    return {"changes": differences(ask.api, *place), "since": since}


def _has_links(ask: Ask) -> bool:
    """Return whether the stack signs links for e-mail."""
    return ask.backend.outputs.get("ApprovalLinks") == "enabled"


def _obstacle(ask: Ask, found: dict[str, Any]) -> str:
    """Return why this person may not decide now, as far as the console knows; the API decides."""
    who = ask.who
    if found["status"] != "OPEN":
        return f"It is {str(found['status']).lower()}."
    if any(one["by"] == who.user for one in found["decisions"]):
        return "You have decided already; it waits for somebody else."
    if found["fourEyes"] and found["requestedBy"] == who.user:
        return "Four eyes: you have requested it, so somebody else decides."
    if found["approvers"] and who.user in found["approvers"]:
        return ""
    if found["group"] and found["group"] in who.roles:
        return ""
    named = [*found["approvers"], *([f"the group {found['group']}"] if found["group"] else [])]
    return f"It is for {', '.join(named)} to decide." if named else ""


def _execution(ask: Ask, found: dict[str, Any]) -> str:
    ref = ApprovalRef(ApprovalKey.of(ask.who.tenant, found["id"]), found["attempt"])
    return execution_page(ask, "approval", ref, "ApprovalsTableName")


_ONE: Final = "/approvals/{id}"
PAGES: Final = {"/approvals": listed, "/approvals/new": new, _ONE: approval}
FORMS: Final = {
    "/approvals/new": create,
    f"{_ONE}/decide": decide,
    f"{_ONE}/retry": stepping("approvals", "retry"),
}
