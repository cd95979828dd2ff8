"""Sagas: steps that are all made or all undone, their log, and who may change it.

A write carries its rule, which the models check and production runs: see `records`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.ending import WorkEnding, kept_result
from sfn_cqrs.kernel.errors import SagaInputTooLargeError, SagaResultError
from sfn_cqrs.kernel.keys import SagaKey, SagaRef
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.values import Json, check_size, checked_object

MAX_INPUT_BYTES = 64 * 1024
MAX_RESULT_BYTES = 8 * 1024
MAX_STEPS = 10
"""Input, results and errors of a saga and all its steps stay below an item's 400 KB."""
MAX_PARTS = 30
"""Steps, choices, pauses, waits and lists of a declared saga."""
MAX_ITEM_PARTS = 50
"""What all lists of a saga may make together: items, times the parts that each of them has."""
MAX_ITEM_RESULT_BYTES = 1024
EACH = "each"
"""The arm of a list: what is made for each of its items."""
MET, OTHERWISE = "met", "otherwise"
"""How a wait ends: what it asks for has come true, or its time is over."""
PROMISED_SECONDS = 30
"""What a step may take that says nothing else."""
MAX_SECONDS = 300
"""What a step may take at most: its function may take half a minute more."""
MAX_TRIES = 40
"""The machine tries a state no more often."""


class SagaStatus(StrEnum):
    """Where a saga stands."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    COMPENSATING = "COMPENSATING"
    COMPLETED = "COMPLETED"
    COMPENSATED = "COMPENSATED"
    PARKED = "PARKED"

    @property
    def is_open(self) -> bool:
        """An attempt runs, or is about to."""
        return self in OPEN


OPEN = (SagaStatus.CREATED, SagaStatus.RUNNING, SagaStatus.COMPENSATING)


class EntryStatus(StrEnum):
    """The state of a step or of a compensation in the log.

    STARTED may also mean that nobody could record how it ended.
    """

    STARTED = "STARTED"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


class MoveKind(StrEnum):
    """What a declared saga may have in its order."""

    STEP = "STEP"
    CHOICE = "CHOICE"
    PAUSE = "PAUSE"
    WAIT = "WAIT"
    EACH = "EACH"


@dataclass(frozen=True, slots=True)
class Move:
    """A step and what undoes it, by their names; with what a declared saga says of it besides.

    It is made only where the choice of this name has chosen this `arm`. `tries` is how often an
    error is tried before it is final, and `seconds` what the step may take, or a pause or a wait
    lasts at most; a wait asks `every` so many seconds whether it is over.

    A list has at `most` so many items. What is made for `each` of its items stands once in the
    order; its `item` is the number of one of them.
    """

    step: str
    compensation: str | None = None
    kind: MoveKind = MoveKind.STEP
    choice: str | None = None
    arm: str | None = None
    tries: int = 1
    seconds: int = PROMISED_SECONDS
    every: int = 0
    most: int = 0
    each: str | None = None
    item: int = 0

    def made_for(self, item: int, of: "Move") -> "Move":
        """Return what is made for an item of a list: `ship.2` for its second one."""
        inner = self.choice != of.step
        return replace(
            self,
            step=_of_item(self.step, item),
            compensation=self.compensation and _of_item(self.compensation, item),
            choice=_of_item(str(self.choice), item) if inner else of.choice,
            arm=self.arm if inner else of.arm,
            item=item,
        )

    @property
    def lasts(self) -> bool:
        """Whether it is there to let time pass: a pause or a wait."""
        return self.kind in (MoveKind.PAUSE, MoveKind.WAIT)

    def asked_at(self, began_at: str, now: datetime) -> str:
        """Return when to look again at a pause or a wait that began then."""
        over = self.over_at(began_at)
        return min(over, iso(now + timedelta(seconds=self.every))) if self.every else over

    def over_at(self, began_at: str) -> str:
        """Return when a pause or a wait is over at the latest that began then."""
        return iso(datetime.fromisoformat(began_at) + timedelta(seconds=self.seconds))


def plain(name: str) -> str:
    """Return the name of the function: a step's name without the number of its item."""
    return name.partition(".")[0]


def _of_item(name: str, item: int) -> str:
    return f"{name}.{item}"


