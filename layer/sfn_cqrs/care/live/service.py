"""Subscribing to a channel of live updates: open to clients that may read its subject."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sfn_cqrs.care.live.channels import ANY_TABLE, Subject, named, segment, subject_of
from sfn_cqrs.kernel.caller import Identity
from sfn_cqrs.kernel.errors import ForbiddenError, InvalidInputError, NotFoundError
from sfn_cqrs.kernel.policy import require
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.task import types as task_types


class _Kind(NamedTuple):
    """A kind of subject: the names of its types, and the check of who may read one of them."""

    names: Callable[[], Iterable[str]]
    check: Callable[[str, Identity], None]


def check_subscribe(path: str, identity: Identity) -> Subject:
    """Return the subject of a channel, and refuse a client that may not read it.

    Raises:
        InvalidInputError: it is not a channel, or its kind is not known.
        ForbiddenError: it is another tenant's.
        NotFoundError: nobody registers its type.
        NotPermittedError: it says which declaration would allow it.
    """
    subject = subject_of(path)
    if subject.tenant != segment(identity.tenant):
        raise ForbiddenError(f"{path} is of another tenant: the token says {identity.tenant}")
    kind = _KINDS.get(subject.kind)
    if kind is None:
        known = ", ".join(_KINDS)
        raise InvalidInputError("channel", f"{subject.kind!r} is not a kind; known: {known}")
    names = sorted(kind.names())
    name = named(subject.type, names)
    if name is None:
        raise NotFoundError(f"{path}: nobody registers this type; known: {', '.join(names)}")
    kind.check(name, identity)
    return subject


def _check_archive(table: str, identity: Identity) -> None:
    """Refuse a client; the files of an archive without a table may belong to any table."""
    for each in sorted(strategies.tables()) if table == ANY_TABLE else (table,):
        strategies.check_read(each, identity.client)


def _check_approval(name: str, identity: Identity) -> None:
    """Refuse a client that does not decide on a type.

    A requester may GET their own approvals, but a channel cannot filter by requester.
    """
    known = approval_types.find(name)
    if not known.rules.may_decide(identity.user, identity.groups):
        declaration = f'approval_type("{name}")'
        require(known.read, identity.client, f"reading {name}", declaration, "read")


_KINDS = {
    "command": _Kind(handlers.types, lambda name, who: handlers.check_read(name, who.client)),
    "task": _Kind(task_types.types, lambda name, who: task_types.find(name).check_read(who.client)),
    "import": _Kind(strategies.tables, lambda name, who: strategies.check_read(name, who.client)),
    "archive": _Kind(lambda: [*strategies.tables(), ANY_TABLE], _check_archive),
    "approval": _Kind(approval_types.types, _check_approval),
    "saga": _Kind(saga_types.types, lambda name, who: saga_types.find(name).check_read(who.client)),
}
