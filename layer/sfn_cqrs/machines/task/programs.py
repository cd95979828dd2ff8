"""How a task runs, ends, goes on and heals, whoever dies on the way.

Each rule is a program, as in `chain`: a generator that yields one call at a time and is sent
its answer. The service runs the programs against DynamoDB and Step Functions; the model
check runs the very same ones through every interleaving.

An attempt owns the task, and within it a try owns the item. Whoever is no longer the owner
can write nothing, and what is COMPLETED is never begun again.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.conditions import AtMost, Below, Condition, ConditionalWrite, is_one
from sfn_cqrs.kernel.errors import (
    NotFailedError,
    NotFoundError,
    NotOpenError,
    SupersededError,
    TaskBusyError,
    TransientError,
)
from sfn_cqrs.kernel.keys import TaskKind
from sfn_cqrs.kernel.programs import Describe, Find, Start, ended_execution, existing
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.kernel.sweeps import QUEUE_PATIENCE
from sfn_cqrs.machines.task.rules import (
    Begin,
    CloseTask,
    Continue,
    Counts,
    Ending,
    Item,
    Queue,
    Retry,
    Stop,
    StopTask,
    Task,
    TaskStatus,
    TaskWrite,
    TryAgain,
)

MAX_FRUITLESS_ATTEMPTS = 3
"""After so many attempts, one that ended no item is not followed by another."""
CLAIM_PATIENCE = timedelta(minutes=2)
"""Longer than a queue's consumer takes from beginning a task to claiming its item."""
CANCELLED = Ending(TaskStatus.CANCELLED)
LEFT = "ItemAbandonedError"


@dataclass(frozen=True, slots=True)
class FindItems:
    """Read all items consistently, by their index: list of Item."""


@dataclass(frozen=True, slots=True)
class PutItems:
    """Store the items that are not stored yet."""

    task: Task


_IS_AT_WORK = is_one("status", TaskStatus.PROCESSING)
_IS_UNENDED = is_one("status", *(each for each in TaskStatus if not each.is_closed))
_IS_NOT_COMPLETED = is_one(
    "status", *(each for each in TaskStatus if each is not TaskStatus.COMPLETED)
)


@dataclass(frozen=True, slots=True)
class ItemWrite(ConditionalWrite[Item]):
    """A conditional write of an attempt on an item: ItemWritten."""

    index: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Claim(ItemWrite):
    """Take an item to work on it; what is completed is never begun again.

    A later try of the same attempt takes over: the machine tries again only what it saw end. A
    queue may deliver a message while it is being worked on, so that waits for the lease. A later
    attempt also waits for the lease: the work of an earlier one may still run, even if that
    attempt is closed.
    """

    seq: int
    lease_until: int
    is_delivered_once: bool = True

    def when(self, now: float) -> Condition:
        """Return that this is the next try, or that the attempt is later and the lease is over."""
        is_unleased = AtMost("lease_until", now)
        is_next = Below("seq", self.seq) if self.is_delivered_once else is_unleased
        again = is_one("attempt", self.attempt) & _IS_AT_WORK & is_next
        return again | Below("attempt", self.attempt) & _IS_NOT_COMPLETED & is_unleased

    def sets(self) -> dict[str, Any]:
        """Return the try that works on the item, and its lease."""
        owner = {"attempt": self.attempt, "seq": self.seq, "lease_until": self.lease_until}
        return {"status": TaskStatus.PROCESSING, **owner, "error": None, "cause": None}


@dataclass(frozen=True, slots=True)
class Work:
    """Run the user's handler on an item: Ending, or TryAgain if it asks for another try."""

    item: Item


@dataclass(frozen=True, slots=True)
class OfTry(ItemWrite):
    """A write of the try that works on an item."""

    seq: int

    def when(self, _now: float) -> Condition:
        """Return that this try still works on the item."""
        is_mine = is_one("attempt", self.attempt) & is_one("seq", self.seq)
        return is_mine & _IS_AT_WORK


@dataclass(frozen=True, slots=True)
class CountRetry(OfTry):
    """Count how often the handler has asked for another try in this attempt."""

    retries: int

    def sets(self) -> dict[str, Any]:
        """Return the number of retries, and the attempt that it is of."""
        return {"retries": self.retries, "retried_in": self.attempt}


@dataclass(frozen=True, slots=True)
class CloseItem(OfTry):
    """Write how the work on an item ended; its lease has also ended."""

    ending: Ending

    def sets(self) -> dict[str, Any]:
        """Return the ending."""
        return {"lease_until": 0, **self.ending.fields}


@dataclass(frozen=True, slots=True)
class SettleItem(ItemWrite):
    """End an item with its task, unless a later attempt has it.

    The lease stays, for a function may be at work on it.
    """

    ending: Ending

    def when(self, _now: float) -> Condition:
        """Return that it has not ended, and belongs to no later attempt."""
        return AtMost("attempt", self.attempt) & _IS_UNENDED

    def sets(self) -> dict[str, Any]:
        """Return the ending."""
        return {"attempt": self.attempt, **self.ending.fields}


