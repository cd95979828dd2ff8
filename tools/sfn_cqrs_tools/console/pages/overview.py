"""The overview: what is open, failed, waiting for somebody, and what the queues hold."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from math import inf
from typing import Any, Final

from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.client.diagnosis import Diagnosis, diagnose
from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.console.application import Ask, View
from sfn_cqrs_tools.console.executions import Filter, Machine
from sfn_cqrs_tools.console.failures import Failures, failures
from sfn_cqrs_tools.console.pages.queues import Queue, Sweep, queues, sweeps
from sfn_cqrs_tools.console.subjects import by_id, item_page, subject_of
from sfn_cqrs_tools.console.trends import (
    SPANS,
    CountedTrends,
    MeasuredTrends,
    Span,
    Trend,
    Trends,
    added,
)
from sfn_cqrs_tools.console.who import Who

STUCK: Final = timedelta(minutes=10)
KEPT_SECONDS: Final = 2.0
STALE_SECONDS: Final = 30.0
"""An older result is not shown while another one is made."""
SHOWN_INBOX: Final = 5
SHOWN_STUCK: Final = 20
LATELY: Final = 10
MOST_BEHIND: Final = 3
LATE_SECONDS: Final = 60
FAILED: Final = ("FAILED", "PARKED")

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
    """Work that needs a person; its page says why."""

    kind: str
    label: str
    path: str
    tenant: str
    status: str
    age: float
    error: str


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
    """The content of the overview."""

    figures: list[Figure]
    failures: Failures
    stuck: list[Need]
    trend: Trend
    lanes: list[tuple[Machine, Trend]]
    queues: list[Queue]
    sweeps: list[Sweep]
    lately: list[Run]


@dataclass
class Seen:
    """The latest sight for somebody, or why there was none.

    `is_looking` while the next one is on its way.
    """

    at: float
    sight: Sight | None = None
    error: Exception | None = None
    is_looking: bool = False

    def shown(self) -> Sight:
        """Return the sight, or raise why there is none."""
        if self.error is not None:
            raise self.error
        assert self.sight is not None
        return self.sight


class Overviews:
    """Looks at a stack at most once in two seconds, however many pages are open.

    A request gets the latest result at once; the next look runs in the background.
    """

    def __init__(self) -> None:
        """Start without results."""
        self._lock = threading.Lock()
        self._seen: dict[tuple[int, Who, str], Seen] = {}
        self._trends: dict[int, Trends] = {}

    def of(self, ask: Ask, span: str) -> Sight:
        """Return the latest sight of a stack, over a span of time."""
        key = (id(ask.backend), ask.who, span)
        with self._lock:
            seen = self._seen.get(key)
            age = time.monotonic() - seen.at if seen else inf
            if seen is not None and age < STALE_SECONDS and seen.error is None:
                if age > KEPT_SECONDS * ask.backend.look_seconds and not seen.is_looking:
                    seen.is_looking = True
                    threading.Thread(target=self._look, args=(key, ask, span), daemon=True).start()
                return seen.shown()
        return self._look(key, ask, span).shown()

    def _look(self, key: tuple[int, Who, str], ask: Ask, span: str) -> Seen:
        try:
            found = Seen(time.monotonic(), look(ask, self._trends_of(ask), SPANS[span]))
        except Exception as error:  # the page says what it is
            found = Seen(time.monotonic(), error=error)
        with self._lock:
            self._seen[key] = found
        return found

    def _trends_of(self, ask: Ask) -> Trends:
        backend = ask.backend
        with self._lock:
            if id(backend) not in self._trends:
                self._trends[id(backend)] = (
                    CountedTrends(ask.executions)
                    if backend.is_local
                    else MeasuredTrends(backend.client("cloudwatch"))
                )
            return self._trends[id(backend)]


_overviews = Overviews()


def overview(ask: Ask) -> View:
    """Show it."""
    span = ask.query.get("span", "")
    span = span if span in SPANS else next(iter(SPANS))
    sight = _overviews.of(ask, span)
    inbox = ask.api.get("/approvals", limit=100)["items"]
    waiting = ask.api.get("/approvals", status="OPEN", limit=100)["items"]
    return View(
        "overview.html",
        {
            "sight": sight,
            "span": span,
            "spans": SPANS,
            "figures": [_with_waiting(one, len(waiting)) for one in sight.figures],
            "lately": [(run, subject_of(run.input)) for run in sight.lately],
            "stuck": sight.stuck[:SHOWN_STUCK],
            "inbox": inbox[:SHOWN_INBOX],
            "waits": len(inbox),
            "needs": sight.failures.count + len(sight.stuck) + len(inbox),
            "is_new": not sight.trend.total and not any(one.open for one in sight.figures),
        },
        is_live=True,
    )


def look(ask: Ask, trends: Trends, span: Span) -> Sight:
    """Look at everything."""
    backend = ask.backend
    found = diagnose(backend.target, STUCK, with_claims=False)
    failed = failures(ask)
    machines = ask.executions.machines()
    lanes = list(zip(machines, trends.of(machines, span), strict=True))
    stuck = sorted(_stuck(found, ask.who.tenant), key=lambda need: need.age, reverse=True)
    return Sight(
        [replace(one, trend=_trend_of(one.name, lanes)) for one in _figures(found, failed, stuck)],
        failed,
        stuck,
        added([trend for _, trend in lanes]),
        [(machine, trend) for machine, trend in lanes if not machine.is_express or trend.total],
        queues(backend),
        sweeps(backend),
        ask.executions.page(Filter(), limit=LATELY).runs,
    )


def _with_waiting(figure: Figure, waiting: int) -> Figure:
    """Approvals count while they wait; the index has them only once a reminder is due."""
    return replace(figure, open=waiting) if figure.name == "approval" else figure


def _trend_of(kind: str, lanes: list[tuple[Machine, Trend]]) -> Trend:
    """Return the trend of the machines of a kind."""
    (names,) = (names for name, _, _, names in KINDS if name == kind)
    return added([trend for machine, trend in lanes if re.fullmatch(names, machine.short)])


def _figures(found: Diagnosis, failed: Failures, stuck: list[Need]) -> Iterator[Figure]:
    needs = Counter(need.kind for need in stuck)
    for group in failed.groups:
        needs[group.kind] += group.count
    needs["command"] += failed.unread
    for name, label, path, _ in KINDS:
        if name == "command":
            late = _late(found)
            yield Figure(name, label, path, found.open, found.oldest_open, needs[name], late)
        elif name in found.kinds:
            kind = found.kinds[name]
            yield Figure(name, label, path, kind.open, kind.oldest, needs[name])


def _late(found: Diagnosis) -> dict[str, float]:
    """Return the types that are furthest behind; for less than a minute is nothing to look at."""
    late = (one for one in found.oldest_unapplied.items() if one[1] >= LATE_SECONDS)
    return dict(islice(late, MOST_BEHIND))


def _stuck(found: Diagnosis, tenant: str) -> Iterator[Need]:
    """Yield work that no failure explains: open for too long, or failed for another tenant."""
    for one in found.findings:
        if one.outcome not in (Outcome.FAILED, Outcome.BLOCKED):
            label = f"{one.type} {one.code} v{one.version}"
            path = f"{item_page(one.type, one.code)}?v={one.version}"
            error = one.error or "open for too long"
            yield Need("command", label, path, one.tenant, one.outcome, one.age, error)
    for name, kind in found.kinds.items():
        for work in kind.findings:
            is_grouped = name == "saga" and work.status in FAILED and work.tenant == tenant
            if not is_grouped:
                subject = by_id(work.id, work.tenant)
                label, path = (subject.label, subject.path) if subject else (work.id, "")
                error = work.error or "open for too long"
                yield Need(name, label, path, work.tenant, work.status, work.age, error)


PAGES: Final = {"": overview}
FORMS: Final[dict[str, Any]] = {}
