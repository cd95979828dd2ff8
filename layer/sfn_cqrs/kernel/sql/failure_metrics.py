"""SQL failures as a metric, for an alarm on failures that continue."""

from typing import Final

METRIC: Final = "SqlFailures"


def tell() -> None:
    """Count a failure; without failures, nothing is printed and nothing costs."""
    from aws_lambda_powertools.metrics import (  # noqa: PLC0415 - no start waits for it
        MetricUnit,
        single_metric,
    )

    with single_metric(name=METRIC, unit=MetricUnit.Count, value=1):
        pass
