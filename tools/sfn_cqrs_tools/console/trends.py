"""Executions over time: counted from what Step Functions lists, or as CloudWatch has counted them.

A port with two adapters. The local engine lists all that it has run; on AWS the lists of a busy
stack are long, and those of EXPRESS machines are empty, but each is counted as it begins and ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from sfn_cqrs_tools.client.runs import FAILURES
from sfn_cqrs_tools.console.executions import Executions, Machine

BARS: Final = 60
MOST_COUNTED: Final = 10_000
"""The largest number counted of a machine's list; the count of a longer list is partial."""
COUNTED_BACK: Final = timedelta(days=1)
"""Executions that started earlier are not counted, even if they end now."""
MEASURED_SECONDS: Final = 60.0
"""CloudWatch has a value a minute, and charges for each that is asked for."""
STARTED: Final = "ExecutionsStarted"
METRICS: Final = {
    STARTED: "started",
    "ExecutionsSucceeded": "succeeded",
    "ExecutionsFailed": "failed",
    "ExecutionsTimedOut": "failed",
    "ExecutionsAborted": "failed",
}
MOST_QUERIES: Final = 500


@dataclass(frozen=True)
class Span:
    """A time up to now, which is counted in sixty bars of so many seconds."""

    label: str
    seconds: int


SPANS: Final = {
    "1h": Span("last hour", 60),
    "24h": Span("last 24 hours", 24 * 60),
    "7d": Span("last 7 days", 7 * 24 * 60),
    "30d": Span("last 30 days", 30 * 24 * 60),
}
HOUR: Final = SPANS["1h"]


@dataclass(frozen=True)
class Trend:
    """Executions of each bar: how many began, and how many ended well or otherwise."""

    bars: list[int]
    """The beginning of each, in seconds since 1970."""
    started: list[int]
    succeeded: list[int]
    failed: list[int]
    is_cut: bool = False
    """Whether there were more than are counted."""

    @classmethod
    def empty(cls, bars: Iterable[int]) -> Trend:
        """Return a trend without executions."""
        known = list(bars)
        started, succeeded, failed = ([0] * len(known) for _ in range(3))
        return cls(known, started, succeeded, failed)

    @property
    def total(self) -> int:
        """Return the number of executions that began."""
        return sum(self.started)

    def count(self, what: str, at: float, amount: int = 1) -> None:
        """Count what happened at a moment, in seconds since 1970; outside of the time nothing."""
        place = (int(at) - self.bars[0]) // (self.bars[1] - self.bars[0])
        if 0 <= place < len(self.bars):
            counts: list[int] = getattr(self, what)
            counts[place] += amount


class Trends(Protocol):
    """Says how many executions of each machine began and ended in each bar of a span."""

    def of(self, machines: Sequence[Machine], span: Span = HOUR) -> list[Trend]:
        """Return one trend for each machine, in their order."""


class CountedTrends:
    """Counts what is listed; the latest ten thousand executions of a machine at most."""

    def __init__(self, executions: Executions) -> None:
        """Count a stack's."""
        self._executions = executions

    def of(self, machines: Sequence[Machine], span: Span = HOUR) -> list[Trend]:
        """Return one trend for each machine, in their order."""
        return [self._counted(machine, span) for machine in machines]

    def _counted(self, machine: Machine, span: Span) -> Trend:
        trend, listed = Trend.empty(bars_of(span)), 0
        since = datetime.fromtimestamp(trend.bars[0], UTC) - COUNTED_BACK
        for run in self._executions.started(machine, since, MOST_COUNTED):
            trend.count("started", run.started.timestamp())
            if run.stopped is not None:
                ended = "failed" if run.status in FAILURES else "succeeded"
                trend.count(ended, run.stopped.timestamp())
            listed += 1
        return replace(trend, is_cut=listed == MOST_COUNTED)


class MeasuredTrends:
    """Asks CloudWatch, once a minute."""

    def __init__(self, cloudwatch: Any) -> None:
        """Ask by a boto3 client."""
        self._cloudwatch = cloudwatch
        self._lock = threading.Lock()
        self._seen: dict[Span, tuple[float, list[str], list[Trend]]] = {}

    def of(self, machines: Sequence[Machine], span: Span = HOUR) -> list[Trend]:
        """Return one trend for each machine, in their order."""
        arns = [machine.arn for machine in machines]
        with self._lock:
            at, known, trends = self._seen.get(span, (0.0, [], []))
            if known != arns or time.monotonic() - at > MEASURED_SECONDS:
                trends = self._measured(arns, span)
                self._seen[span] = (time.monotonic(), arns, trends)
            return trends

    def _measured(self, arns: list[str], span: Span) -> list[Trend]:
        bars = bars_of(span)
        trends = [Trend.empty(bars) for _ in arns]
        asked = {
            f"m{place}_{name}": (place, name, arn)
            for place, arn in enumerate(arns)
            for name in METRICS
        }
        queries = [_query(id_, name, arn, span) for id_, (_, name, arn) in asked.items()]
        for found in self._results(queries, bars, span):
            place, name, _ = asked[found["Id"]]
            for at, value in zip(found["Timestamps"], found["Values"], strict=True):
                trends[place].count(METRICS[name], at.timestamp(), round(value))
        return trends

    def _results(
        self, queries: list[dict[str, Any]], bars: list[int], span: Span
    ) -> Iterator[dict[str, Any]]:
        pages = self._cloudwatch.get_paginator("get_metric_data")
        for first in range(0, len(queries), MOST_QUERIES):
            for page in pages.paginate(
                MetricDataQueries=queries[first : first + MOST_QUERIES],
                StartTime=datetime.fromtimestamp(bars[0], UTC),
                EndTime=datetime.fromtimestamp(bars[-1] + span.seconds, UTC),
            ):
                yield from page["MetricDataResults"]


def bars_of(span: Span) -> list[int]:
    """Return the beginnings of the sixty bars of a span, that of now among them."""
    now = int(time.time()) // span.seconds
    return [bar * span.seconds for bar in range(now - BARS + 1, now + 1)]


def added(trends: Sequence[Trend]) -> Trend:
    """Several trends as one."""
    total = Trend.empty(trends[0].bars if trends else bars_of(HOUR))
    for trend in trends:
        for name in ("started", "succeeded", "failed"):
            for at, amount in zip(trend.bars, getattr(trend, name), strict=True):
                total.count(name, at, amount)
    return replace(total, is_cut=any(trend.is_cut for trend in trends))


def _query(id_: str, name: str, arn: str, span: Span) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/States",
        "MetricName": name,
        "Dimensions": [{"Name": "StateMachineArn", "Value": arn}],
    }
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": span.seconds, "Stat": "Sum"}}
