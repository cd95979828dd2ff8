"""Metrics of executions and Map Runs."""

from typing import Any

from sfn_local.engine.core import Core
from sfn_local.executions.measured import NAMESPACE, Measured, gauge
from sfn_local.quotas import QUOTAS


class MetricsApi(Core):
    """The operations on metrics."""

    def measure(self) -> Measured:
        """Return what counts the engine's executions from now on."""
        measured = Measured()
        with self._lock:
            self._measured.append(measured)
        return measured

    def metrics(self, measured: Measured, *, anew: bool = False) -> dict[str, Any]:
        """Return the parameters of PutMetricData: the counts, and the numbers of open runs.

        With anew, it counts from zero again.
        """
        with self._lock:
            counted = measured.data()
            if anew:
                measured.reset()
            open_now = [
                gauge("OpenExecutionCount", self._executions.open),
                gauge("OpenExecutionLimit", QUOTAS.open_executions),
                gauge("ApproximateOpenMapRunCount", self._map_runs.open),
                gauge("OpenMapRunLimit", QUOTAS.open_map_runs),
                gauge("ApproximateMapRunBacklogSize", self._map_runs.backlog),
            ]
        return {"Namespace": NAMESPACE, "MetricData": [*open_now, *counted]}
