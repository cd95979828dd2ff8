"""Teaches ministack what AWS does and it does not.

The Python of .venv-fabric runs this file, beside fabric_process.py; it can import nothing of this
package. `up`, the tests and `sam deploy` all meet the same fabric, so a difference is mended here
and nowhere else.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import (  # type: ignore[import-not-found]
    provisioners,
)

Properties = dict[str, Any]


def teach() -> None:
    """Change ministack's functions in this process."""
    record = provisioners._cw_metric_alarm_record
    provisioners._cw_metric_alarm_record = lambda name, given: record(name, of_one_metric(given))


def of_one_metric(alarm: Properties) -> Properties:
    """Return an alarm on the first metric of several.

    ministack refuses metric math. Nobody on this machine listens to alarms.
    """
    if "Metrics" not in alarm:
        return alarm
    first = next(one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one)
    kept = {name: value for name, value in alarm.items() if name != "Metrics"}
    return {**kept, **first["Metric"], "Statistic": "Sum", "Period": first["Period"]}
