"""Sagas from the outside: start, look, retry."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.command import checked_name
from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.kernel.functions.requests import create_once, made_by, seen_id
from sfn_cqrs.kernel.keys import SagaKey, checked_tenant
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.kernel.values import Json, digest
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import Saga, SagaStatus, checked_input
from sfn_cqrs.machines.saga.runner import SagaFlow


class SagaService:
    """The sagas of a tenant, named by their public ids `g-…`."""

    def __init__(self, tenant: str, client: Client | None = None) -> None:
        """Work for one tenant, and for a client, or for code. Each saga declares who may do what.

        Raises:
            InvalidInputError: no key can hold this tenant.
        """
        self._tenant = checked_tenant(tenant)
        self._client = client

    def start(
        self,
        saga: str,
        value: dict[str, Json],
        *,
        name: str = "",
        caller: Caller | None = None,
    ) -> str:
        """Start a saga with its input, an object, and return its id.

        Raises:
            UnknownSagaError: no steps are registered for it.
            NotPermittedError: the caller is a client, and the saga does not allow it.
            SagaInputTooLargeError: the input has more than 64 KiB.
            InvalidInputError: the saga's own check refuses the input, or a value cannot be stored.
            IdempotencyMismatchError: the caller's idempotency key was used for something else.
        """
        caller = caller or Caller()
        known = saga_types.find(saga)
        known.check_publish(caller.client)
        type_ = known.name
        given, called = checked_input(value), checked_name(name)
        asked = digest(["saga", type_, given, called])
        seen = seen_id(self._tenant, caller.request_key, asked)
        if seen is not None:
            return seen
        known.check_input(given)
        now = bootstrap.now()
        at = iso(now)
        started = Saga(
            key=SagaKey(self._tenant, new_ulid(now)),
            saga=type_,
            name=called or type_,
            input=given,
            opened_at=at,
            order=known.order,
            **made_by(caller, at),
        )
        once = (caller.request_key, asked, caller.remembered_for)
        return create_once(bootstrap.sagas(), started, *once)

    def get(self, id_: str) -> Saga:
        """Return a saga with its log.

        Raises:
            NotFoundError: there is no such saga.
        """
        saga = bootstrap.sagas().find(SagaKey.of(self._tenant, id_))
        if saga is None:
            raise NotFoundError(f"saga {id_} does not exist")
        if self._client is not None:
            saga_types.find(saga.saga).check_read(self._client)
        return saga

    def list(
        self,
        *,
        status: SagaStatus | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Saga]:
        """Return a page of the sagas, of one status or of all, the newest first; limit 1 to 100.

        The page leaves out sagas that the client may not see, so it may be short.
        """
        page = bootstrap.sagas().page(SagaKey(self._tenant, ""), limit, cursor, status=status)
        seen = [one for one in page.items if saga_types.may_read(one.saga, self._client)]
        return Page(seen, page.next_cursor)

    def retry(self, id_: str) -> Saga:
        """Retry a parked saga where it stopped, as its next attempt.

        Raises:
            NotFoundError: there is no such saga.
            NotParkedError: it is not parked.
        """
        return SagaFlow(SagaKey.of(self._tenant, id_)).run(saga_programs.retry(depth_here()))
