"""How an approval waits, is decided, ends and recovers, even if functions die.

Each rule is a program, as in `chain`: a generator that yields one call at a time and is sent
its answer. Token and decision are attributes of one item, and each write answers the
current item: whichever comes second, the stored token or the decision, sees the first.

The token is only a hint to look again: `check` reads how the approval is decided, and never
looks at the token's content.
"""

from collections.abc import Collection, Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import NotFailedError, SupersededError, TransientError
from sfn_cqrs.kernel.programs import Describe, Find, Start, ended_execution, existing
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.approval.rules import (
    TRIES_PER_ROUND,
    Approval,
    ApprovalWrite,
    CastVote,
    Close,
    CloseStale,
    Expire,
    GoStale,
    OpenRound,
    Park,
    Pinned,
    Restart,
    Retry,
    Stage,
    Status,
    Verdict,
    Vote,
    next_reminder,
)

MAX_RESTARTS = 3
"""After so many executions in a row that died, an approval has failed."""


@dataclass(frozen=True, slots=True)
class Succeed:
    """Let the machine look again: True, or False if its wait has ended already."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FindLatest:
    """Ask for the latest version of a pinned item, consistently: a number."""

    item: Pinned


@dataclass(frozen=True, slots=True)
class Handle:
    """Run the user's function for the decision: False if it found a pinned item changed."""

    approval: Approval


ApprovalWritten = Written[Approval]
Call = Find | FindLatest | Succeed | Handle | Start[Approval] | Describe[Approval] | ApprovalWrite


def check(attempt: int, now: datetime) -> Generator[Call, Any, Approval]:
    """Look how it is decided; if it is not, open the next round of waiting, or end it.

    What nobody has decided in time expires. What is of an item that has changed is stale: nobody
    is asked, or reminded, to decide what nobody can grant.

    Raises:
        SupersededError: a later attempt owns the approval, or it is closed.
        TransientError: somebody else has changed it just now; look again.
    """
    approval: Approval | None = yield Find()
    found = _owned(approval, attempt)
    if found.is_decided:
        return found
    if found.is_over(iso(now)):
        written: ApprovalWritten = yield Expire(iso(now))
    elif (yield from _has_changed(found)):
        written = yield GoStale(iso(now))
    else:
        written = yield _next_round(found, now)
    after = _owned(written.record, attempt)
    if not written.done and not after.is_decided:
        raise TransientError("somebody else has changed the approval just now")
    return after


def wait(attempt: int, round_: int, retry_count: int, token: str) -> Generator[Call, Any, None]:
    """Store the token; if it is decided by then, return it at once.

    Raises:
        SupersededError: a later attempt owns the approval, or it is closed.
    """
    written: ApprovalWritten = yield Park(attempt, token, round_ * TRIES_PER_ROUND + retry_count)
    yield from wake(_owned(written.record, attempt))


def wake(approval: Approval) -> Generator[Call, Any, bool]:
    """Let a machine go on that waits for what is decided; whether it did."""
    if not approval.is_decided or approval.token is None:
        return False
    sent: bool = yield Succeed(approval.token)
    return sent


def decide(
    user: str,
    groups: Collection[str],
    verdict: Verdict,
    now: str,
    reason: str = "",
    ip: str = "",
    seen: str | None = None,
) -> Generator[Call, Any, Approval]:
    """Say yes or no for one person; what is decided then wakes the machine.

    An approval of an item that has changed since is `STALE`, and is not granted any more; a
    rejection needs to have seen nothing. What the same person has said before, with the same
    reason, is answered with the approval as it is, and counts once: an answer may be lost.

    What loses a race, or finds the item changed, looks again: something was stored, so this ends.

    Raises:
        NotFoundError: there is no such approval.
        NotAnApproverError, FourEyesError: this person may not decide on it.
        ExpiredError, AlreadyDecidedError: it is decided, or this person has decided differently.
        StaleError: it is not what was seen, or not any more.
    """
    while True:
        approval: Approval = yield from existing("approval")
        approval.check_approver(user, groups)
        approval.check_in_time(now)
        vote = Vote(user, verdict, now, reason, ip, approval.digest)
        is_again = approval.has_said(vote)
        if not is_again:
            approval.check_open(user, now)
        if verdict is Verdict.APPROVE:
            approval.check_seen(seen)
        if is_again:
            yield from wake(approval)
            return approval
        if verdict is Verdict.APPROVE and (yield from _has_changed(approval)):
            yield GoStale(now)
            continue
        written: ApprovalWritten = yield CastVote(vote)
        if written.done and written.record is not None:
            yield from wake(written.record)
            return written.record


