"""Sagas: what was made and what was undone, in two lanes over time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sfn_cqrs.domain.keys import SagaKey, SagaRef
from sfn_cqrs_tools.client.api import work_path
from sfn_cqrs_tools.console.application import Ask, GoTo, View, json_of, stepping
from sfn_cqrs_tools.console.rendering import tone

STATUSES: Final = ("CREATED", "RUNNING", "COMPENSATING", "COMPLETED", "COMPENSATED", "PARKED")
OPEN: Final = ("CREATED", "RUNNING", "COMPENSATING")
WIDTH: Final = 1000.0
SMALLEST: Final = 14.0


@dataclass(frozen=True)
class Mark:
    """A line of the log as a bar."""

    name: str
    status: str
    tone: str
    x: float
    width: float


@dataclass(frozen=True)
class Lane:
    """What was made, or what was undone."""

    label: str
    marks: list[Mark]


def listed(ask: Ask) -> View:
    """List the sagas."""
    status = ask.query.get("status", "")
    page = ask.api.get("/sagas", status=status or None, limit=50, cursor=ask.query.get("cursor"))
    return View(
        "sagas.html",
        {
            "sagas": page["items"],
            "cursor": page.get("nextCursor"),
            "status": status,
            "statuses": STATUSES,
        },
        is_live="cursor" not in ask.query,
    )


def saga(ask: Ask) -> View:
    """Show one saga."""
    found = ask.api.get(work_path("sagas", ask.parts["id"]))
    return View(
        "saga.html",
        {
            "saga": found,
            "path": f"/sagas/{found['id']}",
            "lanes": lanes(found["log"]),
            "execution": _execution(ask, found),
            "may_redrive": found["status"] == "PARKED" and ask.who.is_operator,
        },
        is_live=found["status"] in OPEN,
    )


def new(_ask: Ask) -> View:
    """Show the form that starts a saga."""
    return View("saga_new.html")


def create(ask: Ask) -> GoTo:
    """Start it."""
    given = json_of(ask.form.get("input", ""), "The input is no JSON: {}. Go back and correct it.")
    body = {"saga": ask.form.get("saga", ""), "name": ask.form.get("name", ""), "input": given}
    return GoTo(f"/sagas/{ask.api.post('/sagas', json.dumps(body))['id']}")


def lanes(log: list[dict[str, Any]]) -> list[Lane]:
    """The log as two lanes; each line has its place in time, and room to be seen."""
    moments = [_moment(line["beganAt"]) for line in log]
    moments += [_moment(line["endedAt"]) for line in log if "endedAt" in line]
    if not moments:
        return []
    first, last = min(moments), max(moments)
    scale = WIDTH / max((last - first).total_seconds(), 0.001)

    def mark(line: dict[str, Any]) -> Mark:
        begun = (_moment(line["beganAt"]) - first).total_seconds() * scale
        ended = _moment(line["endedAt"]) if "endedAt" in line else last
        until = (ended - first).total_seconds() * scale
        x = min(begun, WIDTH - SMALLEST)
        width = min(max(until - begun, SMALLEST), WIDTH - x)
        status = str(line["status"])
        return Mark(line["name"], status, tone(status), round(x, 1), round(width, 1))

    return [
        Lane(label, [mark(line) for line in log if line["kind"] == kind])
        for label, kind in (("Made", "step"), ("Undone", "compensation"))
    ]


def _execution(ask: Ask, found: dict[str, Any]) -> str:
    key = SagaKey.of(ask.who.tenant, found["id"])
    name = SagaRef(key, found["saga"], found["attempt"]).execution_name(
        ask.backend.outputs["SagasTableName"]
    )
    return f"/executions/{found['saga']}/{name}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_ONE: Final = "/sagas/{id}"
PAGES: Final = {"/sagas": listed, "/sagas/new": new, _ONE: saga}
FORMS: Final = {"/sagas/new": create, f"{_ONE}/redrive": stepping("sagas", "redrive")}
