"""Messages about a saga: about its end, and that a person has to help."""

from sfn_cqrs.domain.notices import Message, alarm, line_of, notice
from sfn_cqrs.domain.saga import Saga


def saga_status(saga: Saga, table: str) -> Message:
    """The notice that a saga has ended or is parked; the error's name, but not its text."""
    content = {
        "status": str(saga.status),
        "source": saga.source,
        "saga": saga.saga,
        "attempt": saga.attempt,
        "error": saga.error,
    }
    return notice("saga-status", saga.key, table, content)


def saga_alarm(saga: Saga, table: str, execution: str) -> Message:
    """The alarm that a saga is parked."""
    return alarm(saga.key, table, line_of(saga), execution)
