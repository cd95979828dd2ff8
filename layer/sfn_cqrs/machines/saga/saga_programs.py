"""How a saga runs, turns back, is parked, goes on and heals, whoever dies on the way.

Each rule is a program, as in `chain`: a generator that yields one call at a time and is sent
its answer. The service runs the programs against DynamoDB and Step Functions; the
simulation runs the very same ones through crashes, late functions and restarts.

An attempt owns the saga, and within it a try owns a line of the log. A saga turns back at
most once: from then on no step begins, and whatever had begun is undone, in reverse.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import (
    NotParkedError,
    SagaLogError,
    SagaStepError,
    SupersededError,
    TransientError,
)
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.programs import Describe, Find, Start, ended_execution, existing
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.saga.rules import (
    MET,
    OTHERWISE,
    PROMISED_SECONDS,
    Begin,
    Close,
    End,
    Ending,
    Entry,
    EntryStatus,
    Move,
    MoveKind,
    Open,
    Owner,
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
NO_FAILURE = Failure("", "")
FORWARD, BACK = "forward", "back"


class Do(StrEnum):
    """What a declared saga does next; its machine branches on these words."""

    RUN = "run"
    PAUSE = "pause"
    UNDO = "undo"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Next:
    """What is next, as the log says: the step or the compensation, and its first try's number.

    `until` is when a pause ends. `is_fresh`: what came before it was ended just now and here.
    """

    do: Do
    step: str = ""
    seq: int = 0
    seconds: int = 0
    until: str = ""
    is_fresh: bool = False

    def follows(self, do: Do) -> bool:
        """Whether the function that does this may go on with it, so that no late one runs ahead."""
        return self.do is do and self.is_fresh

    @property
    def another_try(self) -> "Next":
        """The same, for a state that is entered anew for it and tries it in its own time."""
        return replace(self, seq=self.seq + 1, is_fresh=False)


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
    saga = yield from _open(attempt, saga, moves)
    return BACK if saga.is_undoing else FORWARD


def _open(attempt: int, saga: Saga, moves: Sequence[Move]) -> Generator[Call, Any, Saga]:
    if saga.status is not SagaStatus.CREATED:
        return saga
    failed = _failed(saga, moves)
    error, cause = (failed.error, failed.cause) if failed else (None, None)
    is_undoing = saga.is_undoing or failed is not None
    written: SagaWritten = yield Open(attempt, is_undoing, error, cause)
    return _owned(written, attempt)


def make(attempt: int, name: str, seq: int) -> Generator[Call, Any, Entry]:
    """Make a step, or answer what the log says of it if it has ended before.

    Raises:
        SupersededError: the saga has turned back, or a later try or attempt owns the step.
        TransientError: the step says try again.
    """
    _, entry, _ = yield from _make(attempt, name, seq, tries=1)
    return entry


def _make(
    attempt: int, name: str, seq: int, tries: int, *, is_ahead: bool = False
) -> Generator[Call, Any, tuple[Saga, Entry, bool]]:
    """Make a step, unless it has ended before: the saga, its line, and whether it ended here.

    An error is final once it was tried so often.
    """
    mine = (attempt, seq, not is_ahead)
    begun: SagaWritten = yield Begin(name, attempt, seq, is_ahead=is_ahead)
    saga = _owned(begun, attempt)
    entry = _begun(begun, saga, name)
    if entry.status is not EntryStatus.STARTED:
        return saga, entry, False
    if saga.status is not SagaStatus.RUNNING or entry.owner != mine:
        raise SupersededError(f"try {seq} of attempt {attempt} no longer owns {name}")
    ending: Ending = yield Work(saga, name)
    if ending.status is EntryStatus.FAILED and seq + 1 < tries:
        raise TransientError(f"{name}: {ending.error}, try {seq + 1} of {tries}")
    ended: SagaWritten = yield End(name, attempt, seq, ending, is_ahead=is_ahead)
    saga = _owned(ended, attempt)
    return saga, _ended(ended, name, mine), ended.done


def proceed(
    attempt: int, name: str, seq: int, now: datetime, *, is_ahead: bool = False
) -> Generator[Call, Any, Next]:
    """Make a declared saga's step, and say what is next; a step that is refused turns it back.

    `is_ahead`: the function goes on from the step before, and no state was entered for this one.

    Raises:
        SupersededError: a later try or attempt owns the step or the saga.
        TransientError: the step is to be tried again.
    """
    saga = yield from _mine(attempt)
    if saga.is_undoing:
        return next_of(saga)
    move = _move(saga, name)
    if move.lasts:
        return (yield from _wait(attempt, move, seq, now, is_ahead=is_ahead))
    saga, entry, is_fresh = yield from _make(attempt, name, seq, move.tries, is_ahead=is_ahead)
    if entry.status is not EntryStatus.DONE:
        saga = yield from _turn(attempt, saga, entry)
    return replace(next_of(saga), is_fresh=is_fresh)


def _wait(
    attempt: int, move: Move, seq: int, now: datetime, *, is_ahead: bool
) -> Generator[Call, Any, Next]:
    """Begin a pause or a wait, end it if it is over, or say when to look again."""
    mine = (attempt, seq, not is_ahead)
    begun: SagaWritten = yield Begin(move.step, attempt, seq, is_pause=True, is_ahead=is_ahead)
    saga = _owned(begun, attempt)
    entry = _begun(begun, saga, move.step)
    if entry.status is not EntryStatus.STARTED or saga.is_undoing:
        return next_of(saga)
    if entry.owner != mine:
        raise SupersededError(f"try {seq} of attempt {attempt} no longer owns {move.step}")
    ending = yield from _over(saga, move, entry.began_at, now)
    if ending is None:
        return Next(Do.PAUSE, move.step, seq, until=move.asked_at(entry.began_at, now))
    ended: SagaWritten = yield End(move.step, attempt, seq, ending, is_ahead=is_ahead)
    saga, entry = _owned(ended, attempt), _ended(ended, move.step, mine)
    if entry.status is not EntryStatus.DONE:
        saga = yield from _turn(attempt, saga, entry)
    return replace(next_of(saga), is_fresh=ended.done)


def _over(
    saga: Saga, move: Move, began_at: str, now: datetime
) -> Generator[Call, Any, Ending | None]:
    """Say how a pause or a wait has ended; None if it goes on."""
    is_over = move.over_at(began_at) <= iso(now)
    if move.kind is MoveKind.PAUSE:
        return Ending(EntryStatus.DONE) if is_over else None
    ending: Ending = yield Work(saga, move.step)
    if ending.status is not EntryStatus.DONE or ending.result == MET:
        return ending
    return Ending(EntryStatus.DONE, OTHERWISE) if is_over else None


def turn(attempt: int, failure: Failure) -> Generator[Call, Any, Next]:
    """Turn a declared saga back after its machine has given up a step, and say what is next.

    Raises:
        SupersededError: a later attempt owns the saga, or it is closed.
    """
    saga = yield from _mine(attempt)
    begun = (saga.log.get(move.step) for move in reversed(saga.moves))
    last = next((entry for entry in begun if entry is not None), None)
    return next_of((yield from _turn(attempt, saga, last, failure)))


def _turn(
    attempt: int, saga: Saga, entry: Entry | None, failure: Failure = NO_FAILURE
) -> Generator[Call, Any, Saga]:
    if saga.status is not SagaStatus.RUNNING:
        return saga
    error, cause = _reason(entry, failure)
    turned: SagaWritten = yield TurnBack(attempt, error, cause)
    return _owned(turned, attempt)


def go_on(attempt: int) -> Generator[Call, Any, Next]:
    """Begin an attempt of a declared saga, and say what is next.

    Raises:
        SupersededError: a later attempt owns the saga, or it is closed.
    """
    saga = yield from _mine(attempt)
    return next_of((yield from _open(attempt, saga, saga.moves)))


def next_of(saga: Saga) -> Next:
    """Return what a declared saga does next, as its log says."""
    left = left_of(saga, saga.moves)
    if not left:
        return Next(Do.FINISH)
    name, entry = left[0], saga.log.get(left[0])
    is_tried = entry is not None and entry.attempt == saga.attempt
    seq = entry.seq + 1 if entry is not None and is_tried else 0
    if saga.is_undoing:
        return Next(Do.UNDO, name, seq, PROMISED_SECONDS)
    move = _move(saga, name)
    return Next(Do.RUN, name, seq, PROMISED_SECONDS if move.lasts else move.seconds)


def _move(saga: Saga, name: str) -> Move:
    return next(move for move in saga.moves if name in (move.step, move.compensation))


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
    if move.step not in saga.log or move.compensation is None:
        return None
    _, entry, _ = yield from _undo(attempt, move.compensation, seq)
    return entry


def _undo(
    attempt: int, name: str, seq: int, *, is_ahead: bool = False
) -> Generator[Call, Any, tuple[Saga, Entry, bool]]:
    """Make a compensation, unless it is done: the saga, its line, and whether it ended here."""
    mine = (attempt, seq, not is_ahead)
    begun: SagaWritten = yield Begin(name, attempt, seq, is_undo=True, is_ahead=is_ahead)
    saga = _owned(begun, attempt)
    entry = _begun(begun, saga, name)
    if entry.status is EntryStatus.DONE:
        return saga, entry, False
    if entry.status is not EntryStatus.STARTED or entry.owner != mine:
        raise SupersededError(f"try {seq} of attempt {attempt} no longer owns {name}")
    ending: Ending = yield Work(saga, name, is_undo=True)
    ended: SagaWritten = yield End(name, attempt, seq, ending, is_undo=True, is_ahead=is_ahead)
    return _owned(ended, attempt), _ended(ended, name, mine), ended.done


def compensate(
    attempt: int, name: str, seq: int, *, is_ahead: bool = False
) -> Generator[Call, Any, Next]:
    """Undo what a compensation of a declared saga is there for, and say what is next.

    Raises:
        SupersededError: a later try or attempt owns the compensation or the saga.
        TransientError: it failed, and is tried again.
        SagaStepError: it was refused, so that a person has to help.
    """
    yield from _mine(attempt)
    saga, entry, is_fresh = yield from _undo(attempt, name, seq, is_ahead=is_ahead)
    if entry.status is not EntryStatus.DONE:
        kind = TransientError if entry.status is EntryStatus.FAILED else SagaStepError
        raise kind(told(name, entry))
    return replace(next_of(saga), is_fresh=is_fresh)


def finish(attempt: int, moves: Sequence[Move] | None = None) -> Generator[Call, Any, Saga]:
    """End a saga of which all is made, or all that had begun is undone; a declared one by default.

    Raises:
        SupersededError: a later attempt owns the saga.
        SagaLogError: the log has something left, so the machine does not fit the steps.
    """
    saga: Saga | None = yield Find()
    if saga is None or saga.attempt != attempt:
        raise SupersededError(f"attempt {attempt} no longer owns the saga")
    if not saga.status.is_open:
        return saga
    left = left_of(saga, saga.moves if moves is None else moves)
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


def sweep(now: datetime, attempt: int | None = None) -> Generator[Call, Any, str]:
    """Repair a saga that has been open for long; answers what was done.

    With an attempt, which has ended, only that one is looked at. Otherwise one that pauses is left
    alone until its pause is over, so that AWS is not asked about each of them every minute.
    """
    saga: Saga | None = yield Find()
    if saga is None or not saga.status.is_open:
        return "closed"
    if attempt not in (None, saga.attempt):
        return "superseded"
    if attempt is None and saga.status is SagaStatus.RUNNING and iso(now) < saga.busy_since:
        return "pauses"
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
    """What is left to make, or to undo, in the order in which it will be.

    What a choice has not chosen is not left, nor what nobody has chosen yet.
    """
    if not saga.is_undoing:
        chosen = [move for move in moves if _is_chosen(saga, move)]
        return [move.step for move in chosen if not _is_done(saga, move.step)]
    return [
        move.compensation
        for move in reversed(moves)
        if move.compensation is not None
        and move.step in saga.log
        and not _is_done(saga, move.compensation)
    ]


def _is_chosen(saga: Saga, move: Move) -> bool:
    if move.choice is None:
        return True
    entry = saga.log.get(move.choice)
    return entry is not None and entry.result == move.arm


def told(name: str, entry: Entry) -> str:
    """Return in a line how a step or a compensation has failed."""
    first = (entry.cause or "").partition("\n")[0]
    return f"{name}: {entry.error}: {first}"


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


def _ended(written: SagaWritten, name: str, mine: Owner) -> Entry:
    """The line that this try ended; a refusal may mean that the call was made twice."""
    attempt, seq, _ = mine
    saga = _owned(written, attempt)
    entry = saga.log.get(name)
    if entry is None or entry.owner != mine:
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
