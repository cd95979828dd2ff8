"""The chain: how the versions of an item wait for one another, wake one another and heal.

Each rule is a program: a generator that yields one call at a time and is sent its answer.
The service runs the programs against DynamoDB and Step Functions; the model check runs the
very same ones through every interleaving. Write first, then read the other side: of two
programs that write and then look, the later one sees the earlier one's write.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sfn_cqrs.kernel.conditions import Absent, Below, Condition, ConditionalWrite, is_one
from sfn_cqrs.kernel.errors import NotFailedError, NotFoundError, SupersededError, TransientError
from sfn_cqrs.kernel.failure import MAX_SUMMARY
from sfn_cqrs.kernel.programs import Execution
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.command.process import (
    IS_IN_THE_EXPRESS_LANE,
    IS_REPAIRABLE,
    IS_WITH_ITS_PUBLISHER,
    START,
    DataVersion,
    Outcome,
    Predecessor,
    Process,
    Turn,
    is_attempt,
    is_owned_by,
    next_attempt,
    repaired,
    whose_turn,
)


@dataclass(frozen=True, slots=True)
class FindProcess:
    """Read a version's process item consistently: Process or None."""

    version: int


@dataclass(frozen=True, slots=True)
class FindData:
    """Read how far the data row is, consistently: DataVersion."""


@dataclass(frozen=True, slots=True)
class WriteData:
    """Move the data row from `expected` to this version: True, or False if it has moved."""

    version: int
    expected: int


@dataclass(frozen=True, slots=True)
class OfAttempt:
    """What is asked of an attempt to run a version."""

    version: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ProcessWrite(OfAttempt, ConditionalWrite[Process]):
    """A conditional write of a version's process item: Written."""

    @property
    def is_listed_anew(self) -> bool:
        """Whether the indexes list the version by the moment of this write."""
        return False


@dataclass(frozen=True, slots=True)
class Begin(ProcessWrite):
    """Write a state's status, and the run's claim with the first; a wait is over.

    The first state precedes the wait: if it comes late, it must not take the token away.
    """

    status: str
    is_first: bool = False
    run: str | None = None

    def when(self, _now: float) -> Condition:
        """Return that the attempt is open, and has not waited if this is its first state."""
        owned = is_owned_by(self.attempt, self.run)
        return owned & Absent("token_seq") if self.is_first else owned

    def sets(self) -> dict[str, Any]:
        """Return the status of the state."""
        claim = {"run": self.run} if self.is_first and self.run else {}
        return {"status": self.status, "outcome": Outcome.OPEN, "token": None, **claim}


@dataclass(frozen=True, slots=True)
class Park(ProcessWrite):
    """Store the task token of the waiting state.

    A retried wait replaces the token of an earlier try, never the reverse.
    """

    token: str = field(repr=False)
    seq: int

    def when(self, _now: float) -> Condition:
        """Return that the attempt is open, and has no newer token."""
        return is_owned_by(self.attempt) & (Absent("token_seq") | Below("token_seq", self.seq))

    def sets(self) -> dict[str, Any]:
        """Return the token and the outcome WAITING."""
        wait = {"outcome": Outcome.WAITING, "status": "wait_prev_command:STARTED"}
        return {**wait, "token": self.token, "token_seq": self.seq}


@dataclass(frozen=True, slots=True)
class Close(ProcessWrite):
    """Write the outcome of an attempt."""

    outcome: Outcome
    status: str
    error: str | None = None
    cause: str | None = None
    run: str | None = None

    @property
    def is_listed_anew(self) -> bool:
        """Whether it failed: repairs list it by that moment."""
        return self.outcome is Outcome.FAILED

    def when(self, _now: float) -> Condition:
        """Return that the attempt is open."""
        return is_owned_by(self.attempt, self.run)

    def sets(self) -> dict[str, Any]:
        """Return the outcome, with the error if there is one."""
        cause = None if self.error is None else self.cause or ""
        ended = {"status": self.status, "outcome": self.outcome, "token": None}
        return {**ended, "error": self.error, "cause": cause}


@dataclass(frozen=True, slots=True)
class NextAttempt(ProcessWrite):
    """Open the next attempt."""

    def sets(self) -> dict[str, Any]:
        """Return the next attempt."""
        return next_attempt(self.attempt)