ItemWritten = Written[Item]
TaskWritten = Written[Task]
Call = Find | FindItems | PutItems | Start[Task] | Describe[Task] | Work | ItemWrite | TaskWrite


def enqueue(attempt: int) -> Generator[Call, Any, Task | None]:
    """Say whether the attempt's message has to be sent: the task, or None."""
    written: TaskWritten = yield Queue(attempt)
    return written.record if written.done else None


def start(attempt: int) -> Generator[Call, Any, Task | None]:
    """Store the items and begin; answers the task that has to be worked on, if it has to.

    A message that comes again finds the items stored and the execution started, and does
    the rest of what is missing.
    """
    task: Task | None = yield Find()
    if task is None or not task.is_mine(attempt):
        return None
    if task.has_input:
        yield PutItems(task)
    if task.status.is_waiting:
        written: TaskWritten = yield Begin(attempt)
        task = written.record
    if task is None or not task.is_mine(attempt):
        return None
    if task.stop is not None:
        yield from settle(task)
        return None
    if task.key.kind is TaskKind.BATCH:
        yield Start(task)
    return task


def execute(attempt: int, lease_until: int, seq: int = 0) -> Generator[Call, Any, None]:
    """Do what a message asks for: start a batch's execution, or work on a single task.

    `seq` grows with each time that the message comes.

    Raises:
        SupersededError: a later attempt owns the task; the message has nothing left to do.
        TransientError: somebody may still be at work on it; the message has to come again.
    """
    task = yield from start(attempt)
    if task is None or task.key.kind is TaskKind.BATCH:
        return
    yield from work(attempt, 0, seq, lease_until, is_delivered_once=False)
    yield from finalize(attempt)


def work(
    attempt: int,
    index: int,
    seq: int,
    lease_until: int,
    *,
    is_delivered_once: bool = True,
    fails_fast: bool = False,
) -> Generator[Call, Any, Item | None]:
    """Work on an item: the item as it ended, or None if the task begins no further one.

    An item that has ended in this attempt, or well in an earlier one, is not begun again. The
    machine runs each try once (`is_delivered_once`); a queue may deliver a message twice.

    Raises:
        SupersededError: a later try or attempt owns the item.
        TransientError: somebody may still be at work on it, or the handler says try again.
    """
    task: Task | None = yield Find()
    if task is None or not task.is_mine(attempt):
        raise SupersededError(f"attempt {attempt} no longer owns the task")
    if task.stop is not None:
        return None
    claimed: ItemWritten = yield Claim(index, attempt, seq, lease_until, is_delivered_once)
    item = _claimed(claimed, attempt, index, seq, is_delivered_once=is_delivered_once)
    if not item.status.is_closed:
        ending: Ending | TryAgain = yield Work(item)
        if isinstance(ending, TryAgain):
            yield CountRetry(index, attempt, seq, item.next_retry)
            raise TransientError(ending.reason)
        closed: ItemWritten = yield CloseItem(index, attempt, seq, ending)
        item = _ended(closed, attempt, index, seq)
    if fails_fast and item.status is TaskStatus.FAILED:
        yield StopTask(Stop.FAILED_FAST)
    return item


def finalize(
    attempt: int, abandoned: Mapping[int, str] | None = None, now: float | None = None
) -> Generator[Call, Any, Task]:
    """End an attempt whose execution has ended, from its items only.

    `abandoned` names the error of each item whose function failed whenever it was tried. An
    item that nobody began is left to the next attempt; while a function may still be at work on
    one, that is the sweep's to begin.

    Raises:
        SupersededError: a later attempt owns the task.
    """
    task: Task | None = yield Find()
    if task is None or task.attempt != attempt:
        raise SupersededError(f"attempt {attempt} no longer owns the task")
    if task.status.is_closed:
        return task
    return (yield from settle(task, abandoned, now))


def settle(
    task: Task, abandoned: Mapping[int, str] | None = None, now: float | None = None
) -> Generator[Call, Any, Task]:
    """Continue a task if it may go on, else end its items and then the task.

    With a time, one that may go on is left as it is while an item is leased.

    Raises:
        SupersededError: a later attempt owns the task.
    """
    items: list[Item] = yield FindItems()
    abandoned = abandoned or {}
    mine = set(task.items) - abandoned.keys()
    unended = [i for i in items if i.index in mine and i.is_unended(task.attempt)]
    left = tuple(item.index for item in unended)
    if left and task.stop is None and _may_go_on(task, left):
        if now is not None and any(item.is_leased(now) for item in unended):
            return task
        written: TaskWritten = yield Continue(task.attempt, left)
        return _owned(written, task.attempt + 1)
    statuses = {item.index: item.status for item in items}
    for item in items:
        if item.status.is_closed:
            continue
        ending = _ending(task, item, abandoned)
        ended: ItemWritten = yield SettleItem(item.index, task.attempt, ending)
        if ended.record is None or not ended.record.status.is_closed:
            raise SupersededError(f"a later attempt owns item {item.index}")
        statuses[item.index] = ended.record.status
    expired = [TaskStatus.COMPLETED] * (task.total - len(items))  # others are kept until now
    counts = Counts.of([*statuses.values(), *expired])
    closed: TaskWritten = yield CloseTask(task.attempt, counts.verdict(task.stop), counts)
    return _owned(closed, task.attempt)


