"""A history as bars over time: one row a state, however often it was visited.

A long time in which a state waits, or nothing runs, is folded; a time of work never is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import inf
from typing import Any, Final, Protocol

from sfn_local.graph import CAUGHT, FAILED, RUNNING, SUCCEEDED
from sfn_local.trace import Step, owners, trace

CALLBACK: Final = ".waitForTaskToken"
WIDTH: Final = 1000.0
"""The width of the whole time span, in the units of the bars."""
FOLD: Final = 60.0
SMALLEST: Final = 3.0
MOST_BARS: Final = 240
MOST_ROWS: Final = 400
LONG_GAP: Final = 5.0
"""A gap in which nothing happens is folded if it is so many times all the shorter ones."""
SHORTEST_GAP_SECONDS: Final = 2.0
Place = tuple[int, str]
"""A row: how many states it is inside of, and their names with its own."""
SLOW: Final = 2.0
"""A visit is slow if it took so many times the median, and longer than 95 % of all."""
LEAST_SLOW_SECONDS: Final = 0.05
_RANKS: Final = (SUCCEEDED, CAUGHT, RUNNING, FAILED)


class Typical(Protocol):
    """The usual seconds of one visit of a state."""

    @property
    def median(self) -> float:
        """Return what half of the visits took less than."""

    @property
    def most(self) -> float:
        """Return what nearly all of them took less than."""


@dataclass(frozen=True)
class Bar:
    """A visit, or many that lie side by side."""

    x: float
    width: float
    outcome: str


@dataclass
class Row:
    """The visits of one state in one place of the run; `step` is the number of the last one."""

    name: str
    type: str
    depth: int
    outcome: str
    count: int
    attempts: int
    seconds: float | None
    error: str
    step: int
    bars: list[Bar] = field(default_factory=list)
    usual: Typical | None = None
    longest: float = 0.0
    """The seconds of the longest visit."""

    @property
    def slower(self) -> float | None:
        """Return how many times its usual the longest visit took, or None if that is nothing."""
        usual = self.usual
        if usual is None or self.longest <= usual.most:
            return None
        times = self.longest / max(usual.median, 0.001)
        is_slow = times >= SLOW and self.longest - usual.median >= LEAST_SLOW_SECONDS
        return times if is_slow else None


@dataclass(frozen=True)
class Fold:
    """A gap that is drawn shorter than it was; `waits` names the state that waited in it."""

    x: float
    width: float
    seconds: float
    waits: str = ""


@dataclass(frozen=True)
class Tick:
    """A moment on the axis, in seconds since the start."""

    x: float
    seconds: float


@dataclass(frozen=True)
class Waterfall:
    """What is drawn; `hidden` rows are left out."""

    rows: list[Row]
    folds: list[Fold]
    ticks: list[Tick]
    seconds: float
    hidden: int
    knots: list[tuple[float, float]]
    """Seconds and places between which time goes on evenly."""

    @property
    def is_compared(self) -> bool:
        """Return whether the usual time of any state is known."""
        return any(row.usual is not None for row in self.rows)


@dataclass(frozen=True)
class Span:
    """A time in which something was at work, or the state `waits` waited."""

    begin: datetime
    end: datetime
    waits: str = ""

    def holds(self, begin: datetime, end: datetime) -> bool:
        """Return whether it went on all the time between two moments."""
        return self.begin <= begin and self.end >= end


class Axis:
    """Time to place, with long gaps folded."""

    def __init__(self, moments: Sequence[datetime], spans: Sequence[Span] = ()) -> None:
        """Take the moments at which something happened, in order, and what went on meanwhile."""
        first, last = moments[0], moments[-1]
        self.start, self.seconds = first, (last - first).total_seconds()
        gaps = [(a, b, (b - a).total_seconds()) for a, b in pairwise(moments)]
        least = _shortest_fold([length for _, _, length in gaps])
        long = [gap for gap in gaps if gap[2] >= least]
        held = [(gap, [one for one in spans if one.holds(*gap[:2])]) for gap in long]
        folded = [(gap, open_) for gap, open_ in held if all(one.waits for one in open_)]
        work = self.seconds - sum(gap[2] for gap, _ in folded)
        room = WIDTH - FOLD * len(folded)
        scale = room / work if work > 0 else 0.0
        self._knots: list[tuple[float, float]] = [(0.0, 0.0)]
        self.folds: list[Fold] = []
        for (begin, end, length), open_ in folded:
            self._reach(self._at(begin), scale)
            x = self._knots[-1][1]
            self.folds.append(Fold(x, FOLD, length, open_[0].waits if open_ else ""))
            self._knots.append((self._at(end), x + FOLD))
        self._reach(self.seconds, scale)

    def x(self, moment: datetime) -> float:
        """Return the position of a moment."""
        return self.x_at(self._at(moment))

    def x_at(self, seconds: float) -> float:
        """Return the position of a time in seconds after the start."""
        index = bisect_right(self._knots, (seconds, WIDTH + 1)) - 1
        if index >= len(self._knots) - 1:
            return min(self._knots[-1][1], WIDTH)
        (t1, x1), (t2, x2) = self._knots[index], self._knots[index + 1]
        return x1 + (x2 - x1) * (seconds - t1) / (t2 - t1) if t2 > t1 else x2

    def ticks(self) -> list[Tick]:
        """Return evenly spread moments outside the folds."""
        return [
            Tick(x, self._seconds_at(x))
            for x in (WIDTH * step / 4 for step in range(5))
            if not any(fold.x < x < fold.x + fold.width for fold in self.folds)
        ]

    @property
    def knots(self) -> list[tuple[float, float]]:
        """Return the places where the scale changes."""
        return [(round(seconds, 4), round(x, 2)) for seconds, x in self._knots]

    def _at(self, moment: datetime) -> float:
        return (moment - self.start).total_seconds()

    def _reach(self, seconds: float, scale: float) -> None:
        before, x = self._knots[-1]
        if seconds > before:
            self._knots.append((seconds, x + (seconds - before) * scale))

    def _seconds_at(self, x: float) -> float:
        for (t1, x1), (t2, x2) in pairwise(self._knots):
            if x <= x2 and x2 > x1:
                return t1 + (t2 - t1) * (x - x1) / (x2 - x1)
        return self.seconds


def waterfall(
    events: list[dict[str, Any]],
    now: datetime | None,
    usual: Mapping[Place, Typical] | None = None,
) -> Waterfall | None:
    """Draw a history; `now` ends the bars of what runs. None where no state was entered."""
    steps = trace(events)
    if not steps:
        return None
    moments = [event["timestamp"] for event in events]
    moments += [now] if now is not None and now > moments[-1] else []
    end = max(moments)
    axis = Axis(sorted(moments), _spans(events, steps, end))
    groups: dict[Place, list[tuple[int, Step]]] = {}
    for number, step in enumerate(steps):
        groups.setdefault(place_of(step), []).append((number, step))
    drawn = [
        _row(groups[place], axis, end, (usual or {}).get(place), is_running=now is not None)
        for place in nested(groups)[:MOST_ROWS]
    ]
    hidden = max(len(groups) - MOST_ROWS, 0)
    return Waterfall(drawn, axis.folds, axis.ticks(), axis.seconds, hidden, axis.knots)


def _spans(events: list[dict[str, Any]], steps: list[Step], end: datetime) -> list[Span]:
    """Return the visits; a Map or Parallel only if it has no state of its own inside."""
    waiting = _waiting(events)
    around = {id(step.parent) for step in steps}
    return [
        Span(step.entered, _ended(step, end), step.name if _place_in_time(step) in waiting else "")
        for step in steps
        if id(step) not in around
    ]


def _waiting(events: list[dict[str, Any]]) -> set[tuple[str, datetime]]:
    """Return the visits that waited: for a time, or for somebody to answer a token."""
    owner = owners(events)
    found = set()
    for event in events:
        step = owner.get(event["id"])
        resource = event.get("taskScheduledEventDetails", {}).get("resource", "")
        if step is not None and (step.type == "Wait" or resource.endswith(CALLBACK)):
            found.add(_place_in_time(step))
    return found


def _place_in_time(step: Step) -> tuple[str, datetime]:
    """Return a visit's identity, which is the same each time its history is read."""
    return step.name, step.entered


