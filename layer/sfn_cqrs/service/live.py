"""Who may subscribe to which channel of live updates: whoever may read what is told of there."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sfn_cqrs.domain.channels import ANY_TABLE, Subject, named, segment, subject_of
from sfn_cqrs.domain.errors import ForbiddenError, InvalidInputError, NotFoundError
from sfn_cqrs.domain.policy import Client
from sfn_cqrs.service import handlers
from sfn_cqrs.service.approvals import types as approval_types
from sfn_cqrs.service.imports import strategies
from sfn_cqrs.service.sagas import types as saga_types
from sfn_cqrs.service.tasks import types as task_types


class _Kind(NamedTuple):
    """What is told of: the names of its types, and who may read one of them."""

    names: Callable[[], Iterable[str]]
    check: Callable[[str, Client], None]


def check_subscribe(path: str, tenant: str, client: Client) -> Subject:
    """Refuse a client that may not read what is told in a channel.

    Raises:
        InvalidInputError: it is no channel, or of a kind that is not known.
        ForbiddenError: it is another tenant's.
        NotFoundError: nobody registers its type.
        NotPermittedError: it says which declaration would allow it.
    """
    subject = subject_of(path)
    if subject.tenant != segment(tenant):
        raise ForbiddenError(f"{path} is of another tenant: the token says {tenant}")
    kind = _KINDS.get(subject.kind)
    if kind is None:
        known = ", ".join(_KINDS)
        raise InvalidInputError("channel", f"{subject.kind!r} is no kind; known: {known}")
    names = sorted(kind.names())
    name = named(subject.type, names)
    if name is None:
        raise NotFoundError(f"{path}: nobody registers this type; known: {', '.join(names)}")
    kind.check(name, client)
    return subject


def _of_archives() -> list[str]:
    return [*strategies.tables(), ANY_TABLE]


def _seen_by_all(_type: str, _client: Client) -> None:
    """Approvals are seen by every member, whoever decides; archives, too."""


_KINDS = {
    "command": _Kind(handlers.types, handlers.check_read),
    "task": _Kind(task_types.types, lambda name, client: task_types.find(name).check_read(client)),
    "import": _Kind(strategies.tables, strategies.check_read),
    "archive": _Kind(_of_archives, _seen_by_all),
    "approval": _Kind(approval_types.names, _seen_by_all),
    "saga": _Kind(saga_types.types, lambda name, client: saga_types.find(name).check_read(client)),
}
