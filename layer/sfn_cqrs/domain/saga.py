"""Sagas: steps that are all made or all undone, their log, and who may change it.

The predicates are the conditions of the conditional writes. The fake applies them, the
DynamoDB adapter spells them as expressions, and a contract test holds the two equal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sfn_cqrs.domain.command import MAX_NAME_CHARACTERS, Audit
from sfn_cqrs.domain.errors import InvalidInputError, SagaInputTooLargeError, SagaResultError
from sfn_cqrs.domain.keys import SagaKey, SagaRef
from sfn_cqrs.domain.values import Json, canonical, checked_json

MAX_INPUT_BYTES = 64 * 1024
MAX_RESULT_BYTES = 8 * 1024
MAX_STEPS = 10
"""Input, results and errors of a saga and all its steps stay below an item's 400 KB."""


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
    """What the log says of a step or of a compensation.

    STARTED may also mean that nobody could record how it ended.
    """

    STARTED = "STARTED"
    DONE = "DONE"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log; `attempt` and `seq` (its RetryCount) are the try that owns it."""

    status: EntryStatus = EntryStatus.STARTED
    attempt: int = 1
    seq: int = 0
    began_at: str = ""
    ended_at: str | None = None
    result: Json = None
    error: str | None = None
    cause: str | None = None

    def may_be_begun(self, attempt: int, seq: int, *, is_undo: bool) -> bool:
        """A later try takes over what has no end; a compensation also what has failed."""
        is_later = self.attempt < attempt or (self.attempt == attempt and self.seq <= seq)
        can_begin = self.status is EntryStatus.STARTED or (
            is_undo and self.status is not EntryStatus.DONE
        )
        return can_begin and is_later

    def may_be_ended(self, attempt: int, seq: int) -> bool:
        """Only the try that works on it says how it ended."""
        return (self.status, self.attempt, self.seq) == (EntryStatus.STARTED, attempt, seq)

    def ended(self, ending: "Ending", at: str) -> "Entry":
        """The work has ended."""
        return replace(
            self,
            status=ending.status,
            ended_at=at,
            result=ending.result,
            error=ending.error,
            cause=ending.cause,
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step or a compensation ended: with a result, or with an error."""

    status: EntryStatus
    result: Json = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga:
    """A saga as stored, with its log: an entry per step and per compensation that has begun.

    `is_undoing`: the saga has turned back, for good. `error` and `cause` say why, or why it
    is parked. `restarts` counts the attempts that the sweep has begun since a person did.
    """

    key: SagaKey
    saga: str
    name: str
    input: dict[str, Json]
    created: Audit
    opened_at: str
    updated_at: str
    status: SagaStatus = SagaStatus.CREATED
    attempt: int = 1
    restarts: int = 0
    is_undoing: bool = False
    log: Mapping[str, Entry] = field(default_factory=dict)
    error: str | None = None
    cause: str | None = None
    source: str = ""
    request_id: str = ""

    @property
    def ref(self) -> SagaRef:
        """The attempt that owns this saga now."""
        return SagaRef(self.key, self.saga, self.attempt)

    def may_open(self, attempt: int) -> bool:
        """An attempt begins once."""
        return self.attempt == attempt and self.status is SagaStatus.CREATED

    def may_begin(self, name: str, attempt: int, seq: int, *, is_undo: bool) -> bool:
        """A step is made while the saga runs, a compensation once it has turned back."""
        if self.attempt != attempt or self.status is not _status_of(is_undo=is_undo):
            return False
        entry = self.log.get(name)
        return entry is None or entry.may_be_begun(attempt, seq, is_undo=is_undo)

    def may_end(self, name: str, attempt: int, seq: int, *, is_undo: bool) -> bool:
        """What a late function has done is recorded no more once the saga has turned back."""
        entry = self.log.get(name)
        return (
            self.attempt == attempt
            and self.status is _status_of(is_undo=is_undo)
            and entry is not None
            and entry.may_be_ended(attempt, seq)
        )

    def may_turn_back(self, attempt: int) -> bool:
        """A saga that runs may turn back, and never turns again."""
        return self.attempt == attempt and self.status is SagaStatus.RUNNING

    def may_close(self, attempt: int, status: SagaStatus) -> bool:
        """What runs is completed, what has turned back is compensated."""
        is_undo = status is SagaStatus.COMPENSATED
        return self.attempt == attempt and self.status is _status_of(is_undo=is_undo)

    def may_park(self, attempt: int) -> bool:
        """Only what is open can be parked."""
        return self.attempt == attempt and self.status.is_open

    def may_redrive(self, attempt: int) -> bool:
        """Only what is parked can be redriven, once per attempt."""
        return self.attempt == attempt and self.status is SagaStatus.PARKED

    def opened(self, *, is_undoing: bool) -> "Saga":
        """An attempt has begun, forward or back."""
        return replace(self, status=_status_of(is_undo=is_undoing), is_undoing=is_undoing)

    def with_entry(self, name: str, entry: Entry) -> "Saga":
        """The log has another line, or one line more."""
        return replace(self, log={**self.log, name: entry})

    def turned_back(self, error: str, cause: str) -> "Saga":
        """What was done is undone from now on."""
        return replace(
            self, status=SagaStatus.COMPENSATING, is_undoing=True, error=error, cause=cause
        )

    def closed(self, status: SagaStatus) -> "Saga":
        """The saga has come to its end; a completed one has no error."""
        if status is SagaStatus.COMPLETED:
            return replace(self, status=status, error=None, cause=None)
        return replace(self, status=status)

    def parked(self, error: str, cause: str) -> "Saga":
        """Nothing happens any more until a person redrives it."""
        return replace(self, status=SagaStatus.PARKED, error=error, cause=cause)

    def restarted(self) -> "Saga":
        """The sweep begins the next attempt; the stream sees the status and starts it."""
        return replace(
            self, status=SagaStatus.CREATED, attempt=self.attempt + 1, restarts=self.restarts + 1
        )

    def redriven(self) -> "Saga":
        """A person begins the next attempt."""
        return replace(self, status=SagaStatus.CREATED, attempt=self.attempt + 1, restarts=0)