@dataclass(frozen=True, slots=True)
class Restart(NextAttempt):
    """Open the next attempt, once: this one failed, is blocked, or its publisher died.

    One that is asked for below a notice has that `depth` from now on.
    """

    depth: int = 0
    by: str = ""

    @property
    def is_listed_anew(self) -> bool:
        """Whether the sweep counts from now: yes."""
        return True

    def when(self, _now: float) -> Condition:
        """Return that the attempt may be repaired, or is still with its publisher."""
        return is_attempt(self.attempt) & (IS_REPAIRABLE | IS_WITH_ITS_PUBLISHER)

    def sets(self) -> dict[str, Any]:
        """Return the next attempt, its depth if it has one, and the person who asks for it."""
        below = {"depth": self.depth} if self.depth else {}
        return {**NextAttempt.sets(self), **below, **repaired(self.by)}


@dataclass(frozen=True, slots=True)
class Leave(NextAttempt):
    """Open the next attempt, which the standard machine runs, of what the express lane has."""

    run: str | None = None

    def when(self, _now: float) -> Condition:
        """Return that the attempt is in the express lane, and claimed by no other run."""
        return is_attempt(self.attempt, self.run) & IS_IN_THE_EXPRESS_LANE


@dataclass(frozen=True, slots=True)
class IsOurs(OfAttempt):
    """Whether a run is the one that starting an attempt here makes: bool."""

    run: str


@dataclass(frozen=True, slots=True)
class Renew(NextAttempt):
    """Open the next attempt of an open one whose run is lost."""

    run: str

    def when(self, _now: float) -> Condition:
        """Return that the attempt is open, and still claimed by the run that is lost."""
        return is_owned_by(self.attempt) & is_one("run", self.run)


@dataclass(frozen=True, slots=True)
class Skip(ProcessWrite):
    """Give a version up for good; its error stays to be read."""

    by: str = ""

    def when(self, _now: float) -> Condition:
        """Return that the attempt failed or is blocked."""
        return is_attempt(self.attempt) & IS_REPAIRABLE

    def sets(self) -> dict[str, Any]:
        """Return the outcome SKIPPED."""
        given_up = {"outcome": Outcome.SKIPPED, "status": "skip:FINISHED", "token": None}
        return {**given_up, **repaired(self.by)}


@dataclass(frozen=True, slots=True)
class Succeed:
    """End a wait: its execution continues. A used token is not an error."""

    version: int
    token: str = field(repr=False)
    predecessor: int


@dataclass(frozen=True, slots=True)
class Reject:
    """End a wait: its execution fails with the error. A used token is not an error."""

    version: int
    token: str = field(repr=False)
    error: str
    cause: str


@dataclass(frozen=True, slots=True)
class Start(OfAttempt):
    """Start an attempt's execution: True: it runs, since now or since earlier; False: it ran."""

    is_express: bool = False
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Describe(OfAttempt):
    """Ask for an attempt's execution: Execution or None."""


