"""Rebuilds of read models: where one stands, how far the work is, and what may be done next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from sfn_cqrs.kernel.read_models.rules import ViewKey, ViewRef
from sfn_cqrs_tools.client.api import work_path
from sfn_cqrs_tools.console.application import Ask, GoTo, Refused, View, execution_page

WORK: Final = {"REPLAYING": "replayed", "COMPARING": "compared", "DROPPING": "deleted"}
"""Stages in which an execution works, and what it has done with what it counts."""
STEPS: Final = {
    "rebuild": "Rebuild",
    "switch": "Switch",
    "rollback": "Roll back",
    "compare": "Compare again",
    "resume": "Resume",
    "cancel": "Cancel",
    "drop": "Drop",
}
DANGEROUS: Final = ("cancel", "drop")
PROBLEMS: Final = 50


def rebuild(ask: Ask) -> View:
    """Show its generations, progress and differences."""
    found, path = ask.api.get(_path(ask)), _path(ask)
    is_work = found["stage"] in WORK
    compared = found["compared"]
    has_problems = found["replayed"]["failed"] + compared["onlyOne"] + compared["different"]
    page: Mapping[str, Any] = {"items": []}
    if "other" in found and not is_work and has_problems:
        cursor = ask.query.get("cursor")
        page = ask.api.get(f"{path}/problems", limit=PROBLEMS, cursor=cursor)
    return View(
        "rebuild.html",
        {
            "model": found,
            "path": path,
            "steps": {step: STEPS[step] for step in steps_of(found)},
            "dangerous": DANGEROUS,
            "verb": WORK.get(found["stage"], ""),
            "execution": _execution(ask, found) if is_work else "",
            "problems": page["items"],
            "cursor": page.get("nextCursor"),
        },
        is_live=is_work,
    )


def step(ask: Ask) -> View:
    """Show the effect of a step before it runs."""
    found, name = ask.api.get(_path(ask)), _step(ask)
    return View(
        "rebuild_step.html",
        {
            "model": found,
            "path": _path(ask),
            "step": name,
            "label": STEPS[name],
            "is_dangerous": name in DANGEROUS,
            "may": name in steps_of(found),
            "is_too_early": name == "drop" and _is_too_early(found),
        },
    )


def take(ask: Ask) -> GoTo:
    """Do it; the API says whether this person may."""
    name, path = _step(ask), _path(ask)
    if name == "rebuild":
        is_every = ask.form.get("every", "") == "true"
        ask.api.post(path, json.dumps({"everyVersion": is_every}))
    elif name == "switch":
        with_failed = ask.form.get("with_failed", "") == "true"
        ask.api.post(f"{path}/switch", json.dumps({"withFailed": with_failed}))
    else:
        ask.api.post(f"{path}/{name}")
    return GoTo(path)


def steps_of(found: Mapping[str, Any]) -> list[str]:
    """Return the steps that an operator may take for a read model now, the likeliest first."""
    stopped = ["resume"] if found.get("progress", {}).get("hasStopped") else []
    again = ["resume"] if found["replayed"]["failed"] else []
    return {
        "SERVING": ["rebuild"],
        "REPLAYING": [*stopped, "cancel", "drop"],
        "COMPARING": [*stopped, "cancel", "drop"],
        "READY": ["switch", "compare", *again, "drop"],
        "SWITCHED": ["rollback", "drop"],
        "CANCELLED": ["resume", "drop"],
        "DROPPING": stopped,
    }[found["stage"]]


def _is_too_early(found: Mapping[str, Any]) -> bool:
    """Return whether a function may still read the generation to be dropped."""
    at = found.get("droppableAt")
    return at is not None and datetime.fromisoformat(at) > datetime.now(UTC)


def _execution(ask: Ask, found: Mapping[str, Any]) -> str:
    ref = ViewRef(ViewKey(ask.who.tenant, found["name"]), found["attempt"])
    return execution_page(ask, "rebuild", ref, "ReadModelsTableName")


def _step(ask: Ask) -> str:
    name = str(ask.parts["step"])
    if name not in STEPS:
        raise Refused(HTTPStatus.NOT_FOUND, "not_found", f"There is no step {name}.")
    return name


def _path(ask: Ask) -> str:
    return work_path("rebuilds", str(ask.parts["name"]))


_ONE: Final = "/rebuilds/{name}"
_STEP: Final = f"{_ONE}/{{step}}"
PAGES: Final = {_ONE: rebuild, _STEP: step}
FORMS: Final = {_STEP: take}
