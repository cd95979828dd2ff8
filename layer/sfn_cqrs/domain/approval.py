"""Approvals: what waits for people, who may decide on it, and who may change it.

The predicates are the conditions of the conditional writes. The fake applies them, the
DynamoDB adapter spells them as expressions, and a contract test holds the two equal.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.errors import (
    AlreadyDecidedError,
    ExpiredError,
    FourEyesError,
    InvalidInputError,
    NotAnApproverError,
)
from sfn_cqrs.domain.keys import ApprovalKey, ApprovalRef
from sfn_cqrs.domain.values import Json, canonical, checked_json

MAX_SUBJECT_CHARACTERS = 256
MAX_TEXT_CHARACTERS = 2_000
MAX_PAYLOAD_BYTES = 100 * 1024
MAX_USER_CHARACTERS = 256
TRIES_PER_ROUND = 100
"""More than a state is ever tried; a later round's token always counts as newer."""


class Status(StrEnum):
    """How an approval is decided; only OPEN ever changes."""

    OPEN = "OPEN"
    GRANTED = "GRANTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


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
    DONE = "DONE"
    FAILED = "FAILED"

    @property
    def starts(self) -> bool:
        """An execution of the attempt is to be started."""
        return self in (Happened.REQUESTED, Happened.RESTARTED)


class Verdict(StrEnum):
    """What one approver says."""

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
class Vote:
    """What one approver said, when and why."""

    by: str
    verdict: Verdict
    at: str
    reason: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval as stored.

    Each round of the machine's wait has its number, and `token_seq` is the round and the try
    that `token` belongs to. `due_at` is when something has to have happened.
    """

    key: ApprovalKey
    type: str
    rules: Rules
    created: Audit
    expires_at: str
    due_at: str
    updated_at: str
    subject: str = ""
    payload: Json = None
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
    def is_decided(self) -> bool:
        """Nothing changes the status any more."""
        return self.status is not Status.OPEN

    def is_over(self, now: str) -> bool:
        """Nobody may decide any more."""
        return self.expires_at <= now

    def is_mine(self, attempt: int) -> bool:
        """Only the current attempt writes, and only while it is open."""
        return self.attempt == attempt and not self.stage.is_closed

    def may_open_round(self, attempt: int, seen: int) -> bool:
        """Each round is opened once, and none once it is decided."""
        return self.is_mine(attempt) and not self.is_decided and self.round == seen

    def may_park(self, attempt: int, seq: int) -> bool:
        """A late wait cannot replace a newer token."""
        return self.is_mine(attempt) and (self.token_seq is None or self.token_seq < seq)

    def may_vote(self, seen: int, now: str) -> bool:
        """A vote counts while it is open, in time, and on top of the votes that were seen."""
        return not self.is_decided and len(self.votes) == seen and not self.is_over(now)

    def may_expire(self, now: str) -> bool:
        """Only what nobody has decided in time expires."""
        return not self.is_decided and self.is_over(now)

    def may_retry(self, attempt: int) -> bool:
        """Only what has failed is run again; once per attempt."""
        return self.attempt == attempt and self.stage is Stage.FAILED

    def in_round(self, *, remind_at: str | None, due_at: str, is_reminder: bool) -> "Approval":
        """The machine is about to wait again."""
        return replace(
            self,
            stage=Stage.WAITING,
            happened=Happened.REMINDED if is_reminder else Happened.WAITING,
            round=self.round + 1,
            reminders=self.reminders + is_reminder,
            remind_at=remind_at,
            due_at=due_at,
        )

    def parked(self, token: str, seq: int) -> "Approval":
        """The machine waits for its token."""
        return replace(self, token=token, token_seq=seq, happened=Happened.WAITING)

    def after(self, vote: Vote) -> "Approval":
        """Somebody has decided, or has approved where others have to as well."""
        votes = (*self.votes, vote)
        status = self.status_after(vote)
        is_decided = status is not Status.OPEN
        return replace(
            self,
            votes=votes,
            status=status,
            happened=Happened(status) if is_decided else Happened.APPROVED,
            due_at=vote.at if is_decided else self.due_at,
        )

    def status_after(self, vote: Vote) -> Status:
        """One rejects; as many distinct approvers as are needed grant."""
        if vote.verdict is Verdict.REJECT:
            return Status.REJECTED
        return Status.GRANTED if len(self.votes) + 1 >= self.rules.needed else Status.OPEN

    def expired(self, now: str) -> "Approval":
        """Nobody has decided in time."""
        return replace(self, status=Status.EXPIRED, happened=Happened.EXPIRED, due_at=now)

    def closed(
        self, stage: Stage, error: str | None = None, cause: str | None = None
    ) -> "Approval":
        """The attempt has ended; no used token stays."""
        return replace(
            self,
            stage=stage,
            happened=Happened(stage),
            token=None,
            token_seq=None,
            error=error,
            cause=cause,
        )

    def restarted(self, now: str) -> "Approval":
        """The next attempt, after an execution that died; the stream starts it."""
        return replace(
            self,
            stage=Stage.CREATED,
            happened=Happened.RESTARTED,
            attempt=self.attempt + 1,
            restarts=self.restarts + 1,
            token=None,
            token_seq=None,
            error=None,
            cause=None,
            due_at=now,
        )

    def retried(self, now: str) -> "Approval":
        """The next attempt, after one that has failed and was mended."""
        return replace(self.restarted(now), restarts=0)

    def awaits(self, user: str, groups: Collection[str], now: str) -> bool:
        """Whether it waits for what this person says."""
        has_say = self.rules.may_decide(user, groups) and not self._is_own(user)
        return (
            has_say and not self.is_decided and not self.is_over(now) and not self._has_vote(user)
        )

    def check_approver(self, user: str, groups: Collection[str]) -> None:
        """Refuse whoever has no say in this.

        Raises:
            NotAnApproverError, FourEyesError: why not.
        """
        if not user or not self.rules.may_decide(user, groups):
            raise NotAnApproverError("you are not among those who decide on this approval")
        if self._is_own(user):
            raise FourEyesError("you have requested this approval; somebody else has to decide")

    def check_open(self, user: str, now: str) -> None:
        """Refuse a decision that comes too late, or a second one of the same person.

        Raises:
            ExpiredError, AlreadyDecidedError: what is in the way.
        """
        if self.status is Status.EXPIRED or self.may_expire(now):
            raise ExpiredError(f"the time to decide was over at {self.expires_at}")
        if self.is_decided:
            raise AlreadyDecidedError(f"the approval is {self.status} already", self.status)
        if self._has_vote(user):
            raise AlreadyDecidedError("you have approved it already", self.status)

    def seconds_left(self, now: datetime) -> int:
        """How long the machine waits until it looks again: a reminder, or the end."""
        until = min(self.expires_at, self.remind_at or self.expires_at)
        return max(1, ceil((datetime.fromisoformat(until) - now).total_seconds()))

    def _is_own(self, user: str) -> bool:
        return self.rules.four_eyes and user == self.created.by

    def _has_vote(self, user: str) -> bool:
        return any(vote.by == user for vote in self.votes)


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
    """What an approval is about, as a user sent it.

    Raises:
        InvalidInputError: it cannot be kept.
    """
    payload = checked_json(value, "payload")
    size = len(canonical(payload).encode())
    if size > MAX_PAYLOAD_BYTES:
        raise InvalidInputError(
            "payload",
            f"has {size} bytes, and at most {MAX_PAYLOAD_BYTES} are kept;"
            " store it elsewhere and send where it is",
        )
    return payload
