"""The overview: what is open, failed, waiting for somebody, and what the queues hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from sfn_cqrs_local.console.application import Ask, View
from sfn_cqrs_local.console.backend import Backend
from sfn_cqrs_local.console.executions import FAILURES, Executions, Filter, Machine, Run
from sfn_cqrs_local.console.pages.queues import Queue, queues
from sfn_cqrs_local.console.subjects import by_id, item_page, subject_of
from sfn_cqrs_local.diagnosis import Diagnosis, Finding, diagnose

STUCK: Final = timedelta(minutes=10)
MINUTES: Final = 60
MOST_COUNTED: Final = 2_000
KEPT_SECONDS: Final = 2.0
SHOWN_NEEDS: Final = 50
LATELY: Final = 10
MOST_BEHIND: Final = 3
LATE_SECONDS: Final = 60

KINDS: Final = (
    ("command", "Commands", "/items"),
    ("task", "Tasks", "/tasks"),
    ("import", "Imports", "/imports"),
    ("archive", "Archives", "/imports?kind=zip"),
    ("approval", "Approvals", "/approvals"),
    ("saga", "Sagas", "/sagas"),
)


@dataclass(frozen=True)
class Need:
    """Something that waits for a person, and the step that puts it right."""

    kind: str
    label: str
    path: str
    tenant: str
    status: str
    age: float
    error: str
    action: str
    action_path: str


@dataclass(frozen=True)
class Figure:
    """What is known of one kind of work; `behind` has the types that are late, in seconds."""

    name: str
    label: str
    path: str
    open: int
    oldest: float
    needs: int
    behind: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trend:
    """Executions a minute: when they began, by how they are now."""

    minutes: list[int]
    """The beginning of each minute, in seconds since 1970."""
    succeeded: list[int]
    failed: list[int]
    running: list[int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.succeeded) + sum(self.failed) + sum(self.running)


@dataclass(frozen=True)
class Sight:
    """What the overview shows."""

    figures: list[Figure]
    needs: list[Need]
    trend: Trend
    lanes: list[tuple[Machine, Trend]]
    queues: list[Queue]
    lately: list[Run]


class Overviews:
    """Looks at a stack at most once in two seconds, however many pages are open."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lock = threading.Lock()
        self._seen: dict[int, tuple[float, Sight]] = {}

    def of(self, backend: Backend, executions: Executions) -> Sight:
        """The latest sight of a stack."""
        with self._lock:
            at, sight = self._seen.get(id(backend), (0.0, None))
            if sight is None or time.monotonic() - at > KEPT_SECONDS * backend.look_seconds:
                sight = look(backend, executions)
                self._seen[id(backend)] = (time.monotonic(), sight)
            return sight


_overviews = Overviews()


def overview(ask: Ask) -> View:
    """Show it."""
    sight = _overviews.of(ask.backend, ask.executions)
    inbox = ask.api.get("/approvals", limit=100)["items"]
    waiting = ask.api.get("/approvals", status="OPEN", limit=100)["items"]
    return View(
        "overview.html",
        {
            "sight": sight,
            "figures": [_with_waiting(one, len(waiting)) for one in sight.figures],
            "lately": [(run, subject_of(run.input)) for run in sight.lately],
            "needs": sight.needs[:SHOWN_NEEDS],
            "inbox": inbox,
            "is_new": not sight.trend.total and not any(one.open for one in sight.figures),
        },
        is_live=True,
    )


def look(backend: Backend, executions: Executions) -> Sight:
    """Look at everything."""
    found = diagnose(backend.target, STUCK)
    lanes = [
        (machine, _trend(executions, machine))
        for machine in executions.machines()
        if machine.is_listable
    ]
    return Sight(
        list(_figures(found)),
        sorted(_needs(found), key=lambda need: need.age, reverse=True),
        _sum([trend for _, trend in lanes]),
        lanes,
        queues(backend),
        executions.page(Filter(), limit=LATELY).runs,
    )


def _with_waiting(figure: Figure, waiting: int) -> Figure:
    """Approvals count while they wait; the index has them only once a reminder is due."""
    return replace(figure, open=waiting) if figure.name == "approval" else figure


def _figures(found: Diagnosis) -> Iterator[Figure]:
    for name, label, path in KINDS:
        if name == "command":
            needs = len(list(_versions(found.findings)))
            yield Figure(name, label, path, found.open, found.oldest_open, needs, _late(found))
        elif name in found.kinds:
            kind = found.kinds[name]
            yield Figure(name, label, path, kind.open, kind.oldest, len(kind.findings))


def _late(found: Diagnosis) -> dict[str, float]:
    """The types that are furthest behind; for less than a minute is nothing to look at."""
    late = (one for one in found.oldest_unapplied.items() if one[1] >= LATE_SECONDS)
    return dict(islice(late, MOST_BEHIND))


def _needs(found: Diagnosis) -> Iterator[Need]:
    yield from _versions(found.findings)
    for name, kind in found.kinds.items():
        for work in kind.findings:
            subject = by_id(work.id, work.tenant)
            path = subject.path if subject else ""
            yield Need(
                name,
                subject.label if subject else work.id,
                path,
                work.tenant,
                work.status,
                work.age,
                work.error or "",
                "Look",
                path,
            )


def _versions(findings: list[Finding]) -> Iterator[Need]:
    """One need an item: the first version that cannot go on; the rest goes on behind it."""
    chains: dict[tuple[str, str, str], list[Finding]] = {}
    for one in findings:
        chains.setdefault((one.tenant, one.type, one.code), []).append(one)
    for chain in chains.values():
        first, *behind = sorted(chain, key=lambda one: one.version)
        path = item_page(first.type, first.code)
        shown = f"{path}?v={first.version}"
        repair = item_page(first.type, first.code, first.version, "redrive")
        is_failed = first.outcome == "FAILED"
        waiting = ", ".join(f"v{one.version}" for one in behind)
        yield Need(
            "command",
            f"{first.type} {first.code} v{first.version}",
            shown,
            first.tenant,
            first.outcome,
            first.age,
            f"{first.error or ''}{f', {waiting} blocked behind it' if behind else ''}",
            "Redrive" if is_failed else "Look",
            repair if is_failed else shown,
        )


def _trend(executions: Executions, machine: Machine) -> Trend:
    now = int(datetime.now(UTC).timestamp()) // 60
    minutes = list(range(now - MINUTES + 1, now + 1))
    counts: dict[str, list[int]] = {name: [0] * MINUTES for name in ("good", "bad", "busy")}
    since = datetime.fromtimestamp(minutes[0] * 60, UTC)
    for run in executions.started(machine, since, MOST_COUNTED):
        place = int(run.started.timestamp()) // 60 - minutes[0]
        if place < MINUTES:
            name = "bad" if run.status in FAILURES else "good" if run.stopped else "busy"
            counts[name][place] += 1
    return Trend([one * 60 for one in minutes], counts["good"], counts["bad"], counts["busy"])


def _sum(trends: list[Trend]) -> Trend:
    def added(name: str) -> list[int]:
        rows: list[list[int]] = [getattr(trend, name) for trend in trends]
        return [sum(column) for column in zip(*rows, strict=True)] if rows else []

    minutes: Any = trends[0].minutes if trends else []
    return Trend(minutes, added("succeeded"), added("failed"), added("running"))


PAGES: Final = {"": overview}
FORMS: Final[dict[str, Any]] = {}
