"""Work that needs a person although nothing of it has failed: late, waiting or to be decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sfn_cqrs.kernel.erasure import Status
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.schedule.rules import Status as PlanStatus
from sfn_cqrs_tools.client.api import ApiProblem, work_path
from sfn_cqrs_tools.client.diagnosis import Diagnosis
from sfn_cqrs_tools.client.executions import waiting
from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.console.application import Ask
from sfn_cqrs_tools.console.executions import Filter, Machine
from sfn_cqrs_tools.console.failures import first_page, own_machines
from sfn_cqrs_tools.console.subjects import by_id, item_page, item_text, subject_of

FAILED: Final = ("FAILED", "PARKED")
MOST_RUNNING: Final = 20
"""Executions of each machine of the project's that are looked at for waits."""


@dataclass(frozen=True)
class Need:
    """Work that needs a person; its page says why."""

    kind: str
    label: str
    path: str
    status: str
    age: float
    error: str


def stuck(found: Diagnosis) -> Iterator[Need]:
    """Yield work that no failure explains: it is open for too long."""
    for one in found.findings:
        if one.outcome not in (Outcome.FAILED, Outcome.BLOCKED):
            label = item_text(one.type, one.code, one.version)
            path = f"{item_page(one.type, one.code)}?v={one.version}"
            error = one.error or "open for too long"
            yield Need("command", label, path, one.outcome, one.age, error)
    for name, kind in found.kinds.items():
        for work in kind.findings:
            if name != "saga" or work.status not in FAILED:
                subject = by_id(work.id, work.tenant)
                label, path = (subject.label, subject.path) if subject else (work.id, "")
                error = work.error or "open for too long"
                yield Need(name, label, path, work.status, work.age, error)


def waits(ask: Ask) -> Iterator[Need]:
    """Yield the executions of the project's own workflows that wait for an answer."""
    for machine in own_machines(ask):
        wanted = Filter(machine=machine.short, status="RUNNING", tenant=ask.who.tenant)
        for run in ask.executions.page(wanted, limit=MOST_RUNNING).runs:
            yield from _wait(ask, machine, run)


def _wait(ask: Ask, machine: Machine, run: Run) -> Iterator[Need]:
    definition = ask.executions.definition(machine, run)
    steps = waiting(machine.short, definition, ask.executions.history(run))
    if not steps:
        return
    subject = subject_of(run.input)
    label = f"{machine.short} {subject.label if subject else run.name}"
    states = ", ".join(sorted({step.name for step in steps}))
    age = (datetime.now(UTC) - min(step.entered for step in steps)).total_seconds()
    path = f"/executions/{machine.short}/{run.name}"
    yield Need("run", label, path, "WAITING", age, f"waits for an answer in {states}")


def refused(ask: Ask) -> Iterator[Need]:
    """Yield the plans that were refused when they were due: a person runs or cancels them."""
    for one in first_page(ask, "/plans", status=PlanStatus.REFUSED):
        age = (datetime.now(UTC) - datetime.fromisoformat(one["statusAt"])).total_seconds()
        label = f"{item_text(one['type'], one['code'])} plan {one['plan']}"
        path = item_page(one["type"], one["code"])
        yield Need("plan", label, path, one["status"], age, one.get("reason", ""))


def decisions(ask: Ask) -> Iterator[Need]:
    """Yield rebuilds and erasures that go on only if an operator says so."""
    if not ask.who.is_operator:
        return
    for one in _all(ask, "/rebuilds"):
        has_stopped = one.get("progress", {}).get("hasStopped")
        if one["stage"] == "READY" or has_stopped:
            text = "has stopped: resume it" if has_stopped else "built and compared: switch to it"
            path = work_path("rebuilds", one["name"])
            yield Need("rebuild", f"Rebuild of {one['name']}", path, one["stage"], 0.0, text)
    for one in first_page(ask, "/erasures"):
        if one["status"] == Status.ASKED:
            age = (datetime.now(UTC) - datetime.fromisoformat(one["askedAt"])).total_seconds()
            path, label = work_path("erasures", one["id"]), f"Erasure …{one['id'][-6:]}"
            text = f"asked by {one['askedBy']}: another operator confirms it"
            yield Need("erasure", label, path, one["status"], age, text)


def _all(ask: Ask, path: str) -> list[dict[str, Any]]:
    """Return a list of the API, or nothing if this person may not read it."""
    try:
        return list(ask.api.pages(path))
    except ApiProblem:
        return []
