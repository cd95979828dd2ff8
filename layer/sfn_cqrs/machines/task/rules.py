"""Tasks: work in the background, of one item or of up to a thousand, and who may change it.

A write of a task carries its rule, which the models explore and production runs: see `records`.
The predicates of an item are the conditions of its conditional writes, which many make at once.
The DynamoDB adapter spells them as expressions, and a contract test holds the two equal.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.ending import WorkEnding, kept_result
from sfn_cqrs.kernel.errors import (
    InvalidInputError,
    ItemResultError,
    ItemTooLargeError,
    NoItemsError,
    TooManyItemsError,
)
from sfn_cqrs.kernel.keys import DEFAULT_CONCURRENCY, TaskKey, TaskRef
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.tally import Tally
from sfn_cqrs.kernel.values import Json, check_size, checked_json, size_of

MAX_ITEMS = 1_000
"""Seven events an item and as many again for retries stay below an execution's 25,000."""
MAX_ITEM_BYTES = 100 * 1024
MAX_INPUT_BYTES = 5 * 1024 * 1024
MAX_RESULT_BYTES = 32 * 1024


class TaskStatus(StrEnum):
    """Where a task or an item stands; within an attempt it only moves down this list."""

    CREATED = "CREATED"
    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_closed(self) -> bool:
        """The attempt is over."""
        return self in CLOSED

    @property
    def is_waiting(self) -> bool:
        """Nobody works on it yet."""
        return self in WAITING

    @property
    def is_repairable(self) -> bool:
        """A retry applies."""
        return self in REPAIRABLE


WAITING = (TaskStatus.CREATED, TaskStatus.QUEUED)
REPAIRABLE = (TaskStatus.FAILED, TaskStatus.CANCELLED)
CLOSED = (TaskStatus.COMPLETED, *REPAIRABLE)


class Stop(StrEnum):
    """Why no further item of a task is begun."""

    CANCELLED = "CANCELLED"
    FAILED_FAST = "FAILED_FAST"


@dataclass(frozen=True, slots=True)
class Counts(Tally):
    """How many items have ended how; together they are the total once a task has ended."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @classmethod
    def of(cls, statuses: Iterable[TaskStatus]) -> "Counts":
        """Count what has ended."""
        counted = Counter(statuses)
        return cls(
            counted[TaskStatus.COMPLETED],
            counted[TaskStatus.FAILED],
            counted[TaskStatus.CANCELLED],
        )

    def verdict(self, stop: Stop | None) -> TaskStatus:
        """The status of a task whose items have all ended."""
        if stop is Stop.CANCELLED and self.cancelled:
            return TaskStatus.CANCELLED
        if self.failed or self.cancelled:
            return TaskStatus.FAILED
        return TaskStatus.COMPLETED


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Record):
    """A task as stored.

    `pending` are the items of this attempt (None: all), `left` is how many of them had not
    ended when it began. `input` is there until every item has its own; `input_s3` is the key
    of the object that holds a large one. `opened_at` is when this attempt was. `concurrency` is
    how many items are worked on at a time, as the type said when the task was made. `depth` is how
    many handlers of notices led to it.
    """

    key: TaskKey
    name: str
    total: int
    created: Audit
    opened_at: str
    status: TaskStatus = TaskStatus.CREATED
    attempt: int = 1
    left: int = 0
    pending: tuple[int, ...] | None = None
    stop: Stop | None = None
    counts: Counts | None = None
    input: tuple[Json, ...] | None = None
    input_s3: str | None = None
    source: str = ""
    trace: str = ""
    depth: int = 0
    request_id: str = ""
    concurrency: int = DEFAULT_CONCURRENCY

    @property
    def items(self) -> tuple[int, ...]:
        """The items that this attempt works on."""
        return tuple(range(self.total)) if self.pending is None else self.pending

    @property
    def ref(self) -> TaskRef:
        """The attempt that owns this task now, with its items."""
        return TaskRef(self.key, self.attempt, self.items, self.concurrency)

    @property
    def has_input(self) -> bool:
        """The items are not stored yet, or not known to be."""
        return self.input is not None or self.input_s3 is not None

    def is_mine(self, attempt: int) -> bool:
        """Only the current attempt writes, and only while it is open."""
        return self.attempt == attempt and not self.status.is_closed


@dataclass(frozen=True, slots=True)
class Queue:
    """The task's message is about to be sent, and sent again, until somebody has begun."""

    attempt: int

    def on(self, task: Task, _at: str) -> Task | None:
        return replace(task, status=TaskStatus.QUEUED) if _waits(task, self.attempt) else None


@dataclass(frozen=True, slots=True)
class Begin:
    """Every item is stored, and work on them begins; the task's own copy of the input goes."""

    attempt: int

    def on(self, task: Task, _at: str) -> Task | None:
        if not _waits(task, self.attempt):
            return None
        return replace(task, status=TaskStatus.PROCESSING, input=None, input_s3=None)


@dataclass(frozen=True, slots=True)
class StopTask:
    """No further item is begun; the first reason stays."""

    stop: Stop

    def on(self, task: Task, _at: str) -> Task | None:
        if task.status.is_closed or task.stop is not None:
            return None
        return replace(task, stop=self.stop)


