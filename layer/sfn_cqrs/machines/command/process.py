"""The process item: where one version of one item stands, and who may change that.

The conditions are those of the conditional writes, which `chain` has. The models apply them, and
the table spells the same ones as expressions.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.conditions import Absent, Condition, is_one
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.kernel.notices import Message, Place, notice, told

RUN_LASTS = timedelta(minutes=6)
"""A run of the express machine ends within five."""
CLAIMED_WITHIN = timedelta(minutes=30)
"""For so long a version waits for a run of the express machine that claims it."""
START = "start"
"""The status that starts an execution; only publish and restart write it."""


class Outcome(StrEnum):
    """The outcome of a version."""

    OPEN = "OPEN"
    WAITING = "WAITING"
    APPLIED = "APPLIED"
    FAILED = "FAILED"
    BLOCKED = "BLOCKED"
    SKIPPED = "SKIPPED"

    @property
    def is_open(self) -> bool:
        """An attempt is under way, or waits."""
        return self in (Outcome.OPEN, Outcome.WAITING)

    @property
    def is_repairable(self) -> bool:
        """Restart and skip apply."""
        return self in (Outcome.FAILED, Outcome.BLOCKED)

    @property
    def is_settled(self) -> bool:
        """Nothing will change it again; a successor need not wait for it."""
        return self in (Outcome.APPLIED, Outcome.SKIPPED)

    @property
    def may_expire(self) -> bool:
        """The data row tells as much; nothing but its process item tells that one is skipped."""
        return self is Outcome.APPLIED


class Mode(StrEnum):
    """The first to apply the version: the machine, or the request that published it."""

    ASYNC = "ASYNC"
    SYNC = "SYNC"


class Lane(StrEnum):
    """The machine that a version is published to: EXPRESS, or STANDARD, which can wait."""

    EXPRESS = "EXPRESS"
    STANDARD = "STANDARD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One version's process item, as stored.

    `lane` is written by publish and never changed. `run` is the claim of the one run of the
    express machine that may write, which AWS may start more than once. `trace` is the header of
    the trace that published it: a stream carries none, and each attempt goes on with it.
    `depth` is how many handlers of notices led to it.
    `opened_at` is when the attempt was opened, or when it failed; indexes list it by that.
    `repaired_by` is the person who retried or skipped it last, and `repaired_at` when.
    """

    key: ItemKey
    version: int
    attempt: int = 1
    outcome: Outcome = Outcome.OPEN
    mode: Mode = Mode.ASYNC
    lane: Lane = Lane.STANDARD
    run: str | None = None
    status: str = START
    command_id: str = ""
    source: str = ""
    trace: str = ""
    depth: int = 0
    opened_at: str = ""
    updated_at: str = ""
    token: str | None = field(default=None, repr=False)
    token_seq: int | None = None
    error: str | None = None
    cause: str | None = None
    repaired_by: str = ""
    repaired_at: str = ""

    @property
    def ref(self) -> CommandRef:
        """The attempt that owns this item now."""
        return CommandRef(self.key, self.version, self.attempt)

    @property
    def was_handed_over(self) -> bool:
        """A synchronous publish died or failed, and the machine took over."""
        return self.mode is Mode.SYNC and self.attempt > 1

    @property
    def is_with_its_publisher(self) -> bool:
        """A synchronous publish holds it, or died holding it."""
        return IS_WITH_ITS_PUBLISHER.holds(self)

    @property
    def is_express(self) -> bool:
        """The express machine runs this attempt: the first, and no other."""
        return IS_EXPRESS.holds(self)

    @property
    def is_in_the_express_lane(self) -> bool:
        """A run of the express machine holds it, or died holding it, or was never started."""
        return IS_IN_THE_EXPRESS_LANE.holds(self)

    def has_outlived_its_run(self, now: datetime) -> bool:
        """No run lasts so long, and none that comes so late need be waited for.

        It only saves work: to hand over too early does no harm.
        """
        lasts = CLAIMED_WITHIN if self.run is None else RUN_LASTS
        return self.updated_at < iso(now - lasts)


IS_OPEN = is_one("outcome", *(each for each in Outcome if each.is_open))
IS_REPAIRABLE = is_one("outcome", *(each for each in Outcome if each.is_repairable))
IS_EXPRESS = is_one("lane", Lane.EXPRESS) & is_one("attempt", 1)
IS_IN_THE_EXPRESS_LANE = IS_EXPRESS & is_one("outcome", Outcome.OPEN)
IS_WITH_ITS_PUBLISHER = (
    is_one("mode", Mode.SYNC) & is_one("attempt", 1) & is_one("outcome", Outcome.OPEN)
)


def is_attempt(attempt: int, run: str | None = None) -> Condition:
    """Return the condition that this attempt is the current one, and this run its only one.

    The first run that writes claims the attempt. A repair has no run, and needs no claim.
    """
    current = is_one("attempt", attempt)
    return current if run is None else current & (Absent("run") | is_one("run", run))


def is_owned_by(attempt: int, run: str | None = None) -> Condition:
    """Return the condition that this attempt, and this run of it, may write: it is open."""
    return is_attempt(attempt, run) & IS_OPEN


def next_attempt(attempt: int) -> dict[str, Any]:
    """Return what opens the attempt after this one: the stream sees the status and starts it."""
    left = dict.fromkeys(("token", "token_seq", "run", "error", "cause"))
    return {"attempt": attempt + 1, "outcome": Outcome.OPEN, "status": START, **left}


def repaired(by: str) -> dict[str, Any]:
    """Return what names the person who repairs a version; nothing if no person asks for it."""
    return {"repaired_by": by} if by else {}


class Turn(IntEnum):
    """The answer; check_version's Choice compares the numbers of the first three."""

    NOW = 0
    WAIT = 1
    TOO_LATE = -1
    BLOCKED = 2
    GAP = 3


@dataclass(frozen=True, slots=True)
class DataVersion:
    """How far the data row is, and by which command (version 0: no row)."""

    version: int = 0
    command_id: str = ""


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The nearest version below that is not skipped (0: none), and its outcome if known.

    No outcome means no process item: an import applied it, or it has expired.
    """

    version: int = 0
    outcome: Outcome | None = None


def whose_turn(mine: Process, predecessor: Predecessor, data: DataVersion) -> Turn:
    """Say what a version has to do; the predecessor was read before the data, never after."""
    if data.version >= mine.version:
        is_mine = data.version == mine.version and data.command_id == mine.command_id
        return Turn.NOW if is_mine or mine.was_handed_over else Turn.TOO_LATE
    if predecessor.outcome is None:
        return Turn.NOW if data.version >= predecessor.version else Turn.GAP
    if predecessor.outcome is Outcome.APPLIED and data.version >= predecessor.version:
        return Turn.NOW
    return Turn.BLOCKED if predecessor.outcome.is_repairable else Turn.WAIT


def command_status(process: Process, table: str) -> Message:
    """The notice that a version has closed; the error's name, but not its text."""
    names = ("status", "source", "outcome", "version", "attempt", "lane", "error")
    content = told(process, *names, type="key.type", code="key.code")
    return notice("command-status", place_of(process), table, content, process.depth, process.trace)


def place_of(process: Process) -> Place:
    """Return the version's public id, and where its process item is."""
    key = process.key
    return Place(process.command_id, key.tenant, key.pk, key.version_sk(process.version))
