"""Executions a minute: counted from what Step Functions lists, or as CloudWatch has counted them.

A port with two adapters. The local engine lists all that it has run; on AWS the lists of a busy
stack are long, and those of EXPRESS machines are empty, but each is counted as it begins and ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from sfn_cqrs_tools.console.executions import FAILURES, Executions, Machine

MINUTES: Final = 60
MOST_COUNTED: Final = 2_000
COUNTED_BACK: Final = timedelta(days=1)
"""What began longer ago and ends now is not counted by a list."""
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
class Trend:
    """Executions of each minute: how many began, and how many ended well or otherwise."""

    minutes: list[int]
    """The beginning of each minute, in seconds since 1970."""
    started: list[int]
    succeeded: list[int]
    failed: list[int]

    @classmethod
    def empty(cls, minutes: Iterable[int]) -> Trend:
        """Nothing happened."""
        known = list(minutes)
        return cls(known, *([0] * len(known) for _ in range(3)))

    @property
    def total(self) -> int:
        """How many began."""
        return sum(self.started)

    def count(self, what: str, at: float, amount: int = 1) -> None:
        """Count what happened at a moment, in seconds since 1970; outside of the time nothing."""
        place = (int(at) - self.minutes[0]) // 60
        if 0 <= place < len(self.minutes):
            counts: list[int] = getattr(self, what)
            counts[place] += amount


class Trends(Protocol):
    """Says how many executions of each machine began and ended in each minute of the last hour."""

    def of(self, machines: Sequence[Machine]) -> list[Trend]:
        """One trend a machine, in their order."""


class CountedTrends:
    """Counts what is listed; the latest two thousand executions of a machine at most."""

    def __init__(self, executions: Executions) -> None:
        """Count a stack's."""
        self._executions = executions

    def of(self, machines: Sequence[Machine]) -> list[Trend]:
        """One trend a machine, in their order."""
        return [self._counted(machine) for machine in machines]

    def _counted(self, machine: Machine) -> Trend:
        trend = Trend.empty(last_hour())
        since = datetime.fromtimestamp(trend.minutes[0], UTC) - COUNTED_BACK
        for run in self._executions.started(machine, since, MOST_COUNTED):
            trend.count("started", run.started.timestamp())
            if run.stopped is not None:
                ended = "failed" if run.status in FAILURES else "succeeded"
                trend.count(ended, run.stopped.timestamp())
        return trend


class MeasuredTrends:
    """Asks CloudWatch, once a minute."""

    def __init__(self, cloudwatch: Any) -> None:
        """Ask by a boto3 client."""
        self._cloudwatch = cloudwatch
        self._lock = threading.Lock()
        self._seen: tuple[float, list[str], list[Trend]] = (0.0, [], [])

    def of(self, machines: Sequence[Machine]) -> list[Trend]:
        """One trend a machine, in their order."""
        arns = [machine.arn for machine in machines]
        with self._lock:
            at, known, trends = self._seen
            if known != arns or time.monotonic() - at > MEASURED_SECONDS:
                trends = self._measured(arns)
                self._seen = (time.monotonic(), arns, trends)
            return trends

    def _measured(self, arns: list[str]) -> list[Trend]:
        minutes = last_hour()
        trends = [Trend.empty(minutes) for _ in arns]
        asked = {
            f"m{place}_{name}": (place, name, arn)
            for place, arn in enumerate(arns)
            for name in METRICS
        }
        queries = [_query(id_, name, arn) for id_, (_, name, arn) in asked.items()]
        for found in self._results(queries, minutes):
            place, name, _ = asked[found["Id"]]
            for at, value in zip(found["Timestamps"], found["Values"], strict=True):
                trends[place].count(METRICS[name], at.timestamp(), round(value))
        return trends

    def _results(
        self, queries: list[dict[str, Any]], minutes: list[int]
    ) -> Iterator[dict[str, Any]]:
        pages = self._cloudwatch.get_paginator("get_metric_data")
        for first in range(0, len(queries), MOST_QUERIES):
            for page in pages.paginate(
                MetricDataQueries=queries[first : first + MOST_QUERIES],
                StartTime=datetime.fromtimestamp(minutes[0], UTC),
                EndTime=datetime.fromtimestamp(minutes[-1] + 60, UTC),
            ):
                yield from page["MetricDataResults"]


def last_hour() -> list[int]:
    """The beginnings of the last sixty minutes, this one among them."""
    now = int(time.time()) // 60
    return [minute * 60 for minute in range(now - MINUTES + 1, now + 1)]


def added(trends: Sequence[Trend]) -> Trend:
    """Several trends as one."""
    total = Trend.empty(trends[0].minutes if trends else last_hour())
    for trend in trends:
        for name in ("started", "succeeded", "failed"):
            for at, amount in zip(trend.minutes, getattr(trend, name), strict=True):
                total.count(name, at, amount)
    return total


def _query(id_: str, name: str, arn: str) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/States",
        "MetricName": name,
        "Dimensions": [{"Name": "StateMachineArn", "Value": arn}],
    }
    return {"Id": id_, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
