"""Sagas: completed and undone steps, in two lanes over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sfn_cqrs.kernel.keys import SagaKey, SagaRef
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs_tools.client.api import work_path
from sfn_cqrs_tools.client.saga_parts import definition_of, parts_of, taken_by
from sfn_cqrs_tools.console.application import (
    Ask,
    File,
    GoTo,
    View,
    begun_by_form,
    execution_page,
    stepping,
)
from sfn_cqrs_tools.console.lists import Shape, api_list
from sfn_cqrs_tools.console.names import names
from sfn_cqrs_tools.console.rendering import focusable, pretty, tone
from sfn_cqrs_tools.console.waterfall import WIDTH, Axis, Fold, Span, Tick
from sfn_local.graph import svg

STATUSES: Final = tuple(SagaStatus)
SAGAS: Final = Shape[dict[str, Any]](
    sorts={
        "name": lambda one: one["name"] or one["id"],
        "saga": lambda one: one["saga"],
        "status": lambda one: one["status"],
        "by": lambda one: one["createdBy"],
        "began": lambda one: one["createdAt"],
    },
    texts=lambda one: (one["name"], one["id"], one["saga"], one.get("error"), one.get("cause")),
    at=lambda one: one["createdAt"],
)
SMALLEST: Final = 14.0


@dataclass(frozen=True)
class Mark:
    """A line of the log as a bar."""

    name: str
    status: str
    tone: str
    x: float
    width: float
    seconds: float
    is_undone: bool


@dataclass(frozen=True)
class Swim:
    """The log over time; a time in which nothing ran is folded if it was long."""

    marks: list[Mark]
    folds: list[Fold]
    ticks: list[Tick]


def listed(ask: Ask) -> View | File:
    """List the sagas."""
    status = ask.query.get("status") or None
    return api_list(ask, "sagas.html", SAGAS, "/sagas", {"status": status}, statuses=STATUSES)


def saga(ask: Ask) -> View:
    """Show one saga; a declared one is drawn as it was declared."""
    found = ask.api.get(work_path("sagas", ask.parts["id"]))
    parts = parts_of(found)
    picture = svg(definition_of(parts), taken_by(found, parts), is_bare=True) if parts else ""
    return View(
        "saga.html",
        {
            "saga": found,
            "path": f"/sagas/{found['id']}",
            "swim": swim(found["log"]),
            "parts": parts,
            "picture": focusable(picture),
            "execution": _execution(ask, found),
            "may_retry": found["status"] == "PARKED" and ask.who.is_operator,
        },
        is_live=SagaStatus(found["status"]).is_open,
    )


def new(ask: Ask) -> View:
    """Show the form that starts a saga, with what another one was given."""
    id_ = ask.query.get("given", "")
    found = ask.api.get(work_path("sagas", id_)) if id_ else {}
    given = pretty(found["input"]) if "input" in found else ""
    return View(
        "saga_new.html",
        {
            "sagas": names(ask, "sagas"),
            "saga": found.get("saga", ""),
            "name": found.get("name", ""),
            "input": given,
        },
    )


def create(ask: Ask) -> GoTo:
    """Start it."""
    return begun_by_form(ask, "/sagas", saga=ask.form.get("saga", ""))


def swim(log: list[dict[str, Any]]) -> Swim | None:
    """Return the log as bars; each line has its place in time, and room to be seen."""
    if not log:
        return None
    spans = [
        Span(_moment(one["beganAt"]), _moment(one.get("endedAt", one["beganAt"]))) for one in log
    ]
    axis = Axis(sorted(at for span in spans for at in (span.begin, span.end)), spans)

    def mark(line: dict[str, Any], span: Span) -> Mark:
        x = min(axis.x(span.begin), WIDTH - SMALLEST)
        width = min(max(axis.x(span.end) - x, SMALLEST), WIDTH - x)
        seconds = (span.end - span.begin).total_seconds()
        status, is_undone = str(line["status"]), line["kind"] == "compensation"
        place = (round(x, 1), round(width, 1))
        return Mark(line["name"], status, tone(status), *place, seconds, is_undone)

    marks = [mark(line, span) for line, span in zip(log, spans, strict=True)]
    return Swim(marks, axis.folds, axis.ticks())


def _execution(ask: Ask, found: dict[str, Any]) -> str:
    ref = SagaRef(SagaKey.of(ask.who.tenant, found["id"]), found["attempt"], found["saga"])
    return execution_page(ask, found["machine"], ref, "SagasTableName")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_ONE: Final = "/sagas/{id}"
PAGES: Final = {"/sagas": listed, "/sagas/new": new, _ONE: saga}
FORMS: Final = {"/sagas/new": create, f"{_ONE}/retry": stepping("sagas", "retry")}
