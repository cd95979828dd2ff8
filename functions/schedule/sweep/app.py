"""The sweep: every five minutes, and when an execution ends other than well.

It finds what no event will move any more: a lost start, an execution that died without its
Catch, a publisher that died, a wake that was lost. What only queues is left alone.
"""

import json
from collections import Counter
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sfn_cqrs.adapters.transient import is_transient
from sfn_cqrs.domain.errors import TransientError
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.state import naming_transient, remaining_ms_of
from sfn_cqrs.service.sweep import KINDS, Kind, sweep, sweep_ended


@naming_transient()
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Sweep what an execution that has ended worked on, or all that has been open for long.

    Raises:
        TransientError: AWS was busy; the other kinds are swept all the same.
    """
    if event.get("detail-type") == "Step Functions Execution Status Change":
        detail = event["detail"]
        done = sweep_ended(detail["stateMachineArn"], json.loads(detail["input"]))
        logger.info("swept one", sweep=done, execution=detail["name"])
        return {done: 1}
    swept: Counter[str] = Counter()
    busy: list[str] = []
    for kind in KINDS:
        try:
            swept.update(_swept(kind, context))
        except Exception as error:
            if not is_transient(error):
                raise
            logger.warning("a kind could not be swept", exc_info=error, kind=kind.name)
            busy.append(kind.name)
    if busy:
        raise TransientError(f"not swept: {', '.join(busy)}")
    return dict(swept)


def _swept(kind: Kind[Any], context: Any) -> dict[str, int]:
    report = sweep(kind, lambda: remaining_ms_of(context))
    with single_metric(name=kind.metric, unit=MetricUnit.Seconds, value=report.oldest_age):
        pass
    logger.info("swept", kind=kind.name, sweep=report.done, oldest_open_seconds=report.oldest_age)
    return {f"{kind.name}_{done}": count for done, count in report.done.items()}
