"""The loop of every consumer of a queue that a topic feeds."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.queue import Queue
from sfn_cqrs.kernel.aws.tracing import within
from sfn_cqrs.kernel.functions.context import LambdaHandler
from sfn_cqrs.kernel.functions.logs import logged_as, logger, naming_request
from sfn_cqrs.kernel.functions.state import naming_transient, remaining_ms_of
from sfn_cqrs.kernel.traces import Trace

RECEIVES = 17
"""How often a message is delivered until it is a dead letter: for 36 minutes on average."""
FIRST_PAUSE_SECONDS = 2
LONGEST_PAUSE_SECONDS = 300
POSTPONE_TRIES = 3


Notice = dict[str, Any]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice as the queue delivers it.

    `receives` counts its deliveries, this one included. `remaining_ms` returns how long the
    function may still run.
    """

    notice: Notice
    receives: int
    remaining_ms: Callable[[], int]

    @property
    def is_first(self) -> bool:
        """Return whether it was never delivered before."""
        return self.receives == 1

    @property
    def tries_left(self) -> int:
        """Return how often it is still tried if it fails; with none left it is a dead letter."""
        return max(0, RECEIVES - self.receives)


def consumer_of(
    queue: Callable[[], Queue],
) -> Callable[[Callable[[Delivery], None]], LambdaHandler]:
    """Return a decorator that makes a Lambda handler of a function of one message of a queue.

    If the function raises, its message comes again, soon at first and then ever later. In the end
    it goes to the queue's dead letters. If the function dies, its message comes again after the
    queue's visibility timeout.

    The function runs within the trace that its notice names.

    The queue is asked for only then, so a function gives `lambda: bootstrap.task_actions()`: the
    parts of a room are imported when they are first used.
    """

    def handler_of(handle: Callable[[Delivery], None]) -> LambdaHandler:
        bootstrap.prepare()

        @naming_request
        def lambda_handler(event: dict[str, Any], lambda_context: Any) -> dict[str, Any]:
            failed = []
            for record in event["Records"]:
                with logged_as(message_id=record["messageId"]):
                    try:
                        delivery = _delivery(record, lambda_context)
                        with within(_trace_of(delivery.notice)):
                            handle(delivery)
                    except Exception:
                        logger.exception("a message will be delivered again")
                        failed.append(record)
            if failed:
                _postpone(queue, failed)
            return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in failed]}

        return lambda_handler

    return handler_of


def consumer_of_batches(
    read: Callable[[Notice], R],
) -> Callable[[Callable[[list[R]], None]], LambdaHandler]:
    """Make a Lambda handler of a function of all the messages that a queue delivers at once.

    `read` turns each notice into the function's argument. If the function raises, all messages come
    back after the queue's visibility timeout. If one cannot be read, only that one comes back, and
    goes to the dead letters in the end.

    Raises (from the handler):
        TransientError: AWS was busy or unreachable.
    """

    def handler_of(handle: Callable[[list[R]], None]) -> LambdaHandler:
        @naming_request
        @wraps(handle)
        def lambda_handler(event: dict[str, Any], _lambda_context: Any) -> dict[str, Any]:
            found, unreadable = [], []
            for record in event["Records"]:
                try:
                    found.append(read(_notice(record)))
                except (KeyError, TypeError, ValueError):
                    logger.exception("a message cannot be read", message_id=record["messageId"])
                    unreadable.append({"itemIdentifier": record["messageId"]})
            if found:
                with naming_transient():
                    handle(found)
            return {"batchItemFailures": unreadable}

        return lambda_handler

    return handler_of


def pause(receives: int) -> int:
    """Return the seconds until a message comes again; they double with each delivery."""
    longest = min(FIRST_PAUSE_SECONDS * 2 ** (receives - 1), LONGEST_PAUSE_SECONDS)
    return round(random.uniform(longest / 2, longest))


def _postpone(queue: Callable[[], Queue], records: list[dict[str, Any]]) -> None:
    """Set when messages come again; if that fails, they keep the queue's visibility timeout.

    That may be half an hour, so the messages that AWS refuses are tried again.
    """
    for _ in range(POSTPONE_TRIES):
        try:
            queue().postpone({each["receiptHandle"]: pause(_receives(each)) for each in records})
        except Exception:
            logger.warning("messages may come again later than they could", exc_info=True)
        else:
            return


def _delivery(record: dict[str, Any], lambda_context: Any) -> Delivery:
    return Delivery(
        _notice(record),
        _receives(record),
        lambda: remaining_ms_of(lambda_context),
    )


def _trace_of(notice: Notice) -> Trace | None:
    """Return the trace that has led to a notice, or the invocation's own: a queue carries none."""
    led = Trace.of_traceparent(notice.get("traceparent", ""))
    return led or bootstrap.tracer().here()


def _notice(record: dict[str, Any]) -> Notice:
    notice: Notice = json.loads(json.loads(record["body"])["Message"])
    if not isinstance(notice, dict):
        raise TypeError("a notice is an object")
    return notice


def _receives(record: dict[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])