def checked_name(name: object) -> str:
    """A saga's name, as a user sent it.

    Raises:
        InvalidInputError: it is no text, or too long.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARACTERS:
        raise InvalidInputError(
            "name", f"must be a string of at most {MAX_NAME_CHARACTERS} characters"
        )
    return str(checked_json(name, "name"))


def checked_input(value: object) -> dict[str, Json]:
    """A saga's input, as a user sent it.

    Raises:
        SagaInputTooLargeError: it is larger than a saga takes.
        InvalidInputError: it is no object, or naming the path of what cannot be kept.
    """
    checked = checked_json(value, "input")
    if not isinstance(checked, dict):
        raise InvalidInputError("input", "must be an object")
    size = len(canonical(checked).encode())
    if size > MAX_INPUT_BYTES:
        raise SagaInputTooLargeError(
            "input",
            f"has {size} bytes, and a saga takes at most {MAX_INPUT_BYTES};"
            " store it elsewhere and send where it is",
        )
    return checked


def checked_result(value: object) -> Json:
    """What a step returned, if the log can hold it.

    Raises:
        SagaResultError: it is no JSON, or too large.
    """
    try:
        result = checked_json(value, "result")
    except InvalidInputError as error:
        raise SagaResultError(str(error)) from error
    size = len(canonical(result).encode())
    if size > MAX_RESULT_BYTES:
        raise SagaResultError(
            f"the result has {size} bytes, and the log takes at most {MAX_RESULT_BYTES};"
            " store it elsewhere and return where it is"
        )
    return result


def _status_of(*, is_undo: bool) -> SagaStatus:
    return SagaStatus.COMPENSATING if is_undo else SagaStatus.RUNNING