Call = (
    FindProcess | FindData | WriteData | ProcessWrite | IsOurs | Succeed | Reject | Start | Describe
)
_REFUSALS = {
    Turn.BLOCKED: "PredecessorFailedError",
    Turn.GAP: "VersionGapError",
    Turn.TOO_LATE: "version is not match",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A turn with what it was decided on."""

    turn: Turn
    predecessor: int
    data: int
    version: int

    @property
    def error(self) -> str:
        """The error's name, for a turn that refuses."""
        return _REFUSALS[self.turn]

    @property
    def cause(self) -> str:
        """The refusal in one sentence."""
        if self.turn is Turn.BLOCKED:
            return f"version {self.predecessor} has failed; retry or skip it, and this continues"
        if self.turn is Turn.GAP:
            return f"version {self.predecessor} is neither stored nor applied"
        return f"next version must be {self.data + 1} but got {self.version}"


def begin(
    version: int,
    attempt: int,
    status: str,
    *,
    is_first: bool = False,
    run: str | None = None,
) -> Generator[Call, Any, Process]:
    """Enter a state; `is_first` is the state before the wait, where a run claims the attempt.

    Raises:
        SupersededError: a newer attempt or another run owns the version, or it is closed.
    """
    written: Written[Process] = yield Begin(version, attempt, status, is_first, run)
    if not written.done or written.record is None:
        raise SupersededError(f"attempt {attempt} of version {version} no longer owns it")
    return written.record


def previous(version: int) -> Generator[Call, Any, Predecessor]:
    """Find the nearest version below that is not skipped."""
    for below in range(version - 1, 0, -1):
        process: Process | None = yield FindProcess(below)
        if process is None:
            return Predecessor(below)
        if process.outcome is not Outcome.SKIPPED:
            return Predecessor(below, process.outcome)
    return Predecessor()


def turn(mine: Process) -> Generator[Call, Any, Verdict]:
    """Decide whose turn it is: the predecessor first, then the data."""
    predecessor = yield from previous(mine.version)
    data: DataVersion = yield FindData()
    answer = whose_turn(mine, predecessor, data)
    return Verdict(answer, predecessor.version, data.version, mine.version)


def wake(version: int) -> Generator[Call, Any, None]:
    """Let a version go on, if it waits or is blocked and no longer has to."""
    process: Process | None = yield FindProcess(version)
    if process is None:
        return
    if process.outcome is Outcome.WAITING and process.token:
        verdict = yield from turn(process)
        if verdict.turn is Turn.NOW:
            yield Succeed(version, process.token, verdict.predecessor)
        elif verdict.turn is not Turn.WAIT:
            yield Reject(version, process.token, verdict.error, verdict.cause)
    elif process.outcome is Outcome.BLOCKED:
        yield from _unblock(process)


def unblock(version: int) -> Generator[Call, Any, str]:
    """Restart a version that is blocked and no longer has to be; answers what was done."""
    process: Process | None = yield FindProcess(version)
    if process is None or process.outcome is not Outcome.BLOCKED:
        return "closed"
    return "restarted" if (yield from _unblock(process)) else "blocked"


def _unblock(process: Process) -> Generator[Call, Any, bool]:
    verdict = yield from turn(process)
    if verdict.turn is Turn.NOW:
        yield Restart(process.version, process.attempt)
    return verdict.turn is Turn.NOW


def wake_next(version: int) -> Generator[Call, Any, None]:
    """Wake the nearest version above that is not skipped, if there is one."""
    above = version + 1
    while True:
        process: Process | None = yield FindProcess(above)
        if process is None:
            return
        if process.outcome is not Outcome.SKIPPED:
            break
        above += 1
    yield from wake(above)


def wait(version: int, attempt: int, token: str, seq: int) -> Generator[Call, Any, None]:
    """Store the token of the waiting state, then look whether the wait is over already.

    A newer token than this one stays. This very one is stored already if the client made the
    call twice.

    Raises:
        SupersededError: a newer attempt owns the version, or it is closed.
    """
    written: Written[Process] = yield Park(version, attempt, token, seq)
    if not written.done:
        found = written.record
        if found is None or not is_owned_by(attempt).holds(found):
            raise SupersededError(f"attempt {attempt} of version {version} no longer owns it")
        if found.token != token:
            return
    yield from wake(version)


def close(
    version: int,
    attempt: int,
    outcome: Outcome,
    status: str,
    error: str | None = None,
    cause: str | None = None,
    run: str | None = None,
) -> Generator[Call, Any, Outcome]:
    """End an attempt, then wake whoever waits for it; answers the outcome that is stored.

    Raises:
        SupersededError: a newer attempt owns the version.
    """
    written: Written[Process] = yield Close(version, attempt, outcome, status, error, cause, run)
    stored = written.record
    if stored is None or stored.attempt != attempt:
        raise SupersededError(f"attempt {attempt} of version {version} no longer owns it")
    if stored.outcome is Outcome.BLOCKED:
        yield from wake(version)
    yield from wake_next(version)
    return stored.outcome


def restart(version: int, attempt: int, depth: int = 0, by: str = "") -> Generator[Call, Any, bool]:
    """Begin the next attempt; False if somebody else has."""
    written: Written[Process] = yield Restart(version, attempt, depth, by)
    return written.done


def leave(version: int, attempt: int, run: str | None = None) -> Generator[Call, Any, bool]:
    """Hand an attempt over to the standard machine; False if it is not open, or another run's."""
    written: Written[Process] = yield Leave(version, attempt, run)
    return written.done


def retry(version: int, depth: int = 0, by: str = "") -> Generator[Call, Any, Process]:
    """Restart what failed, as an operator, or as a handler of notices at a depth.

    Raises:
        NotFoundError: no such version is known to the chain.
        NotFailedError: it is neither FAILED nor BLOCKED.
    """
    process = yield from _repairable(version)
    written: Written[Process] = yield Restart(version, process.attempt, depth, by)
    return _changed(written, version, process.attempt + 1, Outcome.OPEN)


def skip(version: int, by: str = "") -> Generator[Call, Any, Process]:
    """Give up what failed, as an operator, and let the next version go on.

    Raises:
        NotFoundError: no such version is known to the chain.
        NotFailedError: it is neither FAILED nor BLOCKED.
    """
    process = yield from _repairable(version)
    written: Written[Process] = yield Skip(version, process.attempt, by)
    skipped = _changed(written, version, process.attempt, Outcome.SKIPPED)
    yield from wake_next(version)
    return skipped


def last_skipped(version: int) -> Generator[Call, Any, int]:
    """Return the last of the skipped versions in a row that begins with this one."""
    above = version + 1
    while True:
        process: Process | None = yield FindProcess(above)
        if process is None or process.outcome is not Outcome.SKIPPED:
            return above - 1
        above += 1


def give_up(version: int, attempt: int, by: str = "") -> Generator[Call, Any, bool]:
    """Give up the very attempt that has failed, and let the next version go on.

    Once, however often it is asked for; False: the version has gone on since.
    """
    written: Written[Process] = yield Skip(version, attempt, by)
    found = written.record
    if not written.done and (found is None or found.outcome is not Outcome.SKIPPED):
        return False
    yield from wake_next(version)
    return True


def sweep(version: int, now: datetime, *, has_ended: bool = False) -> Generator[Call, Any, str]:
    """Repair one version that has been open for long; answers what was done.

    AWS describes few executions a second and starts many. So one that no state has begun is
    started, which changes nothing if it runs; and one whose turn has not come is left alone,
    unless its execution `has_ended`. A version that only queues behind others is never failed.

    Nobody can describe a run of the express machine. What none has claimed is started once more,
    for half an hour; one that has outlived its run continues in the standard machine.
    """
    process: Process | None = yield FindProcess(version)
    if process is None or process.outcome in (Outcome.APPLIED, Outcome.FAILED, Outcome.SKIPPED):
        return "closed"
    if process.outcome is Outcome.BLOCKED:
        yield from wake(version)
        return "woken"
    if process.is_with_its_publisher:
        yield from restart(version, process.attempt)
        return "restarted"
    if process.is_in_the_express_lane:
        return (yield from _swept_in_the_lane(process, now))
    return (yield from _swept(process, has_ended=has_ended))


def _swept(process: Process, *, has_ended: bool) -> Generator[Call, Any, str]:
    if process.outcome is Outcome.WAITING and not has_ended:
        verdict = yield from turn(process)
        if verdict.turn is Turn.WAIT:
            return "waiting"
    elif process.outcome is Outcome.OPEN and process.status == START:
        is_running: bool = yield Start(process.version, process.attempt, trace=process.trace)
        if is_running:
            return "started"
    return (yield from _looked_at(process))


def _swept_in_the_lane(process: Process, now: datetime) -> Generator[Call, Any, str]:
    if process.has_outlived_its_run(now):
        yield from leave(process.version, process.attempt)
        return "handed over"
    if process.run is not None:
        return "running"
    yield Start(process.version, process.attempt, is_express=True, trace=process.trace)
    return "started"


def _looked_at(process: Process) -> Generator[Call, Any, str]:
    version = process.version
    execution: Execution | None = yield Describe(version, process.attempt)
    if execution is None and process.run is not None:
        is_ours: bool = yield IsOurs(version, process.attempt, process.run)
        if not is_ours:  # it ran elsewhere, before the table was restored; no run here may write
            yield Renew(version, process.attempt, process.run)
            return "renewed"
    if execution is None:
        yield Start(version, process.attempt, trace=process.trace)
        return "started"
    if not execution.is_running:
        error = execution.error or "ExecutionEnded"
        cause = execution.cause or "the execution ended without recording an outcome"
        cause = cause[:MAX_SUMMARY]
        yield from close(version, process.attempt, Outcome.FAILED, "sweep:FAILED", error, cause)
        return "failed"
    if process.outcome is Outcome.WAITING:
        yield from wake(version)
        return "woken"
    return "running"


def apply(version: int) -> Generator[Call, Any, bool]:
    """Move the data row to this version; False if it is there or beyond.

    Raises:
        TransientError: the row moved between the read and the write; read again.
    """
    data: DataVersion = yield FindData()
    if data.version >= version:
        return False
    written: bool = yield WriteData(version, data.version)
    if not written:
        raise TransientError("the data row moved meanwhile")
    return True


def _repairable(version: int) -> Generator[Call, Any, Process]:
    process: Process | None = yield FindProcess(version)
    if process is None:
        raise NotFoundError(f"version {version} does not exist, or an import applied it at once")
    if not process.outcome.is_repairable:
        raise NotFailedError(f"version {version} is {process.outcome}, not FAILED or BLOCKED")
    return process


def _changed(written: Written[Process], version: int, attempt: int, outcome: Outcome) -> Process:
    """Return the item with this outcome, by this write or by one before whose answer was lost."""
    found = written.record
    is_wanted = found is not None and (found.attempt, found.outcome) == (attempt, outcome)
    if found is None or not (written.done or is_wanted):
        raise NotFailedError(f"version {version} was changed by somebody else; look again")
    return found
