"""The declared types of commands, for the clients that may use them."""

from dataclasses import dataclass
from typing import Any

from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.policy import Access, Client
from sfn_cqrs.machines.command import handlers


@dataclass(frozen=True, slots=True)
class TypeShown:
    """A type: who may use it, its handlers, and the schema of its attributes if it has a model."""

    name: str
    access: Access
    handlers: tuple[str, ...]
    lane: str
    shape: int = 1
    schema: dict[str, Any] | None = None
    personal: tuple[str, ...] = ()
    subject: str | None = None

    @property
    def imports(self) -> str:
        """Return who may publish by imports."""
        return str(self.access.importing)


class TypeService:
    """The types that a client may read or publish."""

    def __init__(self, _tenant: str, client: Client | None = None) -> None:
        """Work for a client, or for code; types are the same for every tenant."""
        self._client = client

    def list(self) -> list[TypeShown]:
        """Return the types whose items may be read or published, by name."""
        return [_shown(name, one) for name, one in handlers.types().items() if self._may_use(one)]

    def get(self, type_: str) -> TypeShown:
        """Return one type.

        Raises:
            UnknownTypeError, NotPermittedError: why not.
        """
        access = handlers.access_of(type_)
        if not self._may_use(access):
            handlers.check_read(type_, self._client)
        return _shown(type_, access)

    def _may_use(self, access: Access) -> bool:
        policies = (access.read, access.publish)
        return any(one.allows(self._client) or one.allows_own(self._client) for one in policies)


def _shown(name: str, access: Access) -> TypeShown:
    typed = models.find(name)
    names = tuple(handlers.names_of(name))
    lane = str(handlers.lane_of(name))
    if typed is None:
        return TypeShown(name, access, names, lane)
    model = typed.model
    personal = tuple(sorted(model.personal))
    schema, subject = model.schema(), typed.subject or None
    return TypeShown(name, access, names, lane, typed.shape, schema, personal, subject)
