"""The overview: what is open, failed, waiting for somebody, and what the queues hold."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from sfn_cqrs_tools.client.diagnosis import Diagnosis, Finding, diagnose
from sfn_cqrs_tools.console.application import Ask, View
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.executions import Executions, Filter, Machine, Run
from sfn_cqrs_tools.console.pages.queues import Queue, Sweep, queues, sweeps
from sfn_cqrs_tools.console.subjects import by_id, item_page, subject_of
from sfn_cqrs_tools.console.trends import CountedTrends, MeasuredTrends, Trend, Trends, added

STUCK: Final = timedelta(minutes=10)
KEPT_SECONDS: Final = 2.0
SHOWN_NEEDS: Final = 50
LATELY: Final = 10
MOST_BEHIND: Final = 3
LATE_SECONDS: Final = 60

KINDS: Final = (
    ("command", "Commands", "/items", r"command(-express)?"),
    ("task", "Tasks", "/tasks", "task"),
    ("import", "Imports", "/imports", "import-csv"),
    ("archive", "Archives", "/imports?kind=zip", "zip-orchestrator"),
    ("approval", "Approvals", "/approvals", "approval"),
    ("saga", "Sagas", "/sagas", ".+-saga"),
)
"""Each kind of work, its pages, and the machines that do it."""


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
    trend: Trend | None = None


@dataclass(frozen=True)
class Sight:
    """What the overview shows."""

    figures: list[Figure]
    needs: list[Need]
    trend: Trend
    lanes: list[tuple[Machine, Trend]]
    queues: list[Queue]
    sweeps: list[Sweep]
    lately: list[Run]


class Overviews:
    """Looks at a stack at most once in two seconds, however many pages are open."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._lock = threading.Lock()
        self._seen: dict[int, tuple[float, Sight]] = {}
        self._trends: dict[int, Trends] = {}

    def of(self, backend: Backend, executions: Executions) -> Sight:
        """The latest sight of a stack."""
        with self._lock:
            at, sight = self._seen.get(id(backend), (0.0, None))
            if sight is None or time.monotonic() - at > KEPT_SECONDS * backend.look_seconds:
                sight = look(backend, executions, self._trends_of(backend, executions))
                self._seen[id(backend)] = (time.monotonic(), sight)
            return sight

    def _trends_of(self, backend: Backend, executions: Executions) -> Trends:
        if id(backend) not in self._trends:
            self._trends[id(backend)] = (
                CountedTrends(executions)
                if backend.is_local
                else MeasuredTrends(backend.client("cloudwatch"))
            )
        return self._trends[id(backend)]


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


def look(backend: Backend, executions: Executions, trends: Trends) -> Sight:
    """Look at everything."""
    found = diagnose(backend.target, STUCK, with_claims=False)
    machines = executions.machines()
    lanes = list(zip(machines, trends.of(machines), strict=True))
    return Sight(
        [replace(one, trend=_trend_of(one.name, lanes)) for one in _figures(found)],
        sorted(_needs(found), key=lambda need: need.age, reverse=True),
        added([trend for _, trend in lanes]),
        [(machine, trend) for machine, trend in lanes if not machine.is_express or trend.total],
        queues(backend),
        sweeps(backend),
        executions.page(Filter(), limit=LATELY).runs,
    )


def _with_waiting(figure: Figure, waiting: int) -> Figure:
    """Approvals count while they wait; the index has them only once a reminder is due."""
    return replace(figure, open=waiting) if figure.name == "approval" else figure


def _trend_of(kind: str, lanes: list[tuple[Machine, Trend]]) -> Trend:
    """The trend of the machines of a kind."""
    (names,) = (names for name, _, _, names in KINDS if name == kind)
    return added([trend for machine, trend in lanes if re.fullmatch(names, machine.short)])


def _figures(found: Diagnosis) -> Iterator[Figure]:
    for name, label, path, _ in KINDS:
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
            "Retry" if is_failed else "Look",
            repair if is_failed else shown,
        )


PAGES: Final = {"": overview}
FORMS: Final[dict[str, Any]] = {}
