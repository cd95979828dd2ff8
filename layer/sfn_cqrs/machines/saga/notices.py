"""Messages about a saga that has ended or is parked."""

from sfn_cqrs.kernel.notices import Message, notice, told
from sfn_cqrs.machines.saga.rules import Saga


def saga_status(saga: Saga, table: str) -> Message:
    """The notice that a saga has ended or is parked; the error's name, but not its text."""
    content = told(saga, "status", "source", "saga", "attempt", "error")
    return notice("saga-status", saga.key, table, content, saga.depth, saga.trace)
