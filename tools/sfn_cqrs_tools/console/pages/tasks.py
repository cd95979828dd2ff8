"""Tasks: their items, the failed ones, and running those again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from sfn_cqrs.kernel.keys import TaskKey, TaskKind, TaskRef, task_id_parts
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs_tools.client.api import Api, ApiProblem, work_path
from sfn_cqrs_tools.console.application import (
    Ask,
    File,
    GoTo,
    View,
    begun_by_form,
    execution_page,
    stepping,
)
from sfn_cqrs_tools.console.executions import Filter
from sfn_cqrs_tools.console.failures import Alike, alike
from sfn_cqrs_tools.console.lists import Shape, listing, shown
from sfn_cqrs_tools.console.names import names
from sfn_cqrs_tools.console.rendering import query

KINDS: Final = (("batch", "Many items"), ("single", "Single"))
STATUSES: Final = tuple(TaskStatus)
TASKS: Final = Shape[dict[str, Any]](
    sorts={
        "name": lambda one: one["name"] or one["id"],
        "type": lambda one: one["taskType"],
        "status": lambda one: one["status"],
        "items": lambda one: one["total"],
        "failed": lambda one: one.get("failed", 0),
        "began": lambda one: one["createdAt"],
    },
    texts=lambda one: (one["name"], one["id"], one["taskType"], one["createdBy"]),
    at=lambda one: one["createdAt"],
)
RECENT: Final = 60
ITEMS: Final = 100
MOST_FAILED: Final = 1_000
"""Failed items that are grouped."""
ENDED: Final = tuple(one for one in TaskStatus if one.is_closed)

_path: Final = partial(work_path, "tasks")


def listed(ask: Ask) -> View | File:
    """List the tasks of a type; without one, the latest of each."""
    kind, wanted = ask.query.get("kind") or "batch", ask.query.get("type", "")
    types = sorted({*names(ask, "tasks"), *_types(ask), *([wanted] if wanted else [])})

    def fetch(limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        if wanted:
            page = _page(ask.api, wanted, kind, cursor, limit)
            return page["items"], page.get("nextCursor")
        found = [
            one for type_ in types for one in _page(ask.api, type_, kind, None, limit)["items"]
        ]
        return sorted(found, key=lambda task: str(task["createdAt"]), reverse=True), None

    found = listing(ask, fetch, TASKS)
    return shown(ask, "tasks.html", found, fetch, types=types, kind=kind, kinds=KINDS)


def task(ask: Ask) -> View:
    """Show one task with a page of its items."""
    status = ask.query.get("status", "")
    found = ask.api.get(
        _path(ask.parts["id"]), limit=ITEMS, status=status or None, cursor=ask.query.get("cursor")
    )
    is_over = found["status"] in ENDED
    return View(
        "task.html",
        {
            "task": found,
            "path": f"/tasks/{found['id']}",
            "status": status,
            "statuses": STATUSES,
            "is_over": is_over,
            "execution": _execution(ask, found),
            "alike": _alike(ask, found),
        },
        is_live=not is_over,
    )


def new(ask: Ask) -> View:
    """Show the form that starts a task."""
    return View(
        "task_new.html",
        {"types": sorted({*names(ask, "tasks"), *_types(ask)}), "type": ask.query.get("type", "")},
    )


def create(ask: Ask) -> GoTo:
    """Start it."""
    return begun_by_form(ask, "/tasks", taskType=ask.form.get("type", ""))


def _alike(ask: Ask, found: dict[str, Any]) -> list[Alike]:
    """Group the failed items by their errors; of a task at work, those of one page."""
    if not found.get("failed"):
        return []
    most = MOST_FAILED if found["status"] in ENDED else ITEMS
    failed = ask.api.first(most, _path(found["id"]), status=TaskStatus.FAILED)
    return alike(
        (str(one.get("error", "")), str(one.get("cause") or ""), _place(found["id"], one["index"]))
        for one in failed
    )


def _place(id_: str, index: int) -> str:
    """Return the page of failed items that begins with an item; its cursor is the one before."""
    behind = index - 1 if index else ""
    return f"/tasks/{id_}?{query(status=TaskStatus.FAILED, cursor=behind)}#i{index}"


def _execution(ask: Ask, found: dict[str, Any]) -> str:
    """Return the path of the execution that works on the items; a single one has none."""
    kind, ulid = task_id_parts(found["id"])
    if kind is TaskKind.SINGLE:
        return ""
    ref = TaskRef(TaskKey(ask.who.tenant, found["taskType"], ulid, kind), found["attempt"])
    return execution_page(ask, "task", ref, "TasksTableName")


def _page(api: Api, type_: str, kind: str, cursor: str | None, limit: int) -> dict[str, Any]:
    try:
        return api.get("/tasks", taskType=type_, kind=kind, limit=limit, cursor=cursor)
    except ApiProblem as problem:
        if problem.status in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
            return {"items": []}
        raise


def _types(ask: Ask) -> set[str]:
    """Return the types of the latest executions of tasks."""
    found = ask.executions.page(Filter(machine="task"), limit=RECENT)
    return set(_types_of(run.input for run in islice(found.runs, RECENT)))


def _types_of(inputs: Iterator[str]) -> Iterator[str]:
    for given in inputs:
        value = json.loads(given or "{}")
        if isinstance(value.get("type"), str):
            yield value["type"]


_ONE: Final = "/tasks/{id}"
PAGES: Final = {"/tasks": listed, "/tasks/new": new, _ONE: task}
FORMS: Final = {
    "/tasks/new": create,
    **{f"{_ONE}/{verb}": stepping("tasks", verb) for verb in ("cancel", "retry")},
}
