"""Approvals: who may decide on them, and who may change them.

A write carries its rule, which the models explore and production runs: see `records`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import (
    AlreadyDecidedError,
    ExpiredError,
    FourEyesError,
    InvalidInputError,
    NotAnApproverError,
    StaleError,
)
from sfn_cqrs.kernel.keys import ApprovalKey, ApprovalRef
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.values import Json, check_size, checked_json, digest

MAX_SUBJECT_CHARACTERS = 256
MAX_TEXT_CHARACTERS = 2_000
MAX_PAYLOAD_BYTES = 100 * 1024
REMEMBERED = timedelta(days=400)
"""How long what is done once for an approval, or for a version, is not done again."""
STALE = "the item has changed since the approval was requested; request it again"
UNSEEN = "the digest is not that of this approval; look at it again, and send its digest"
TRIES_PER_ROUND = 100
"""More than a state is ever tried; a later round's token always counts as newer."""


class Status(StrEnum):
    """How an approval is decided; only OPEN ever changes."""

    OPEN = "OPEN"
    GRANTED = "GRANTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    STALE = "STALE"


class Stage(StrEnum):
    """How far an attempt of the machine is."""

    CREATED = "CREATED"
    WAITING = "WAITING"
    DONE = "DONE"
    FAILED = "FAILED"

    @property
    def is_closed(self) -> bool:
        """The attempt is over."""
        return self in (Stage.DONE, Stage.FAILED)


class Happened(StrEnum):
    """The last thing that happened; the stream's consumer acts by it."""

    REQUESTED = "REQUESTED"
    RESTARTED = "RESTARTED"
    WAITING = "WAITING"
    REMINDED = "REMINDED"
    APPROVED = "APPROVED"
    GRANTED = "GRANTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    STALE = "STALE"
    DONE = "DONE"
    FAILED = "FAILED"

    @property
    def starts(self) -> bool:
        """An execution of the attempt is to be started."""
        return self in (Happened.REQUESTED, Happened.RESTARTED)


