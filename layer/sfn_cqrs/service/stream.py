"""The loop of every consumer of a table's stream."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.dynamodb import unmarshal
from sfn_cqrs.adapters.transient import is_transient
from sfn_cqrs.domain.masking import masked
from sfn_cqrs.service.context import LambdaHandler
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.state import naming_transient

PATIENCE = timedelta(minutes=10)
"""How long a record may fail for what does not pass by itself, until it is given up."""

Message = dict[str, Any]
R = TypeVar("R")


@dataclass(slots=True)
class Outbox:
    """What a batch of records tells the world, in their order; sent when all are handled."""

    notices: list[Message] = field(default_factory=list)
    alarms: list[Message] = field(default_factory=list)
    told: set[object] = field(default_factory=set)

    def send(self) -> None:
        """Publish everything."""
        bootstrap.events().publish(self.notices)
        bootstrap.failures().publish(self.alarms)

    def is_first(self, what: object) -> bool:
        """Whether nothing equal was asked for before in this batch."""
        is_new = what not in self.told
        self.told.add(what)
        return is_new


def stream_of(
    what: str, read: Callable[[Message], R]
) -> Callable[[Callable[[R, Outbox], None]], LambdaHandler]:
    """Make a Lambda handler of a function of one record, read of the new image of `what` it is.

    Records are handled in their order, and the first that fails ends the batch: Lambda delivers
    it again, and all behind it, for as long as what is busy may be. What fails otherwise does so
    for ten minutes, and then goes to the dead letters with its reason, so that it cannot hold up
    those behind it for good; what is no such item goes there at once.
    """

    def handler_of(handle: Callable[[R, Outbox], None]) -> LambdaHandler:
        bootstrap.prepare()

        def lambda_handler(event: Message, _context: object) -> Message:
            outbox, failures = Outbox(), []
            for record in event["Records"]:
                try:
                    _handle(record, what, read, handle, outbox)
                except Exception as error:
                    if _is_given_up([record], error):
                        continue
                    sequence_number = record["dynamodb"]["SequenceNumber"]
                    logger.exception("a record will be delivered again", record=sequence_number)
                    failures = [{"itemIdentifier": sequence_number}]
                    break
            with naming_transient():
                _send(outbox, event["Records"])
            return {"batchItemFailures": failures}

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


def _send(outbox: Outbox, records: list[Message]) -> None:
    try:
        outbox.send()
    except Exception as error:
        if not _is_given_up(records, error):
            raise


def _is_given_up(records: list[Message], error: Exception) -> bool:
    if is_transient(error) or any(_age(record) < PATIENCE for record in records):
        return False
    for record in records:
        _give_up(record, error)
    return True


def _age(record: Message) -> timedelta:
    """How long ago the item was written; a record that does not say counts as new."""
    now = bootstrap.now().timestamp()
    return timedelta(seconds=now - record["dynamodb"].get("ApproximateCreationDateTime", now))


def _give_up(record: Message, error: Exception, why: str = "") -> None:
    keys = record.get("dynamodb", {}).get("Keys", {})
    bootstrap.dead_letters().put(keys, masked(f"{why}{type(error).__name__}: {error}"))
    logger.error("a record went to the dead letters", exc_info=error)