def handle(attempt: int, *statuses: Status) -> Generator[Call, Any, Approval]:
    """Run the user's function for a decision, and end the attempt.

    A grant whose item has changed has no effect, and is `STALE`.

    Raises:
        SupersededError: a later attempt owns the approval, or it is decided otherwise.
    """
    approval: Approval | None = yield Find()
    if approval is not None and (approval.attempt, approval.stage) == (attempt, Stage.DONE):
        return approval
    found = _owned(approval, attempt)
    if found.status not in statuses:
        raise SupersededError(f"the approval is {found.status}, not {' or '.join(statuses)}")
    is_done: bool = yield Handle(found)
    write = Close(attempt, Stage.DONE) if is_done else CloseStale(attempt)
    written: ApprovalWritten = yield write
    if written.record is None or written.record.ref != found.ref:
        raise SupersededError(f"attempt {attempt} no longer owns the approval")
    if written.record.stage is not Stage.DONE:
        raise SupersededError(f"attempt {attempt} was closed as {written.record.stage}")
    return written.record


def fail(attempt: int, error: str, cause: str) -> Generator[Call, Any, None]:
    """Record why an attempt ends; the decision stays as it is.

    Raises:
        SupersededError: a later attempt owns the approval.
    """
    written: ApprovalWritten = yield Close(attempt, Stage.FAILED, error, cause)
    if written.record is None or written.record.attempt != attempt:
        raise SupersededError(f"attempt {attempt} no longer owns the approval")


def retry(depth: int = 0) -> Generator[Call, Any, Approval]:
    """Run what has failed again; the decision stays, and is asked for if there is none.

    Raises:
        NotFoundError: there is no such approval.
        NotFailedError: it has not failed.
    """
    approval: Approval = yield from existing("approval")
    written: ApprovalWritten = yield Retry(approval.attempt, depth)
    if not written.done or written.record is None:
        raise NotFailedError("the approval has not failed; there is nothing to run again")
    return written.record


def sweep(attempt: int | None = None) -> Generator[Call, Any, str]:
    """Repair an approval to which something should have happened; answers what was done.

    With an attempt, only that one is looked at.
    """
    approval: Approval | None = yield Find()
    if approval is None or approval.stage.is_closed:
        return "closed"
    if attempt not in (None, approval.attempt):
        return "superseded"
    has_begun = attempt is not None or approval.stage is not Stage.CREATED
    execution = yield from ended_execution(approval, has_begun=has_begun)
    if execution == "running" and (yield from wake(approval)):
        return "woken"
    if isinstance(execution, str):
        return execution
    if approval.restarts < MAX_RESTARTS:
        written: ApprovalWritten = yield Restart(approval.attempt)
        return "restarted" if written.done else "superseded"
    error, cause = execution.error or "ExecutionEnded", execution.cause or ""
    yield Close(approval.attempt, Stage.FAILED, error, cause)
    return "failed"


def _next_round(approval: Approval, now: datetime) -> OpenRound:
    is_reminder = approval.remind_at is not None and approval.remind_at <= iso(now)
    remind_at = approval.remind_at
    if is_reminder:
        remind_at = next_reminder(approval.rules, now, approval.expires_at)
    due_at = min(approval.expires_at, remind_at or approval.expires_at)
    return OpenRound(approval.attempt, approval.round, remind_at, due_at, is_reminder)


def _has_changed(approval: Approval) -> Generator[Call, Any, bool]:
    """Return whether the item that it is of has a later version than the one to decide on."""
    if approval.item is None:
        return False
    latest: int = yield FindLatest(approval.item)
    return latest != approval.item.version


def _owned(approval: Approval | None, attempt: int) -> Approval:
    if approval is None or not approval.is_mine(attempt):
        raise SupersededError(f"attempt {attempt} no longer owns the approval")
    return approval
