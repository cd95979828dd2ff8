"""The loop of every consumer of a table's stream."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.topics import BATCH, NotTakenError, Topic
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.functions.context import LambdaHandler
from sfn_cqrs.kernel.functions.logs import logger, naming_request
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.tables.dynamodb import unmarshal

PATIENCE = timedelta(minutes=10)
"""How long a record may fail, unless the cause passes in time, until it is given up."""

COMES_AGAIN = "a record will be delivered again"

Message = dict[str, Any]
R = TypeVar("R")


@dataclass(slots=True)
class Outbox:
    """The messages of a batch of records, in their order; sent when all records are handled.

    `ends` holds, for each record, how many notices and alarms there were after it.
    """

    notices: list[Message] = field(default_factory=list)
    alarms: list[Message] = field(default_factory=list)
    asked: set[object] = field(default_factory=set)
    ends: list[tuple[int, int]] = field(default_factory=list)

    def is_first(self, what: object) -> bool:
        """Return whether nothing equal was asked for before in this batch."""
        is_new = what not in self.asked
        self.asked.add(what)
        return is_new


def stream_of(
    what: str, read: Callable[[Message], R]
) -> Callable[[Callable[[R, Outbox], None]], LambdaHandler]:
    """Return a decorator that makes a Lambda handler of a function of one record.

    `read` makes the function's argument of a record's new image; `what` names it in errors.

    Records are handled in their order, and the first that fails ends the batch: Lambda delivers
    it again, and all behind it. A busy service is retried for as long as it may be busy. Any other
    failure is retried for ten minutes. Then the record goes to the dead letters with its reason, so
    that it cannot hold up those behind it for good. A record that is not such an item goes there at
    once.

    Messages are sent when all records are handled, so that executions start while a topic is busy.
    A record whose message was not accepted counts as failed.
    """

    def handler_of(handle: Callable[[R, Outbox], None]) -> LambdaHandler:
        bootstrap.prepare()

        @naming_request
        def lambda_handler(event: Message, _context: object) -> Message:
            records, outbox = event["Records"], Outbox()
            for record in records:
                try:
                    _handle(record, what, read, handle, outbox)
                except Exception as error:
                    if not _is_given_up([record], error):
                        sequence_number = record["dynamodb"]["SequenceNumber"]
                        logger.exception(COMES_AGAIN, record=sequence_number)
                        break
                outbox.ends.append((len(outbox.notices), len(outbox.alarms)))
            failed = records[_send(outbox, records) :][:1]
            again = [{"itemIdentifier": one["dynamodb"]["SequenceNumber"]} for one in failed]
            return {"batchItemFailures": again}

        return lambda_handler

    return handler_of


def _handle(
    record: Message,
    what: str,
    read: Callable[[Message], R],
    handle: Callable[[R, Outbox], None],
    outbox: Outbox,
) -> None:
    try:
        found = read(unmarshal(record["dynamodb"]["NewImage"]))
    except (KeyError, TypeError, ValueError) as error:
        _give_up(record, error, f"no {what}: ")
        return
    handle(found, outbox)


def _send(outbox: Outbox, records: list[Message]) -> int:
    """Publish the handled records' messages; return how many of the records need not come again."""
    count = len(outbox.ends)
    topics = ((bootstrap.events(), outbox.notices), (bootstrap.failures(), outbox.alarms))
    for number, (topic, messages) in enumerate(topics):
        ends = [end[number] for end in outbox.ends[:count]]
        place, error = _publish(topic, messages[: max(ends, default=0)], ends)
        if error is not None and not _is_given_up(records[place:count], error):
            sequence_number = records[place]["dynamodb"]["SequenceNumber"]
            logger.error(COMES_AGAIN, exc_info=error, record=sequence_number)
            count = place
    return count


def _publish(
    topic: Topic, messages: list[Message], ends: list[int]
) -> tuple[int, Exception | None]:
    """Publish messages in order; return whose was the first one not accepted, and why."""
    for start in range(0, len(messages), BATCH):
        try:
            topic.publish(messages[start : start + BATCH])
        except Exception as error:
            position = error.position if isinstance(error, NotTakenError) else 0
            return bisect_right(ends, start + position), error
    return len(ends), None


def _is_given_up(records: list[Message], error: Exception) -> bool:
    if is_transient(error) or any(_age(record) < PATIENCE for record in records):
        return False
    for record in records:
        _give_up(record, error)
    return True


def _age(record: Message) -> timedelta:
    """Return how long ago the item was written; a record without a time counts as new."""
    now = bootstrap.now().timestamp()
    return timedelta(seconds=now - record["dynamodb"].get("ApproximateCreationDateTime", now))


def _give_up(record: Message, error: Exception, why: str = "") -> None:
    keys = record.get("dynamodb", {}).get("Keys", {})
    bootstrap.dead_letters().put(keys, masked(f"{why}{type(error).__name__}: {error}"))
    logger.error("a record went to the dead letters", exc_info=error)
