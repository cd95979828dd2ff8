"""How a saga runs, turns back, is parked, goes on and heals, whoever dies on the way.

Each rule is a program, as in `chain`: a generator that yields one call at a time and is sent
its answer. The service runs the programs against DynamoDB and Step Functions; the
simulation runs the very same ones through crashes, late functions and restarts.

An attempt owns the saga, and within it a try owns a line of the log. A saga turns back at
most once: from then on no step begins, and whatever had begun is undone, in reverse.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.kernel.errors import NotParkedError, SagaLogError, SupersededError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.programs import Describe, Find, Start, ended_execution, existing
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.saga.rules import (
    Begin,
    Close,
    End,
    Ending,
    Entry,
    EntryStatus,
    Open,
    Park,
    Restart,
    Retry,
    Saga,
    SagaStatus,
    SagaWrite,
    TurnBack,
)

MAX_RESTARTS = 3
"""After so many executions that died, a saga is parked instead of restarted."""
FORWARD, BACK = "forward", "back"


@dataclass(frozen=True, slots=True)
class Move:
    """A step and what undoes it, by their names."""

    step: str
    compensation: str


@dataclass(frozen=True, slots=True)
class Work:
    """Run the user's function: Ending, or TransientError if it has to run again."""

    saga: Saga
    name: str
    is_undo: bool = False


SagaWritten = Written[Saga]
Call = Find | Work | Start[Saga] | Describe[Saga] | SagaWrite


def resume(attempt: int, moves: Sequence[Move]) -> Generator[Call, Any, str]:
    """Begin an attempt: forward, or back if a step has failed or the saga has turned back.

    Raises:
        SupersededError: a later attempt owns the saga, or it is closed.
    """
    saga = yield from _mine(attempt)
    if saga.status is SagaStatus.CREATED:
        failed = _failed(saga, moves)
        error, cause = (failed.error, failed.cause) if failed else (None, None)
        is_undoing = saga.is_undoing or failed is not None
        written: SagaWritten = yield Open(attempt, is_undoing, error, cause)
        saga = _owned(written, attempt)
    return BACK if saga.is_undoing else FORWARD


def make(attempt: int, name: str, seq: int) -> Generator[Call, Any, Entry]:
    """Make a step, or answer what the log says of it if it has ended before.

    Raises:
        SupersededError: the saga has turned back, or a later try or attempt owns the step.
        TransientError: the step says try again.
    """
    begun: SagaWritten = yield Begin(name, attempt, seq)
    saga = _owned(begun, attempt)
    entry = _begun(begun, saga, name)
    if entry.status is not EntryStatus.STARTED:
        return entry
    if saga.status is not SagaStatus.RUNNING or (entry.attempt, entry.seq) != (attempt, seq):
        raise SupersededError(f"try {seq} of attempt {attempt} no longer owns {name}")
    ending: Ending = yield Work(saga, name)
    ended: SagaWritten = yield End(name, attempt, seq, ending)
    return _ended(ended, name, attempt, seq)


def undo(
    attempt: int, move: Move, seq: int, failure: Failure
) -> Generator[Call, Any, Entry | None]:
    """Undo a step if it has ever begun; the first one to be undone turns the saga back.

    A step that began may have happened, whatever its log says: a function may have died
    before it recorded how it ended, and one that was given up may still be at work.

    Raises:
        SupersededError: a later try or attempt owns the compensation.
        TransientError: the compensation says try again.
    """
    saga = yield from _mine(attempt)
    if saga.status is SagaStatus.RUNNING:
        error, cause = _reason(saga.log.get(move.step), failure)
        turned: SagaWritten = yield TurnBack(attempt, error, cause)
        saga = _owned(turned, attempt)
    if move.step not in saga.log:
        return None
    begun: SagaWritten = yield Begin(move.compensation, attempt, seq, is_undo=True)
    saga = _owned(begun, attempt)
    entry = _begun(begun, saga, move.compensation)
    if entry.status is EntryStatus.DONE:
        return entry
    if (entry.status, entry.attempt, entry.seq) != (EntryStatus.STARTED, attempt, seq):
        raise SupersededError(f"try {seq} of attempt {attempt} no longer owns {move.compensation}")
    ending: Ending = yield Work(saga, move.compensation, is_undo=True)
    ended: SagaWritten = yield End(move.compensation, attempt, seq, ending, is_undo=True)
    return _ended(ended, move.compensation, attempt, seq)


