"""The user's types of approval: found in the package APP_PACKAGE, registered by decorators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic

from sfn_cqrs.kernel.errors import UnknownApprovalTypeError
from sfn_cqrs.kernel.keys import TYPE_NAME
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import M
from sfn_cqrs.kernel.policy import CODE, MEMBERS, Access, Client, Policy, checked_whole, require
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.approval import declared
from sfn_cqrs.machines.approval.rules import Approval, Pinned, Rules, Status, Vote
from sfn_cqrs.machines.command import handlers

MAX_TIME = timedelta(days=30)
"""An execution lives a day longer."""
MIN_REMINDER = timedelta(minutes=1)
MAX_REMINDERS = 500
"""Each reminder takes some fifteen of an execution's 25,000 events."""
MAX_APPROVERS = 50


@dataclass(frozen=True, slots=True)
class Decided(Generic[M]):
    """A decided approval, as the function of its type gets it."""

    tenant: str
    type: str
    id: str
    status: Status
    subject: str
    payload: Json
    note: str
    requested_by: str
    votes: tuple[Vote, ...]
    item: Pinned | None = None

    @classmethod
    def of(cls, approval: Approval) -> "Decided":
        """Return a decided approval as the user's function gets it."""
        return cls(
            approval.key.tenant,
            approval.type,
            approval.key.id,
            approval.status,
            approval.subject,
            approval.payload,
            approval.note,
            approval.created.by,
            approval.votes,
            approval.item,
        )

    @property
    def model(self) -> M:
        """Return the payload as an instance of the type's model.

        Raises:
            TypeError: `approval_type` declares no model.
            InvalidModelError: the payload does not fit it any more.
        """
        made: M = models.input_of(self.type, _types[self.type].model, self.payload, "payload")
        return made

    @property
    def key(self) -> str:
        """Return the idempotency key for the function's calls; it is the same for every try."""
        return self.id


ApprovalHandler = Callable[[Decided], None]


@dataclass(frozen=True, slots=True)
class ApprovalType:
    """A type of approval: the people who decide, and the functions that run then."""

    name: str
    rules: Rules
    granted: ApprovalHandler
    of: str = ""
    read: Policy = MEMBERS
    model: models.Model | None = None


_types: dict[str, ApprovalType] = {}
_otherwise: dict[tuple[str, Status], ApprovalHandler] = {}


def approval_type(
    type_: str,
    *,
    of: str = "",
    read: Policy = MEMBERS,
    approvers: Sequence[str] = (),
    group: str = "",
    needed: int = 1,
    four_eyes: bool = True,
    expires_after: timedelta = timedelta(days=7),
    remind_every: timedelta | None = timedelta(days=1),
    model: type | None = None,
    when: declared.Rule | None = None,
) -> Callable[[ApprovalHandler], ApprovalHandler]:
    """Register the function that runs after an approval is granted.

    It may run again if its function dies: use the argument's `key` as the idempotency key of
    effects that must happen once. Raise `TransientError` if another try may help; any other
    error leaves the approval granted and FAILED until a `retry`.

    Args:
        type_: the type, such as ORDER_RELEASE.
        of: the type of the items that this decides on. The subject is then an item's code. Its
            latest version is pinned, and the decision is about that version: `publish_decided`
            publishes on it, and once the item has changed the approval is STALE.
        read: which clients may see its approvals, with payload, note and reasons: `MEMBERS`,
            `group("hr")`, `CODE`. Its deciders and its requester may always see it.
        approvers: users who decide, by their names.
        group: a group whose members decide, instead of the approvers or in addition.
        needed: how many people have to approve; one rejection is enough.
        four_eyes: whether somebody other than the requester has to decide.
        expires_after: how long people can decide, at most 30 days.
        remind_every: the time between reminders, at least a minute; None for no reminders.
        model: the class of the payload, as of a `command_type`; the function has `decided.model`.
        when: a rule about the items of `of`: it gets each version, and says whether people have to
            decide on it. The version then requests its approval itself, once; whoever has
            published it is the requester.
    """
    if of:
        handlers.check_name(of)
    elif when is not None:
        raise ValueError(f"{type_}: when= is about items; name their type, of=")
    checked_whole(read)
    rules = _checked_rules(type_, approvers, group, needed, four_eyes, expires_after, remind_every)

    typed = None if model is None else models.model_of(model)

    def register(handler: ApprovalHandler) -> ApprovalHandler:
        found = _types.get(type_)
        if found is not None and found.granted.__module__ != handler.__module__:
            raise ValueError(f"{type_} has a function in {found.granted.__module__} already")
        _types[type_] = ApprovalType(type_, rules, handler, of, read, typed)
        if when is not None:
            declared.ask_when(when, type_, of, handler.__module__)
        return handler

    return register


