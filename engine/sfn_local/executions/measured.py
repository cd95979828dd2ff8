"""The metrics of AWS/States: counts and times of executions, and numbers of open runs.

Source: Step Functions Developer Guide, "Monitoring Step Functions metrics using Amazon
CloudWatch". The children of a Map Run are not counted as executions.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sfn_local.executions.execution import Execution

NAMESPACE = "AWS/States"
ACCOUNT = ""  # in the place of a machine's ARN

Datum = dict[str, Any]


@dataclass(slots=True)
class Times:
    """How long executions took, in milliseconds."""

    count: int = 0
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0

    def add(self, millis: float) -> None:
        """Add an execution."""
        self.least = min(self.least, millis) if self.count else millis
        self.most = max(self.most, millis)
        self.count += 1
        self.total += millis


class Measured:
    """Counts what executions do, from the moment it is made or last taken."""

    def __init__(self) -> None:
        """Start at zero."""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._times: dict[str, Times] = {}

    def status_changed(self, execution: Execution) -> None:
        """Count a start, a redrive or an end. Needs the lock."""
        if execution.is_running:
            started = "ExecutionsRedriven" if execution.redrive_count else "ExecutionsStarted"
            self._count(execution, started)
            return
        ended = f"Executions{execution.status.title().replace('_', '')}"
        self._count(execution, ended)
        if execution.redrive_count:
            self._count(execution, f"Redriven{ended}")
        millis = ((execution.stopped or execution.started) - execution.started) * 1000
        for arn in (ACCOUNT, execution.machine.arn):
            self._times.setdefault(arn, Times()).add(millis)

    def _count(self, execution: Execution, name: str) -> None:
        self._counts[ACCOUNT, name] += 1
        self._counts[execution.machine.arn, name] += 1

    def data(self) -> list[Datum]:
        """Return what was counted, as PutMetricData takes it. Needs the lock."""
        return [*_of_counts(self._counts), *_of_times(self._times)]

    def reset(self) -> None:
        """Count anew. Needs the lock."""
        self._counts.clear()
        self._times.clear()


def gauge(name: str, value: int) -> Datum:
    """Return the datum of a metric without dimensions."""
    return {"MetricName": name, "Dimensions": [], "Value": value, "Unit": "Count"}


def _of_counts(counts: Counter[tuple[str, str]]) -> Iterator[Datum]:
    for (arn, name), value in counts.items():
        yield {"MetricName": name, "Dimensions": _of(arn), "Value": value, "Unit": "Count"}


def _of_times(every: dict[str, Times]) -> Iterator[Datum]:
    for arn, times in every.items():
        statistics = {
            "SampleCount": times.count,
            "Sum": times.total,
            "Minimum": times.least,
            "Maximum": times.most,
        }
        yield {
            "MetricName": "ExecutionTime",
            "Dimensions": _of(arn),
            "StatisticValues": statistics,
            "Unit": "Milliseconds",
        }


def _of(arn: str) -> list[dict[str, str]]:
    return [{"Name": "StateMachineArn", "Value": arn}] if arn else []