def outcome_of(step: Step, *, is_running: bool) -> str:
    """Return the outcome of a visit."""
    if step.exited is not None:
        return CAUGHT if step.was_caught else SUCCEEDED
    return RUNNING if is_running else FAILED


def verdict(step: Step, *, is_running: bool) -> str:
    """Say what became of a visit; one that others ended is stopped, and has not failed itself."""
    outcome = outcome_of(step, is_running=is_running)
    return "stopped" if outcome == FAILED and step.error is None else outcome


def _shortest_fold(gaps: list[float]) -> float:
    """From which length on gaps are folded."""
    shorter = 0.0
    for gap in sorted(gaps):
        if shorter and gap >= max(SHORTEST_GAP_SECONDS, LONG_GAP * shorter):
            return gap
        shorter += gap
    return inf


def place_of(step: Step) -> Place:
    """Return the row of a visit; visits inside the same states share a row."""
    names: list[str] = []
    parent = step.parent
    while parent is not None:
        names.append(parent.name)
        parent = parent.parent
    return len(names), "\0".join([*reversed(names), step.name])


def nested(groups: Mapping[Place, list[tuple[int, Step]]]) -> list[Place]:
    """Return the rows, each behind the state that it is inside of."""
    inner: dict[str, list[Place]] = {}
    for place in groups:
        inner.setdefault(place[1].rpartition("\0")[0] if place[0] else "", []).append(place)
    ordered: list[Place] = []
    waiting = inner.get("", [])[::-1]
    while waiting:
        place = waiting.pop()
        ordered.append(place)
        if groups[place][0][1].type in ("Map", "Parallel"):
            waiting += inner.get(place[1], [])[::-1]
    return ordered


