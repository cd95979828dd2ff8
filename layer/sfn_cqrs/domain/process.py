"""The process item: where one version of one item stands, and who may change that.

The predicates are the conditions of the conditional writes. The fake applies them, the
DynamoDB adapter spells them as expressions, and a contract test holds the two equal.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.keys import CommandRef, ItemKey

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
    `opened_at` is when the attempt was opened, or when it failed; indexes list it by that.
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
    opened_at: str = ""
    updated_at: str = ""
    token: str | None = field(default=None, repr=False)
    token_seq: int | None = None
    error: str | None = None
    cause: str | None = None

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
        return self.mode is Mode.SYNC and self.attempt == 1 and self.outcome is Outcome.OPEN

    @property
    def is_express(self) -> bool:
        """The express machine runs this attempt: the first, and no other."""
        return self.lane is Lane.EXPRESS and self.attempt == 1

    @property
    def is_in_the_express_lane(self) -> bool:
        """A run of the express machine holds it, or died holding it, or was never started."""
        return self.is_express and self.outcome is Outcome.OPEN

    def has_outlived_its_run(self, now: datetime) -> bool:
        """No run lasts so long, and none that comes so late need be waited for.

        It only saves work: to hand over too early does no harm.
        """
        lasts = CLAIMED_WITHIN if self.run is None else RUN_LASTS
        return self.updated_at < iso(now - lasts)

    def is_run_of(self, run: str | None) -> bool:
        """Nobody has claimed the attempt, or this run has; None repairs, and needs no claim."""
        return run is None or self.run in (None, run)

    def may_be_written_by(self, attempt: int, run: str | None = None) -> bool:
        """Only the current attempt writes, only its one run, and only while it is open."""
        return self.attempt == attempt and self.outcome.is_open and self.is_run_of(run)

    def may_begin(self, attempt: int, *, is_first: bool, run: str | None = None) -> bool:
        """The first state precedes the wait: come late, it must not take the token away."""
        has_waited = self.token_seq is not None
        return self.may_be_written_by(attempt, run) and not (is_first and has_waited)

    def may_park(self, attempt: int, seq: int) -> bool:
        """A retried wait replaces the token of an earlier try, never the reverse."""
        newest = self.token_seq is None or self.token_seq < seq
        return self.may_be_written_by(attempt) and newest

    def may_restart(self, attempt: int) -> bool:
        """Return whether it may run again, once per attempt: it failed, or its publisher died."""
        restartable = self.outcome.is_repairable or self.is_with_its_publisher
        return self.attempt == attempt and restartable

    def may_leave(self, attempt: int, run: str | None = None) -> bool:
        """The standard machine takes over what is open in the express lane, and nothing else."""
        is_its = self.attempt == attempt and self.is_in_the_express_lane
        return is_its and self.is_run_of(run)

    def may_renew(self, attempt: int, run: str) -> bool:
        """Only what is open is begun anew, and only in the place of the run that is lost."""
        return self.may_be_written_by(attempt, run) and self.run == run

    def may_skip(self, attempt: int) -> bool:
        """Only what failed can be given up."""
        return self.attempt == attempt and self.outcome.is_repairable

    def begun(self, status: str, run: str | None = None) -> "Process":
        """A state of the machine has begun; a wait, if there was one, is over."""
        return replace(self, status=status, outcome=Outcome.OPEN, token=None, run=run or self.run)

    def parked(self, token: str, seq: int, status: str) -> "Process":
        """The version waits for its predecessor."""
        return replace(self, status=status, outcome=Outcome.WAITING, token=token, token_seq=seq)

    def closed(
        self, outcome: Outcome, status: str, error: str | None = None, cause: str | None = None
    ) -> "Process":
        """The attempt has ended."""
        return replace(self, status=status, outcome=outcome, token=None, error=error, cause=cause)

    def restarted(self) -> "Process":
        """The next attempt; the stream sees the status and starts it."""
        return replace(
            self,
            attempt=self.attempt + 1,
            outcome=Outcome.OPEN,
            status=START,
            token=None,
            run=None,
            token_seq=None,
            error=None,
            cause=None,
        )

    def skipped(self) -> "Process":
        """The version is given up for good; its error stays to be read."""
        return replace(self, outcome=Outcome.SKIPPED, status="skip:FINISHED", token=None)