class Verdict(StrEnum):
    """The vote of one approver."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class Rules:
    """Who decides, and until when; kept with each approval as they were when it was requested.

    `approvers` are users by name, `group` is one whose members decide; either may be left out.
    Seconds of `remind_every` are 0 where nobody is to be reminded.
    """

    approvers: tuple[str, ...] = ()
    group: str = ""
    needed: int = 1
    four_eyes: bool = True
    expires_after: int = 7 * 24 * 3600
    remind_every: int = 24 * 3600

    def may_decide(self, user: str, groups: Collection[str]) -> bool:
        """Whether somebody is among those who decide."""
        return user in self.approvers or (bool(self.group) and self.group in groups)


@dataclass(frozen=True, slots=True)
class Pinned:
    """The item that an approval is of, at the version that was the latest when it was requested."""

    type: str
    code: str
    version: int


@dataclass(frozen=True, slots=True)
class Vote:
    """One approver's vote, with time and reason; `seen` is the digest of the approved content."""

    by: str
    verdict: Verdict
    at: str
    reason: str = ""
    ip: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(Record):
    """An approval as stored.

    Each round of the machine's wait has its number, and `token_seq` is the round and the try
    that `token` belongs to. `due_at` is when something has to have happened. `digest` is the
    fingerprint of what was asked for, as it was when it was.
    """

    key: ApprovalKey
    type: str
    rules: Rules
    created: Audit
    expires_at: str
    due_at: str
    subject: str = ""
    payload: Json = None
    item: Pinned | None = None
    digest: str = ""
    note: str = ""
    remind_at: str | None = None
    status: Status = Status.OPEN
    stage: Stage = Stage.CREATED
    happened: Happened = Happened.REQUESTED
    attempt: int = 1
    restarts: int = 0
    round: int = 0
    reminders: int = 0
    votes: tuple[Vote, ...] = ()
    token: str | None = field(default=None, repr=False)
    token_seq: int | None = None
    error: str | None = None
    cause: str | None = None
    source: str = ""
    trace: str = ""
    depth: int = 0
    request_id: str = ""

    @property
    def ref(self) -> ApprovalRef:
        """The attempt that owns this approval now."""
        return ApprovalRef(self.key, self.attempt)

    @property
    def opened_at(self) -> str:
        """By what the sweep finds it: the oldest is what is overdue for longest."""
        return self.due_at

    @property
    def fingerprint(self) -> str:
        """The digest of what is to be decided on, as it is now."""
        item = self.item and [self.item.type, self.item.code, self.item.version]
        return digest([self.key.id, self.type, self.subject, item, self.payload])

    @property
    def is_decided(self) -> bool:
        """Nothing changes the status any more."""
        return self.status is not Status.OPEN

    def is_over(self, now: str) -> bool:
        """Nobody may decide any more."""
        return self.expires_at <= now

    def is_mine(self, attempt: int) -> bool:
        """Only the current attempt writes, and only while it is open."""
        return self.attempt == attempt and not self.stage.is_closed

    def awaits(self, user: str, groups: Collection[str], now: str) -> bool:
        """Whether it waits for what this person says."""
        has_say = self.rules.may_decide(user, groups) and not self._is_own(user)
        return has_say and self.is_open_to(user, now)

    def is_open_to(self, user: str, now: str) -> bool:
        """Whether a person can still say something: it is open and in time, and they have not."""
        return not self.is_decided and not self.is_over(now) and not self._has_vote(user)

    def check_approver(self, user: str, groups: Collection[str]) -> None:
        """Refuse whoever has no say in this.

        Raises:
            NotAnApproverError, FourEyesError: why not.
        """
        if not user or not self.rules.may_decide(user, groups):
            raise NotAnApproverError("you are not among those who decide on this approval")
        if self._is_own(user):
            raise FourEyesError("you have requested this approval; somebody else has to decide")

    def check_in_time(self, now: str) -> None:
        """Refuse what comes too late, be it said for the first time or again.

        Raises:
            ExpiredError, StaleError: what is in the way.
        """
        if self.status is Status.EXPIRED or (not self.is_decided and self.is_over(now)):
            raise ExpiredError(f"the time to decide was over at {self.expires_at}")
        if self.status is Status.STALE:
            raise StaleError(STALE)

    def has_said(self, vote: Vote) -> bool:
        """Whether the same person has said the same before: it was sent again."""
        said = (vote.by, vote.verdict, vote.reason)
        return any((one.by, one.verdict, one.reason) == said for one in self.votes)

    def check_open(self, user: str, now: str) -> None:
        """Refuse a decision that comes too late, or a second one of the same person.

        Raises:
            ExpiredError, StaleError, AlreadyDecidedError: what is in the way.
        """
        self.check_in_time(now)
        if self.is_decided:
            raise AlreadyDecidedError(f"the approval is {self.status} already", self.status)
        if self._has_vote(user):
            raise AlreadyDecidedError("you have approved it already", self.status)

    def check_seen(self, seen: str | None) -> None:
        """Refuse a decision on something else than what was asked for.

        Raises:
            StaleError: something else was seen, or what was asked for is not as it was.
            InvalidInputError: an item is decided on, and nobody says what was seen of it.
        """
        if seen is None and self.item is not None:
            raise InvalidInputError("digest", "is missing: send the digest of what you have seen")
        if self.digest != self.fingerprint:
            raise StaleError(STALE)
        if seen not in (None, self.digest):
            raise StaleError(UNSEEN)

    def seconds_left(self, now: datetime) -> int:
        """How long the machine waits until it looks again: a reminder, or the end."""
        until = min(self.expires_at, self.remind_at or self.expires_at)
        return max(1, ceil((datetime.fromisoformat(until) - now).total_seconds()))

    def _is_own(self, user: str) -> bool:
        return self.rules.four_eyes and user == self.created.by

    def _has_vote(self, user: str) -> bool:
        return any(vote.by == user for vote in self.votes)


@dataclass(frozen=True, slots=True)
class OpenRound:
    """The machine is about to wait: each round is opened once, and none once it is decided."""

    attempt: int
    seen: int
    remind_at: str | None
    due_at: str
    is_reminder: bool

    def on(self, approval: Approval, _at: str) -> Approval | None:
        if not approval.is_mine(self.attempt) or approval.is_decided or approval.round != self.seen:
            return None
        return replace(
            approval,
            stage=Stage.WAITING,
            happened=Happened.REMINDED if self.is_reminder else Happened.WAITING,
            round=approval.round + 1,
            reminders=approval.reminders + self.is_reminder,
            remind_at=self.remind_at,
            due_at=self.due_at,
        )


@dataclass(frozen=True, slots=True)
class Park:
    """The machine waits for its token; a late wait cannot replace a newer one."""

    attempt: int
    token: str = field(repr=False)
    seq: int

    def on(self, approval: Approval, _at: str) -> Approval | None:
        is_newer = approval.token_seq is None or approval.token_seq < self.seq
        if not approval.is_mine(self.attempt) or not is_newer:
            return None
        return replace(approval, token=self.token, token_seq=self.seq, happened=Happened.WAITING)