def _ended(step: Step, end: datetime) -> datetime:
    """Return the end of a visit; a failed one ended with the state that contains it."""
    within: Step | None = step
    while within is not None:
        if within.exited is not None:
            return within.exited
        within = within.parent
    return end


def _row(
    visits: list[tuple[int, Step]],
    axis: Axis,
    end: datetime,
    usual: Typical | None,
    *,
    is_running: bool,
) -> Row:
    first = visits[0][1]
    bars: list[Bar] = []
    for _, step in visits:
        x, until = axis.x(step.entered), axis.x(_ended(step, end))
        bars.append(Bar(x, until - x, outcome_of(step, is_running=is_running)))
    worst = max(
        range(len(bars)),
        key=lambda index: (
            _RANKS.index(bars[index].outcome),
            visits[index][1].error is not None,
            index,
        ),
    )
    number, step = visits[worst]
    spent = [each.seconds for _, each in visits if each.seconds is not None]
    return Row(
        first.name,
        first.type,
        first.depth,
        bars[worst].outcome,
        len(visits),
        sum(max(each.attempts, 1) for _, each in visits),
        sum(spent) if len(spent) == len(visits) else None,
        step.error or "",
        number,
        _merged(bars),
        usual,
        max((_ended(each, end) - each.entered).total_seconds() for _, each in visits),
    )


def _merged(bars: list[Bar]) -> list[Bar]:
    """Bars wide enough to be seen; of too many, the worst of each place."""
    wide = [
        Bar(min(bar.x, WIDTH - SMALLEST), max(bar.width, SMALLEST), bar.outcome) for bar in bars
    ]
    if len(wide) <= MOST_BARS:
        return [_rounded(bar) for bar in wide]
    size = WIDTH / MOST_BARS
    cells: dict[int, str] = {}
    for bar in wide:
        for cell in range(int(bar.x / size), int((bar.x + bar.width) / size) + 1):
            cells[cell] = max(cells.get(cell, SUCCEEDED), bar.outcome, key=_RANKS.index)
    merged: list[Bar] = []
    before = None
    for cell, outcome in sorted(cells.items()):
        if before == (cell - 1, outcome):
            merged[-1] = Bar(merged[-1].x, merged[-1].width + size, outcome)
        else:
            merged.append(Bar(cell * size, size, outcome))
        before = (cell, outcome)
    return [_rounded(bar) for bar in merged]


def _rounded(bar: Bar) -> Bar:
    return Bar(round(bar.x, 1), round(min(bar.width, WIDTH - bar.x), 1), bar.outcome)