Owner = tuple[int, int, bool]
"""A try: its attempt, its number, and whether a state was entered for it; the greater is later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log; `attempt`, `seq` (its RetryCount) and `is_ahead` are its owner, a try.

    A function that goes on from the step before is ahead of the machine, which may have given it
    up and enter a state for the same try: that state takes the line over, and never the reverse.
    """

    status: EntryStatus = EntryStatus.STARTED
    attempt: int = 1
    seq: int = 0
    is_ahead: bool = False
    began_at: str = ""
    ended_at: str | None = None
    result: Json = None
    error: str | None = None
    cause: str | None = None
    unknown: Mapping[str, Json] = field(default_factory=dict, compare=False)
    """Lines that another version of the code has written."""

    @property
    def owner(self) -> Owner:
        """The try that works on it, or has."""
        return self.attempt, self.seq, not self.is_ahead

    def may_be_begun(self, by: Owner, *, is_undo: bool) -> bool:
        """A later try takes over what has no end; a compensation also what has failed."""
        can_begin = self.status is EntryStatus.STARTED or (
            is_undo and self.status is not EntryStatus.DONE
        )
        return can_begin and self.owner <= by

    def may_be_ended(self, by: Owner) -> bool:
        """Only the try that works on it says how it ended."""
        return self.status is EntryStatus.STARTED and self.owner == by

    def ended(self, ending: "Ending", at: str) -> "Entry":
        """The work has ended."""
        return replace(self, ended_at=at, **ending.fields)


