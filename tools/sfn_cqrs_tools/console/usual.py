"""The usual time of each state of a machine, from its latest runs that succeeded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Final

from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.console.executions import Executions, Filter
from sfn_cqrs_tools.console.waterfall import Place, place_of
from sfn_local.trace import trace

RUNS: Final = 20
LEAST: Final = 3
"""Fewer visits say nothing."""
KEPT_SECONDS: Final = 600.0
MOST_EVENTS: Final = 5_000
"""A run with more of them is left out."""
P95: Final = 0.95


@dataclass(frozen=True)
class Usual:
    """Seconds of the visits of a state: half take less than the median, 95 % less than `most`."""

    median: float
    most: float
    visits: int


Usuals = Mapping[Place, Usual]


def known_times(executions: Executions, machine: str) -> Usuals | None:
    """Return what was found out within ten minutes, without reading."""
    at, found = executions.usual.get(machine) or (0.0, None)
    return found if time.monotonic() - at < KEPT_SECONDS else None


def usual_times(executions: Executions, machine: str) -> Usuals:
    """Return the usual times of a machine's states, by their places.

    An EXPRESS machine on AWS has none: its log keeps what failed, and is dear to read.
    """
    known = known_times(executions, machine)
    if known is not None:
        return known
    if not executions.keeps(machine):
        return {}
    runs = executions.page(Filter(machine=machine, status="SUCCEEDED"), None, RUNS).runs
    found = times_of(executions, runs)
    executions.usual.put(machine, (time.monotonic(), found))
    return found


def times_of(executions: Executions, runs: list[Run]) -> Usuals:
    """Return how long the visits of each state took in these runs."""
    taken: dict[Place, list[float]] = {}
    for run in runs:
        if executions.unread(run) <= MOST_EVENTS:
            for step in trace(executions.history(run)):
                if step.seconds is not None:
                    taken.setdefault(place_of(step), []).append(step.seconds)
    return {
        place: Usual(median(times), sorted(times)[ceil(P95 * len(times)) - 1], len(times))
        for place, times in taken.items()
        if len(times) >= LEAST
    }
