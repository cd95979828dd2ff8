"""The sweep: every five minutes, and when an execution ends other than well.

It finds what no event will move any more: a lost start, an execution that died without its
Catch, a publisher that died, a wake that was lost. What only queues is left alone.
"""

import json
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sfn_cqrs.domain import chain
from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.service.chain import Chain
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.sweep import sweep


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sweep the version whose execution has ended, or all that have been open for long."""
    if event.get("detail-type") == "Step Functions Execution Status Change":
        ref = CommandRef.from_input(json.loads(event["detail"]["input"]))
        done = Chain(ref.key).run(chain.sweep(ref.version))
        logger.info("swept one", sweep=done, execution=event["detail"]["name"])
        return {done: 1}
    report = sweep(context.get_remaining_time_in_millis)
    with single_metric(
        name="OldestOpenCommandAge", unit=MetricUnit.Seconds, value=report.oldest_age
    ):
        pass
    logger.info("swept", sweep=report.done, oldest_open_seconds=report.oldest_age)
    return report.done