@dataclass(frozen=True, slots=True)
class Ending(WorkEnding[EntryStatus]):
    """How a step or a compensation ended: with a result, or with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga(Record):
    """A saga as stored, with its log: an entry per step and per compensation that has begun.

    `is_undoing`: the saga has turned back, for good. `error` and `cause` say why, or why it
    is parked; while it is parked, `turned_error` and `turned_cause` keep why it turned back.
    `restarts` counts the attempts that the sweep has begun since a person did. `depth` is how many
    handlers of notices led to it. `order` is what a declared saga had declared when it began; it
    has none that a machine of its own runs.
    """

    key: SagaKey
    saga: str
    name: str
    input: dict[str, Json]
    created: Audit
    opened_at: str
    status: SagaStatus = SagaStatus.CREATED
    attempt: int = 1
    restarts: int = 0
    is_undoing: bool = False
    log: Mapping[str, Entry] = field(default_factory=dict)
    order: tuple[Move, ...] = ()
    error: str | None = None
    cause: str | None = None
    turned_error: str | None = None
    turned_cause: str | None = None
    source: str = ""
    trace: str = ""
    depth: int = 0
    request_id: str = ""

    @property
    def ref(self) -> SagaRef:
        """The attempt that owns this saga now."""
        return SagaRef(self.key, self.attempt, self.saga, is_declared=bool(self.order))

    @property
    def moves(self) -> tuple[Move, ...]:
        """What it makes in its order; what a list has, once for each item, as soon as it is known.

        Until then it stands there once, and nobody has chosen it.
        """
        made: list[Move] = []
        for move in self.order:
            if not self._has_items(move.each):
                made.append(move)
            entry = self.log.get(move.step)
            if move.kind is MoveKind.EACH and entry and self._has_items(move.step):
                body = [each for each in self.order if each.each == move.step]
                items = range(1, len(entry.result) + 1) if isinstance(entry.result, list) else ()
                made += [each.made_for(item, move) for item in items for each in body]
        return tuple(made)

    def _has_items(self, name: str | None) -> bool:
        entry = self.log.get(name or "")
        return entry is not None and entry.status is EntryStatus.DONE

    @property
    def busy_since(self) -> str:
        """Since when it has work: since it was opened, or its last pause is over, or will be."""
        begun = [(m, self.log[m.step]) for m in self.moves if m.lasts and m.step in self.log]
        ends = (entry.ended_at or move.over_at(entry.began_at) for move, entry in begun)
        return max(self.opened_at, *ends, "")

    def is_at(self, attempt: int, *statuses: SagaStatus) -> bool:
        """Whether an attempt owns the saga, and it is in one of these statuses."""
        return self.attempt == attempt and self.status in statuses

    def with_entry(self, name: str, entry: Entry) -> "Saga":
        """The log has another line, or one line more."""
        return replace(self, log={**self.log, name: entry})


@dataclass(frozen=True, slots=True)
class Open:
    """Begin the attempt, forward or back; it begins once. One that turns the saga says why."""

    attempt: int
    is_undoing: bool
    error: str | None = None
    cause: str | None = None

    def on(self, saga: Saga, _at: str) -> Saga | None:
        if not saga.is_at(self.attempt, SagaStatus.CREATED):
            return None
        status = _status_of(is_undo=self.is_undoing)
        opened = replace(saga, status=status, is_undoing=self.is_undoing)
        turns = self.is_undoing and not saga.is_undoing
        return replace(opened, error=self.error, cause=self.cause) if turns else opened


@dataclass(frozen=True, slots=True)
class Begin:
    """A step begins while the saga runs, a compensation once it has turned back.

    A pause that goes on in a later attempt has begun when its first one did.
    """

    name: str
    attempt: int
    seq: int
    is_undo: bool = False
    is_pause: bool = False
    is_ahead: bool = False

    def on(self, saga: Saga, at: str) -> Saga | None:
        entry = saga.log.get(self.name)
        begun = Entry(attempt=self.attempt, seq=self.seq, is_ahead=self.is_ahead, began_at=at)
        if not saga.is_at(self.attempt, _status_of(is_undo=self.is_undo)) or (
            entry and not entry.may_be_begun(begun.owner, is_undo=self.is_undo)
        ):
            return None
        if entry and self.is_pause:
            begun = replace(begun, began_at=entry.began_at)
        return saga.with_entry(self.name, begun)


@dataclass(frozen=True, slots=True)
class End:
    """How a step or compensation ended; a late one is recorded no more once the saga turned."""

    name: str
    attempt: int
    seq: int
    ending: Ending
    is_undo: bool = False
    is_ahead: bool = False

    @property
    def owner(self) -> Owner:
        """The try that says so."""
        return self.attempt, self.seq, not self.is_ahead

    def on(self, saga: Saga, at: str) -> Saga | None:
        """Return the saga with the line ended; None if a later try or attempt owns the line."""
        entry = saga.log.get(self.name)
        if not saga.is_at(self.attempt, _status_of(is_undo=self.is_undo)) or (
            entry is None or not entry.may_be_ended(self.owner)
        ):
            return None
        return saga.with_entry(self.name, entry.ended(self.ending, at))


@dataclass(frozen=True, slots=True)
class TurnBack:
    """Turn the saga back, once: from now on its steps are undone."""

    attempt: int
    error: str
    cause: str

    def on(self, saga: Saga, _at: str) -> Saga | None:
        if not saga.is_at(self.attempt, SagaStatus.RUNNING):
            return None
        status = SagaStatus.COMPENSATING
        return replace(saga, status=status, is_undoing=True, error=self.error, cause=self.cause)


@dataclass(frozen=True, slots=True)
class Close:
    """End the saga: COMPLETED without an error, or COMPENSATED if it has turned back."""

    attempt: int
    status: SagaStatus

    def on(self, saga: Saga, _at: str) -> Saga | None:
        is_undo = self.status is SagaStatus.COMPENSATED
        if not saga.is_at(self.attempt, _status_of(is_undo=is_undo)):
            return None
        error, cause = (saga.error, saga.cause) if is_undo else (None, None)
        return replace(saga, status=self.status, error=error, cause=cause)


@dataclass(frozen=True, slots=True)
class Park:
    """Nothing happens to what is open any more, until a person retries it."""

    attempt: int
    error: str
    cause: str

    def on(self, saga: Saga, _at: str) -> Saga | None:
        if not saga.is_at(self.attempt, *OPEN):
            return None
        parked = replace(saga, status=SagaStatus.PARKED, error=self.error, cause=self.cause)
        if not saga.is_undoing:
            return parked
        return replace(parked, turned_error=saga.error, turned_cause=saga.cause)


@dataclass(frozen=True, slots=True)
class Restart:
    """The sweep begins the next attempt in the place of one that died; the stream starts it."""

    attempt: int

    def on(self, saga: Saga, at: str) -> Saga | None:
        if not saga.is_at(self.attempt, *OPEN):
            return None
        return _next_attempt(saga, at, restarts=saga.restarts + 1)


@dataclass(frozen=True, slots=True)
class Retry:
    """A person begins the next attempt of what is parked; one that undoes says why again."""

    attempt: int
    depth: int = 0

    def on(self, saga: Saga, at: str) -> Saga | None:
        if not saga.is_at(self.attempt, SagaStatus.PARKED):
            return None
        retried = _next_attempt(saga, at, restarts=0)
        retried = replace(retried, depth=max(saga.depth, self.depth))
        if saga.turned_error is None:
            return retried
        error, cause = saga.turned_error, saga.turned_cause
        return replace(retried, error=error, cause=cause, turned_error=None, turned_cause=None)


SagaWrite = Open | Begin | End | TurnBack | Close | Park | Restart | Retry


def _next_attempt(saga: Saga, at: str, *, restarts: int) -> Saga:
    status = SagaStatus.CREATED
    return replace(saga, status=status, attempt=saga.attempt + 1, restarts=restarts, opened_at=at)


def checked_input(value: object) -> dict[str, Json]:
    """A saga's input, as a user sent it.

    Raises:
        SagaInputTooLargeError: it is larger than a saga takes.
        InvalidInputError: it is not an object, or naming the path of what cannot be kept.
    """
    checked = checked_object(value, "input")
    most = f"a saga takes at most {MAX_INPUT_BYTES}"
    check_size(checked, "input", MAX_INPUT_BYTES, SagaInputTooLargeError, most)
    return checked


def checked_result(value: object, most: int = MAX_RESULT_BYTES) -> Json:
    """Return a step's result, if the log can hold it.

    Raises:
        SagaResultError: it is not JSON, or too large.
    """
    return kept_result(value, most, SagaResultError, f"the log takes at most {most}")


def _status_of(*, is_undo: bool) -> SagaStatus:
    return SagaStatus.COMPENSATING if is_undo else SagaStatus.RUNNING
