"""Which handlers of a stack have been too slow for the express lane, as its functions told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from sfn_cqrs.machines.command.state import METRIC
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.log_lines import parsed

NAMESPACE: Final = "sfn-cqrs"
LOOKED_BACK: Final = timedelta(days=1)
Told = Iterator[tuple[str, str, float]]
"""A type, a handler and the seconds that it took."""


def slow_handlers(target: Target, now: datetime, cloudwatch: Any = None) -> Iterator[str]:
    """Report slow handlers and a remedy: on AWS of the last day, locally since the stack began."""
    if target.log is None and target.stack is None:
        return
    most: dict[tuple[str, str], float] = {}
    try:
        for type_, handler, seconds in (
            _in_log(target.log)
            if target.log is not None
            else _on_aws(cloudwatch or target.client("cloudwatch"), str(target.stack), now)
        ):
            most[type_, handler] = max(most.get((type_, handler), 0.0), seconds)
    except (BotoCoreError, ClientError) as error:
        yield f"which handlers are too slow for the express lane cannot be seen: {error}"
    for (type_, handler), seconds in sorted(most.items()):
        yield (
            f"{type_}: {handler} took {seconds:.0f} s, too long for the express lane;"
            f' command_type("{type_}", lane="standard") keeps the type out of it'
        )


def _in_log(log: Path) -> Told:
    with log.open(encoding="utf-8", errors="replace") as file:
        for line in parsed(line for line in file if METRIC in line):
            if METRIC in line.fields:
                (seconds,) = line.fields[METRIC]
                yield line.fields["type"], line.fields["handler"], seconds


def _on_aws(cloudwatch: Any, stack: str, now: datetime) -> Told:
    pages = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=NAMESPACE,
        MetricName=METRIC,
        Dimensions=[{"Name": "service", "Value": stack}],
    )
    for metric in (each for page in pages for each in page["Metrics"]):
        named = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        points = cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=METRIC,
            Dimensions=metric["Dimensions"],
            StartTime=now - LOOKED_BACK,
            EndTime=now,
            Period=round(LOOKED_BACK.total_seconds()),
            Statistics=["Maximum"],
        )["Datapoints"]
        for point in points:
            yield named["type"], named["handler"], point["Maximum"]
