"""SQL that fails, as a metric: an alarm looks whether it goes on."""

from typing import Final

METRIC: Final = "SqlFailures"


def tell() -> None:
    """Count a failure; nothing is printed, and nothing costs, until there is one."""
    from aws_lambda_powertools.metrics import (  # noqa: PLC0415 - no start waits for it
        MetricUnit,
        single_metric,
    )

    with single_metric(name=METRIC, unit=MetricUnit.Count, value=1):
        pass