def finish(attempt: int, moves: Sequence[Move]) -> Generator[Call, Any, Saga]:
    """End a saga of which all is made, or all that had begun is undone.

    Raises:
        SupersededError: a later attempt owns the saga.
        SagaLogError: the log has something left, so the machine does not fit the steps.
    """
    saga: Saga | None = yield Find()
    if saga is None or saga.attempt != attempt:
        raise SupersededError(f"attempt {attempt} no longer owns the saga")
    if not saga.status.is_open:
        return saga
    left = left_of(saga, moves)
    if left:
        raise SagaLogError(f"the machine has ended, and the log has left: {', '.join(left)}")
    status = SagaStatus.COMPENSATED if saga.is_undoing else SagaStatus.COMPLETED
    closed: SagaWritten = yield Close(attempt, status)
    return _owned(closed, attempt)


def park(attempt: int, failure: Failure) -> Generator[Call, Any, Saga]:
    """Leave a saga to a person; its log has the remaining work.

    Raises:
        SupersededError: a later attempt owns the saga.
    """
    parked: SagaWritten = yield Park(attempt, failure.error, failure.summary)
    return _owned(parked, attempt)


def sweep(attempt: int | None = None) -> Generator[Call, Any, str]:
    """Repair a saga that has been open for long; answers what was done.

    With an attempt, only that one is looked at.
    """
    saga: Saga | None = yield Find()
    if saga is None or not saga.status.is_open:
        return "closed"
    if attempt not in (None, saga.attempt):
        return "superseded"
    has_begun = attempt is not None or saga.status is not SagaStatus.CREATED
    execution = yield from ended_execution(saga, has_begun=has_begun)
    if isinstance(execution, str):
        return execution
    if saga.restarts < MAX_RESTARTS:
        restarted: SagaWritten = yield Restart(saga.attempt)
        return "restarted" if restarted.done else "superseded"
    cause = f"{MAX_RESTARTS + 1} executions died; the last with {execution.error}"
    parked: SagaWritten = yield Park(saga.attempt, "ExecutionDied", cause)
    return "parked" if parked.done else "superseded"


def retry(depth: int = 0) -> Generator[Call, Any, Saga]:
    """Retry a parked saga where it stopped, as its next attempt.

    Raises:
        NotFoundError: there is no such saga.
        NotParkedError: it is not parked.
    """
    saga: Saga = yield from existing("saga")
    if saga.status is not SagaStatus.PARKED:
        raise NotParkedError(f"the saga is {saga.status}, not PARKED; there is nothing to retry")
    written: SagaWritten = yield Retry(saga.attempt, depth)
    if not written.done or written.record is None:
        raise NotParkedError("the saga was retried by somebody else; look again")
    return written.record


def left_of(saga: Saga, moves: Sequence[Move]) -> list[str]:
    """What is left to make, or to undo, in the order in which it will be."""
    if not saga.is_undoing:
        return [move.step for move in moves if not _is_done(saga, move.step)]
    return [
        move.compensation
        for move in reversed(moves)
        if move.step in saga.log and not _is_done(saga, move.compensation)
    ]


def _mine(attempt: int) -> Generator[Call, Any, Saga]:
    saga: Saga | None = yield Find()
    if saga is None or saga.attempt != attempt or not saga.status.is_open:
        raise SupersededError(f"attempt {attempt} no longer owns the saga, or it is closed")
    return saga


def _owned(written: SagaWritten, attempt: int) -> Saga:
    if written.record is None or written.record.attempt != attempt:
        raise SupersededError(f"attempt {attempt} no longer owns the saga")
    return written.record


def _begun(begun: SagaWritten, saga: Saga, name: str) -> Entry:
    entry = saga.log.get(name)
    if entry is None or (not begun.done and not saga.status.is_open):
        raise SupersededError(f"the saga is {saga.status}; {name} is not begun any more")
    return entry


def _ended(written: SagaWritten, name: str, attempt: int, seq: int) -> Entry:
    """The line that this try ended; a refusal may mean that the call was made twice."""
    saga = _owned(written, attempt)
    entry = saga.log.get(name)
    if entry is None or (entry.attempt, entry.seq) != (attempt, seq):
        raise SupersededError(f"try {seq} of attempt {attempt} no longer owns {name}")
    if entry.status is EntryStatus.STARTED:
        raise SupersededError(f"the saga is {saga.status}; {name} came too late")
    return entry


def _is_done(saga: Saga, name: str) -> bool:
    entry = saga.log.get(name)
    return entry is not None and entry.status is EntryStatus.DONE


def _failed(saga: Saga, moves: Sequence[Move]) -> Entry | None:
    entries = (saga.log.get(move.step) for move in moves)
    ends_badly = (EntryStatus.REFUSED, EntryStatus.FAILED)
    return next((entry for entry in entries if entry and entry.status in ends_badly), None)


def _reason(entry: Entry | None, failure: Failure) -> tuple[str, str]:
    """Return why the saga turns back: the step's record, or else the error of the machine."""
    if entry is not None and entry.error is not None:
        return entry.error, entry.cause or ""
    return failure.error, failure.summary