def when_rejected(type_: str) -> Callable[[ApprovalHandler], ApprovalHandler]:
    """Register the function that runs when somebody rejects; without it, nothing runs."""
    return _otherwise_do(type_, Status.REJECTED)


def when_stale(type_: str) -> Callable[[ApprovalHandler], ApprovalHandler]:
    """Register the function that runs when the item changed before the grant; by default none."""
    return _otherwise_do(type_, Status.STALE)


def when_expired(type_: str) -> Callable[[ApprovalHandler], ApprovalHandler]:
    """Register the function that runs when nobody decides in time; without it, nothing runs."""
    return _otherwise_do(type_, Status.EXPIRED)


def find(type_: object) -> ApprovalType:
    """Return a type of approval.

    Raises:
        UnknownApprovalTypeError: nobody registers it; it names the types that exist.
    """
    return handlers.registered(_types, type_, UnknownApprovalTypeError)


def check_read(approval: Approval, user: str, client: Client | None) -> None:
    """Refuse a client that may not see an approval.

    If its type is not registered any more, its deciders and its requester still see it.

    Raises:
        NotPermittedError: it says which declaration would allow it.
    """
    if client is None or _concerns(approval, user, client):
        return
    handlers.load()
    known, name = _types.get(approval.type), approval.type
    policy = known.read if known else CODE
    require(policy, client, f"reading {name}", f'approval_type("{name}")', "read")


def _concerns(approval: Approval, user: str, client: Client) -> bool:
    """Return whether somebody decides on an approval, or has requested it."""
    is_own = bool(user) and user == approval.created.by
    return is_own or approval.rules.may_decide(user, client.groups)


def types() -> dict[str, Access]:
    """Return every type with its declaration."""
    handlers.load()
    return {name: Access(read=one.read) for name, one in sorted(_types.items())}


def handler_of(type_: str, status: Status) -> ApprovalHandler | None:
    """Return the function that runs when an approval is decided so, or None if there is none.

    Raises:
        UnknownApprovalTypeError: its type is not registered any more.
    """
    known = find(type_)
    return known.granted if status is Status.GRANTED else _otherwise.get((type_, status))


def _otherwise_do(type_: str, status: Status) -> Callable[[ApprovalHandler], ApprovalHandler]:
    def register(handler: ApprovalHandler) -> ApprovalHandler:
        found = _otherwise.get((type_, status), handler)
        if found.__module__ != handler.__module__:
            raise ValueError(f"{type_} has a function for {status} in {found.__module__} already")
        _otherwise[type_, status] = handler
        return handler

    return register


def _checked_rules(
    type_: str,
    approvers: Sequence[str],
    group: str,
    needed: int,
    four_eyes: bool,
    expires_after: timedelta,
    remind_every: timedelta | None,
) -> Rules:
    if not TYPE_NAME.fullmatch(type_):
        raise ValueError(
            f"{type_!r} is not an approval type: 1 to 64 capital letters, digits or '_'"
        )
    if isinstance(approvers, str) or len(set(approvers)) != len(approvers):
        raise ValueError(f"{type_}: approvers must be a list of different users")
    if not approvers and not group:
        raise ValueError(f"{type_}: name approvers, or a group of them")
    most = MAX_APPROVERS if group else len(approvers)
    if not 1 <= needed <= most or len(approvers) > MAX_APPROVERS:
        raise ValueError(f"{type_}: needed must be 1 to {most}, of at most {MAX_APPROVERS}")
    if not timedelta(seconds=1) <= expires_after <= MAX_TIME:
        raise ValueError(f"{type_}: expires_after must be a second to {MAX_TIME.days} days")
    if remind_every is not None and (
        remind_every < MIN_REMINDER or expires_after / remind_every > MAX_REMINDERS
    ):
        raise ValueError(
            f"{type_}: remind_every must be at least a minute, and {MAX_REMINDERS} reminders in all"
        )
    seconds = int(remind_every.total_seconds()) if remind_every else 0
    return Rules(
        tuple(approvers), group, needed, four_eyes, int(expires_after.total_seconds()), seconds
    )