def sweep(now: datetime, attempt: int | None = None) -> Generator[Call, Any, str]:
    """Repair a task that has been open for long; answers what has to be done, or was.

    With an attempt, only that one is looked at. "queued": its message has to be sent again.
    """
    task: Task | None = yield Find()
    if task is None or task.status.is_closed:
        return "closed"
    if attempt not in (None, task.attempt):
        return "superseded"
    if task.status.is_waiting:
        if task.updated_at >= iso(now - QUEUE_PATIENCE):
            return "waiting"
        written: TaskWritten = yield Queue(task.attempt)
        return "queued" if written.done else "running"
    moving = yield from _is_moving(task, now)
    if moving:
        return moving
    items: list[Item] = yield FindItems()
    if any(item.is_leased(now.timestamp()) for item in items):
        return "running"
    after = yield from settle(task)
    return "closed" if after.status.is_closed else "restarted"


def cancel() -> Generator[Call, Any, Task]:
    """Start no further item of a task; running items finish.

    Raises:
        NotFoundError: there is no such task.
        NotOpenError: it has ended.
    """
    written: TaskWritten = yield StopTask(Stop.CANCELLED)
    if written.record is None:
        raise NotFoundError("there is no such task")
    if written.record.status.is_closed:
        raise NotOpenError(f"the task is {written.record.status}; there is nothing to cancel")
    return written.record


def retry(now: float, depth: int = 0) -> Generator[Call, Any, Task]:
    """Run what failed or was cancelled again; what is completed stays as it is.

    Raises:
        NotFoundError: there is no such task.
        NotFailedError: it is neither FAILED nor CANCELLED.
        TaskBusyError: a function may still be working on one of the items.
    """
    task: Task = yield from existing("task")
    if not task.status.is_repairable:
        raise NotFailedError(f"the task is {task.status}, not FAILED or CANCELLED")
    items: list[Item] = yield FindItems()
    busy = [item for item in items if item.is_leased(now)]
    if busy:
        seconds = int(max(item.lease_until for item in busy) - now) + 1
        raise TaskBusyError(
            f"item {busy[0].index} may still be worked on; try again in {seconds} s"
        )
    pending = tuple(item.index for item in items if item.status is not TaskStatus.COMPLETED)
    written: TaskWritten = yield Retry(task.attempt, pending, depth)
    if not written.done or written.record is None:
        raise NotFailedError("the task was changed by somebody else; look again")
    return written.record


def _is_moving(task: Task, now: datetime) -> Generator[Call, Any, str]:
    """Say how somebody works on a task that has begun; empty if nobody does any more."""
    if task.key.kind is TaskKind.SINGLE:
        return "running" if task.updated_at >= iso(now - CLAIM_PATIENCE) else ""
    execution = yield from ended_execution(task, has_begun=True)
    return execution if isinstance(execution, str) else ""


def _claimed(
    claimed: ItemWritten, attempt: int, index: int, seq: int, *, is_delivered_once: bool
) -> Item:
    found = claimed.record
    if found is None:
        raise SupersededError(f"item {index} does not exist")
    if claimed.done or found.status is TaskStatus.COMPLETED:
        return found
    if (found.attempt, found.seq) > (attempt, seq):
        raise SupersededError(f"try {seq} of attempt {attempt} no longer owns item {index}")
    if found.attempt == attempt and (found.status.is_closed or is_delivered_once):
        return found  # ended already, or this very call was made twice
    raise TransientError(f"somebody may still be at work on item {index}")


def _ended(closed: ItemWritten, attempt: int, index: int, seq: int) -> Item:
    """The item that this try ended; a refusal may mean that the call was made twice."""
    found = closed.record
    if found is None or (found.attempt, found.seq) != (attempt, seq):
        raise SupersededError(f"try {seq} of attempt {attempt} no longer owns item {index}")
    if not found.status.is_closed:
        raise SupersededError(f"item {index} was not begun by try {seq}")
    return found


def _may_go_on(task: Task, left: tuple[int, ...]) -> bool:
    return len(left) < task.left or task.attempt < MAX_FRUITLESS_ATTEMPTS


def _ending(task: Task, item: Item, abandoned: Mapping[int, str]) -> Ending:
    if item.index in abandoned:
        cause = "the function that works on it failed; the execution's history tells how"
        return Ending(TaskStatus.FAILED, error=abandoned[item.index], cause=cause)
    if task.stop is not None:
        return CANCELLED
    cause = f"attempt {task.attempt} came to its end, as those before, and ended no item"
    return Ending(TaskStatus.FAILED, error=LEFT, cause=cause)


def _owned(written: TaskWritten, attempt: int) -> Task:
    if written.record is None or written.record.attempt != attempt:
        raise SupersededError(f"attempt {attempt} no longer owns the task")
    return written.record
