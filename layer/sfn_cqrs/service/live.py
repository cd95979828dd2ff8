"""Who may subscribe to which channel of live updates: whoever may read what is told of there."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sfn_cqrs.domain.channels import ANY_TABLE, Subject, named, segment, subject_of
from sfn_cqrs.domain.errors import ForbiddenError, InvalidInputError, NotFoundError
from sfn_cqrs.domain.identity import Identity
from sfn_cqrs.domain.policy import require
from sfn_cqrs.service import handlers
from sfn_cqrs.service.approvals import types as approval_types
from sfn_cqrs.service.imports import strategies
from sfn_cqrs.service.sagas import types as saga_types
from sfn_cqrs.service.tasks import types as task_types


class _Kind(NamedTuple):
    """What is told of: the names of its types, and who may read one of them."""

    names: Callable[[], Iterable[str]]
    check: Callable[[str, Identity], None]


def check_subscribe(path: str, identity: Identity) -> Subject:
    """Refuse whoever may not read what is told in a channel.

    Raises:
        InvalidInputError: it is no channel, or of a kind that is not known.
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
        raise InvalidInputError("channel", f"{subject.kind!r} is no kind; known: {known}")
    names = sorted(kind.names())
    name = named(subject.type, names)
    if name is None:
        raise NotFoundError(f"{path}: nobody registers this type; known: {', '.join(names)}")
    kind.check(name, identity)
    return subject


def _of_archives() -> list[str]:
    return [*strategies.tables(), ANY_TABLE]


def _check_command(name: str, identity: Identity) -> None:
    handlers.check_read(name, identity.client)


def _check_task(name: str, identity: Identity) -> None:
    task_types.find(name).check_read(identity.client)


def _check_import(table: str, identity: Identity) -> None:
    strategies.check_read(table, identity.client)


def _check_archive(table: str, identity: Identity) -> None:
    """The files of an archive without a table may be of any."""
    for each in sorted(strategies.tables()) if table == ANY_TABLE else (table,):
        strategies.check_read(each, identity.client)


def _check_approval(name: str, identity: Identity) -> None:
    """Whoever decides hears, too; a requester may GET their own, which no channel tells apart."""
    known = approval_types.find(name)
    if not known.rules.may_decide(identity.user, identity.groups):
        declaration = f'approval_type("{name}")'
        require(known.read, identity.client, f"reading {name}", declaration, "read")


def _check_saga(name: str, identity: Identity) -> None:
    saga_types.find(name).check_read(identity.client)


_KINDS = {
    "command": _Kind(handlers.types, _check_command),
    "task": _Kind(task_types.types, _check_task),
    "import": _Kind(strategies.tables, _check_import),
    "archive": _Kind(_of_archives, _check_archive),
    "approval": _Kind(approval_types.types, _check_approval),
    "saga": _Kind(saga_types.types, _check_saga),
}
