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

from sfn_cqrs_tools.client.diagnosis import Diagnosis, diagnose
from sfn_cqrs_tools.console.application import Ask, View
from sfn_cqrs_tools.console.executions import Filter, Machine
from sfn_cqrs_tools.console.failures import Failures, failures
from sfn_cqrs_tools.console.needs import Need, decisions, refused, stuck, waits
from sfn_cqrs_tools.console.pages.queues import Queue, Sweep, queues, sweeps
from sfn_cqrs_tools.console.standing import Seen, seen
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
    needs: list[Need]
    trend: Trend
    lanes: list[tuple[Machine, Trend]]
    queues: list[Queue]
    sweeps: list[Sweep]
    lately: list[Seen]


@dataclass
class Glance:
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
        self._seen: dict[tuple[int, Who, str], Glance] = {}
        self._trends: dict[int, Trends] = {}

    def of(self, ask: Ask, span: str) -> Sight:
        """Return the latest sight of a stack, over a span of time."""
        key = (id(ask.backend), ask.who, span)
        with self._lock:
            known = self._seen.get(key)
            age = time.monotonic() - known.at if known else inf
            if known is not None and age < STALE_SECONDS and known.error is None:
                if age > KEPT_SECONDS * ask.backend.look_seconds and not known.is_looking:
                    known.is_looking = True
                    threading.Thread(target=self._look, args=(key, ask, span), daemon=True).start()
                return known.shown()
        return self._look(key, ask, span).shown()

    def _look(self, key: tuple[int, Who, str], ask: Ask, span: str) -> Glance:
        try:
            found = Glance(time.monotonic(), look(ask, self._trends_of(ask), SPANS[span]))
        except Exception as error:  # the page says what it is
            found = Glance(time.monotonic(), error=error)
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
            "lately": sight.lately,
            "stuck": sight.needs[:SHOWN_STUCK],
            "inbox": inbox[:SHOWN_INBOX],
            "waits": len(inbox),
            "needs": sight.failures.count + len(sight.needs) + len(inbox),
            "is_new": not sight.trend.total and not any(one.open for one in sight.figures),
        },
        is_live=True,
    )


def look(ask: Ask, trends: Trends, span: Span) -> Sight:
    """Look at everything."""
    backend = ask.backend
    found = diagnose(backend.target, STUCK, with_claims=False, tenant=ask.who.tenant)
    failed = failures(ask)
    machines = ask.executions.machines()
    lanes = list(zip(machines, trends.of(machines, span), strict=True))
    needs = [*stuck(found), *waits(ask), *refused(ask), *decisions(ask)]
    needs.sort(key=lambda need: need.age, reverse=True)
    return Sight(
        [replace(one, trend=_trend_of(one.name, lanes)) for one in _figures(found, failed, needs)],
        failed,
        needs,
        added([trend for _, trend in lanes]),
        [(machine, trend) for machine, trend in lanes if not machine.is_express or trend.total],
        queues(backend),
        sweeps(backend),
        seen(ask, ask.executions.page(Filter(tenant=ask.who.tenant), limit=LATELY).runs),
    )


def _with_waiting(figure: Figure, waiting: int) -> Figure:
    """Approvals count while they wait; the index has them only once a reminder is due."""
    return replace(figure, open=waiting) if figure.name == "approval" else figure


def _trend_of(kind: str, lanes: list[tuple[Machine, Trend]]) -> Trend:
    """Return the trend of the machines of a kind."""
    (names,) = (names for name, _, _, names in KINDS if name == kind)
    return added([trend for machine, trend in lanes if re.fullmatch(names, machine.short)])


def _figures(found: Diagnosis, failed: Failures, open_: list[Need]) -> Iterator[Figure]:
    needs = Counter(need.kind for need in open_)
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


PAGES: Final = {"": overview}
FORMS: Final[dict[str, Any]] = {}
