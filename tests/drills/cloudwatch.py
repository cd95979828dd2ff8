"""CloudWatch as alarms see it: metrics by namespace, name and dimensions, and alarms over them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, inf
from statistics import quantiles
from typing import Any

MINUTE = 60
TELLS = {"ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
Key = tuple[str, str, tuple[tuple[str, str], ...]]
Value = float | None
"""None: there are no data."""


@dataclass
class CloudWatch:
    """The values of every metric, each with the second that it is of."""

    values: defaultdict[Key, list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def put(
        self, at: float, namespace: str, name: str, value: float = 1.0, **dimensions: str
    ) -> None:
        """Take a value of a metric."""
        key = namespace, name, tuple(sorted(dimensions.items()))
        self.values[key].append((at, value))

    def within(self, metric: Mapping[str, Any], begin: float, end: float) -> list[float]:
        """The values of a metric, which an alarm names, from a second to before another."""
        dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
        key = metric["Namespace"], metric["MetricName"], tuple(sorted(dimensions.items()))
        return [value for at, value in self.values.get(key, ()) if begin <= at < end]


@dataclass(frozen=True)
class Alarm:
    """An alarm of the template, resolved."""

    name: str
    properties: Mapping[str, Any]

    @property
    def metric(self) -> Mapping[str, Any]:
        """What it is about: its metric, or the one that its expression begins with."""
        return next(self._metrics()) if "Metrics" in self.properties else self.properties

    @property
    def dimension(self) -> tuple[str, str]:
        """Of what it is about: the dimension and its value."""
        return next(self.dimensions, ("", ""))

    @property
    def dimensions(self) -> Iterator[tuple[str, str]]:
        """The dimensions of all its metrics, each with its value."""
        metrics = self._metrics() if "Metrics" in self.properties else iter([self.properties])
        return (
            (one["Name"], one["Value"])
            for metric in metrics
            for one in metric.get("Dimensions", [])
        )

    @property
    def period(self) -> int:
        """Seconds of a period."""
        if "Metrics" not in self.properties:
            return int(self.properties["Period"])
        (period,) = {int(each["MetricStat"]["Period"]) for each in self._stats()}
        return period

    def state(self, watch: CloudWatch, now: float) -> str:
        """OK, ALARM or INSUFFICIENT_DATA, by the last of its periods before now."""
        values = [self._value(watch, now - (nth + 1) * self.period) for nth in range(self.periods)]
        missing = self.properties["TreatMissingData"]
        if missing == "missing" and all(value is None for value in values):
            return "INSUFFICIENT_DATA"
        is_over = all(
            missing == "breaching" if value is None else value >= self.properties["Threshold"]
            for value in values
        )
        return "ALARM" if is_over else "OK"

    @property
    def periods(self) -> int:
        """How many periods in a row decide."""
        return int(self.properties["EvaluationPeriods"])

    def told(self, watch: CloudWatch, begin: float, end: float) -> Iterator[tuple[float, str]]:
        """Yield each full minute at which somebody is told, and of which state."""
        for at, state in self.changes(watch, begin, end):
            if self.properties.get(TELLS.get(state, "")):
                yield at, state

    def changes(self, watch: CloudWatch, begin: float, end: float) -> Iterator[tuple[float, str]]:
        """Yield each full minute at which the state is another, and which.

        An alarm begins in INSUFFICIENT_DATA, of which nobody is told then.
        """
        before = "INSUFFICIENT_DATA"
        for minute in range(ceil(begin / MINUTE), ceil(end / MINUTE) + 1):
            state = self.state(watch, minute * MINUTE)
            if state != before:
                yield minute * float(MINUTE), state
            before = state

    def _value(self, watch: CloudWatch, begin: float) -> Value:
        """The one value of the period that begins then."""
        if "Metrics" not in self.properties:
            statistic = self.properties.get("Statistic") or self.properties["ExtendedStatistic"]
            return _statistic(statistic, watch.within(self.properties, begin, begin + self.period))
        known: dict[str, Any] = {
            each["Id"]: _statistic(
                each["MetricStat"]["Stat"],
                watch.within(each["MetricStat"]["Metric"], begin, begin + self.period),
            )
            for each in self._stats()
        }
        *between, last = sorted(self._expressions(), key=lambda each: each.get("ReturnData", True))
        try:
            for each in (*between, last):
                known[each["Id"]] = eval(each["Expression"], {"FILL": _fill, "IF": _if}, known)
            return float(known[last["Id"]])
        except (TypeError, ZeroDivisionError):  # of what has no data there is no share
            return None

    def _expressions(self) -> Iterator[Mapping[str, Any]]:
        return (each for each in self.properties["Metrics"] if "Expression" in each)

    def _stats(self) -> Iterator[Mapping[str, Any]]:
        return (each for each in self.properties["Metrics"] if "MetricStat" in each)

    def _metrics(self) -> Iterator[Mapping[str, Any]]:
        return (each["MetricStat"]["Metric"] for each in self._stats())


def _fill(value: Value, instead: float) -> float:
    return instead if value is None else value


def _if(condition: bool, then: float, otherwise: float) -> float:
    return then if condition else otherwise


def _statistic(name: str, values: list[float]) -> Value:
    if not values:
        return None
    if name.startswith("p"):
        most = quantiles([*values, max(values)], n=100, method="inclusive")
        return most[int(name[1:]) - 1]
    return {
        "Sum": sum(values),
        "Maximum": max(values, default=-inf),
        "Average": sum(values) / len(values),
    }[name]