@dataclass(frozen=True, slots=True)
class CastVote:
    """A person says yes or no, once, in time, and while it is open.

    One rejects; as many distinct approvers as are needed grant.
    """

    vote: Vote

    def on(self, approval: Approval, _at: str) -> Approval | None:
        vote = self.vote
        if not approval.is_open_to(vote.by, vote.at) or vote.seen != approval.digest:
            return None
        votes = (*approval.votes, vote)
        if vote.verdict is Verdict.REJECT:
            status = Status.REJECTED
        else:
            status = Status.GRANTED if len(votes) >= approval.rules.needed else Status.OPEN
        if status is Status.OPEN:
            return replace(approval, votes=votes, happened=Happened.APPROVED)
        happened = Happened(status)
        return replace(approval, votes=votes, status=status, happened=happened, due_at=vote.at)


@dataclass(frozen=True, slots=True)
class Expire:
    """Nobody has decided in time."""

    now: str

    def on(self, approval: Approval, _at: str) -> Approval | None:
        if approval.is_decided or not approval.is_over(self.now):
            return None
        return replace(approval, status=Status.EXPIRED, happened=Happened.EXPIRED, due_at=self.now)


@dataclass(frozen=True, slots=True)
class GoStale:
    """The item has changed since the approval was requested: nobody decides on it any more."""

    now: str

    def on(self, approval: Approval, _at: str) -> Approval | None:
        if approval.is_decided or approval.item is None:
            return None
        return replace(approval, status=Status.STALE, happened=Happened.STALE, due_at=self.now)


@dataclass(frozen=True, slots=True)
class CloseStale:
    """The item has changed between the grant and its effect: nothing was done."""

    attempt: int

    def on(self, approval: Approval, at: str) -> Approval | None:
        if approval.status is not Status.GRANTED or approval.item is None:
            return None
        closed = Close(self.attempt, Stage.DONE).on(approval, at)
        return closed and replace(closed, status=Status.STALE, happened=Happened.STALE)


@dataclass(frozen=True, slots=True)
class Close:
    """The attempt has ended; no used token stays."""

    attempt: int
    stage: Stage
    error: str | None = None
    cause: str | None = None

    def on(self, approval: Approval, _at: str) -> Approval | None:
        if not approval.is_mine(self.attempt):
            return None
        return replace(
            approval,
            stage=self.stage,
            happened=Happened(self.stage),
            token=None,
            token_seq=None,
            error=self.error,
            cause=self.cause,
        )


@dataclass(frozen=True, slots=True)
class Restart:
    """The sweep begins the next attempt in the place of one that died; the stream starts it."""

    attempt: int

    def on(self, approval: Approval, at: str) -> Approval | None:
        if not approval.is_mine(self.attempt):
            return None
        return _next_attempt(approval, at, restarts=approval.restarts + 1)


@dataclass(frozen=True, slots=True)
class Retry:
    """A person begins the next attempt of what has failed."""

    attempt: int
    depth: int = 0

    def on(self, approval: Approval, at: str) -> Approval | None:
        if (approval.attempt, approval.stage) != (self.attempt, Stage.FAILED):
            return None
        retried = _next_attempt(approval, at, restarts=0)
        return replace(retried, depth=max(approval.depth, self.depth))


ApprovalWrite = (
    OpenRound | Park | CastVote | Expire | GoStale | CloseStale | Close | Restart | Retry
)


def _next_attempt(approval: Approval, at: str, *, restarts: int) -> Approval:
    return replace(
        approval,
        stage=Stage.CREATED,
        happened=Happened.RESTARTED,
        attempt=approval.attempt + 1,
        restarts=restarts,
        token=None,
        token_seq=None,
        error=None,
        cause=None,
        due_at=at,
    )


def next_reminder(rules: Rules, now: datetime, expires_at: str) -> str | None:
    """When to remind next; None if the time is over before that."""
    if not rules.remind_every:
        return None
    at = iso(now + timedelta(seconds=rules.remind_every))
    return at if at < expires_at else None


def checked_text(value: object, name: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    """A text that a user sent.

    Raises:
        InvalidInputError: it is none, or too long.
    """
    if not isinstance(value, str) or len(value) > limit:
        raise InvalidInputError(name, f"must be a string of at most {limit} characters")
    return str(checked_json(value, name))


def checked_payload(value: object) -> Json:
    """Return the subject of an approval, as a user sent it.

    Raises:
        InvalidInputError: it cannot be kept.
    """
    payload = checked_json(value, "payload")
    most = f"at most {MAX_PAYLOAD_BYTES} are kept"
    check_size(payload, "payload", MAX_PAYLOAD_BYTES, InvalidInputError, most)
    return payload