@dataclass(frozen=True, slots=True)
class CloseTask:
    """The attempt has ended."""

    attempt: int
    status: TaskStatus
    counts: Counts

    def on(self, task: Task, _at: str) -> Task | None:
        if not task.is_mine(self.attempt):
            return None
        return replace(task, status=self.status, counts=self.counts)


@dataclass(frozen=True, slots=True)
class Continue:
    """The next attempt begins, with what an attempt left that ended before its items did."""

    attempt: int
    pending: tuple[int, ...]

    def on(self, task: Task, at: str) -> Task | None:
        if (task.attempt, task.status) != (self.attempt, TaskStatus.PROCESSING):
            return None
        return _next_attempt(task, at, self.pending)


@dataclass(frozen=True, slots=True)
class Retry:
    """A person begins the next attempt, with what did not go well; once per attempt."""

    attempt: int
    pending: tuple[int, ...]
    depth: int = 0

    def on(self, task: Task, at: str) -> Task | None:
        if task.attempt != self.attempt or not task.status.is_repairable:
            return None
        retried = _next_attempt(task, at, self.pending)
        return replace(retried, depth=max(task.depth, self.depth))


TaskWrite = Queue | Begin | StopTask | CloseTask | Continue | Retry


def _waits(task: Task, attempt: int) -> bool:
    return task.attempt == attempt and task.status.is_waiting


def _next_attempt(task: Task, at: str, pending: tuple[int, ...]) -> Task:
    """The stream sees the status, and starts it."""
    return replace(
        task,
        status=TaskStatus.CREATED,
        attempt=task.attempt + 1,
        pending=pending,
        left=len(pending),
        stop=None,
        counts=None,
        opened_at=at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a task, as stored.

    `attempt` is the one that worked on it last (0: none), `seq` that attempt's try. Until
    `lease_until`, in epoch seconds, a function may be at work on it. `cause` is the traceback
    of a handler that raised. `retries` is how often the handler has asked for another try in
    the attempt `retried_in`; failures of AWS do not count. `depth` is the task's.
    """

    key: TaskKey
    index: int
    input: Json
    updated_at: str
    status: TaskStatus = TaskStatus.CREATED
    attempt: int = 0
    seq: int = 0
    lease_until: int = 0
    result: Json = None
    error: str | None = None
    cause: str | None = None
    retries: int = 0
    retried_in: int = 0
    depth: int = 0

    def may_be_retried(self, limit: int) -> bool:
        """Its handler has asked for fewer than so many tries in this attempt."""
        return self.retried_in != self.attempt or self.retries < limit

    @property
    def next_retry(self) -> int:
        """The number of the retry, in this attempt, that its handler would ask for now."""
        return self.retries + 1 if self.retried_in == self.attempt else 1

    def is_leased(self, now: float) -> bool:
        """A function may still be at work on it."""
        return self.lease_until > now

    def is_unended(self, attempt: int) -> bool:
        """This attempt has not come to it, or not to its end."""
        if self.status is TaskStatus.COMPLETED:
            return False
        return not self.status.is_closed or self.attempt < attempt


@dataclass(frozen=True, slots=True)
class Ending(WorkEnding[TaskStatus]):
    """How the work on an item ended: with a result, an error, or not at all."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The handler raised `TransientError`, and may have another try; `reason` is what it said."""

    reason: str


def checked_items(value: object) -> tuple[Json, ...]:
    """The items of a batch, as a user sent them.

    Raises:
        NoItemsError, TooManyItemsError, ItemTooLargeError: the batch is too small or too large.
        InvalidInputError: naming the path of the first value that cannot be kept.
    """
    if not isinstance(value, list | tuple):
        raise InvalidInputError("input", "must be a list of items, or an object for a single task")
    if not value:
        raise NoItemsError("input", "has no items; give at least one")
    if len(value) > MAX_ITEMS:
        raise TooManyItemsError(
            "input",
            f"has {len(value)} items, and a task takes at most {MAX_ITEMS}; make several tasks",
        )
    items = tuple(_checked_item(item, f"input[{index}]") for index, item in enumerate(value))
    total = sum(size_of(item) for item in items)
    if total > MAX_INPUT_BYTES:
        raise ItemTooLargeError(
            "input", f"has {total} bytes, and a task takes at most {MAX_INPUT_BYTES}"
        )
    return items


def checked_input(value: object) -> tuple[Json, ...]:
    """The input of a single task, as a user sent it: its one item.

    Raises:
        ItemTooLargeError: it is too large.
        InvalidInputError: naming the path of the first value that cannot be kept.
    """
    if not isinstance(value, dict):
        raise InvalidInputError("input", "must be an object, or a list for a task of many items")
    return (_checked_item(value, "input"),)


def checked_result(value: object) -> Json:
    """Return a handler's result, if it can be stored.

    Raises:
        ItemResultError: it is not JSON, or too large.
    """
    most = f"at most {MAX_RESULT_BYTES} are kept"
    return kept_result(value, MAX_RESULT_BYTES, ItemResultError, most)


def _checked_item(value: object, path: str) -> Json:
    item = checked_json(value, path)
    most = f"an item takes at most {MAX_ITEM_BYTES}"
    check_size(item, path, MAX_ITEM_BYTES, ItemTooLargeError, most)
    return item
