"""The loop of every consumer of a queue that a topic feeds."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.service.context import LambdaHandler
from sfn_cqrs.service.logs import logged_as, logger
from sfn_cqrs.service.state import remaining_ms_of


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice as the queue delivers it.

    `receives` is how often it has come, this time included; `remaining_ms` says how long the
    function may still run.
    """

    notice: dict[str, Any]
    receives: int
    remaining_ms: Callable[[], int]


def queue_consumer(handle: Callable[[Delivery], None]) -> LambdaHandler:
    """Make a Lambda handler of a function of one message.

    A message whose function raises comes again, and in the end goes to the queue's dead letters.
    """

    def lambda_handler(event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
        failures = []
        for record in event["Records"]:
            with logged_as(message_id=record["messageId"]):
                try:
                    handle(_delivery(record, lambda_context))
                except Exception:
                    logger.exception("a message will be delivered again")
                    failures.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failures}

    return lambda_handler


def _delivery(record: dict[str, Any], lambda_context: Any) -> Delivery:
    return Delivery(
        json.loads(json.loads(record["body"])["Message"]),
        int(record["attributes"]["ApproximateReceiveCount"]),
        lambda: remaining_ms_of(lambda_context),
    )
