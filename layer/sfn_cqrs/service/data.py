"""Reading: items as they are now, and as they were."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.paging import DEFAULT_LIMIT, MAX_LIMIT, Page
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import DataRow
from sfn_cqrs.domain.errors import DeletedError, NotFoundError
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.domain.policy import Client
from sfn_cqrs.service import handlers
from sfn_cqrs.service.commands.waiting import wait_until_applied


class DataService:
    """The current rows of a tenant."""

    def __init__(self, tenant: str, client: Client | None = None) -> None:
        """Work for one tenant, and for a client, or for code.

        Each type declares who may read it.
        """
        self._tenant = tenant
        self._client = client

    def get(
        self,
        type_: str,
        code: str,
        *,
        with_deleted: bool = False,
        at_least: int = 0,
        wait: float = 0,
    ) -> DataRow:
        """Return the item as it is now, read consistently.

        Args:
            type_: its type.
            code: its code.
            with_deleted: return it even if it is deleted.
            at_least: the oldest version to accept, such as the one just published.
            wait: the seconds to wait at most, if it is older.

        Raises:
            NotFoundError: it was never applied; or nobody has published that version.
            DeletedError: it is deleted, and deleted items were not asked for.
            NotAppliedYetError: it is older, and the version is on its way.
            NotAppliedError: it is older, and the version has failed, is blocked or skipped.
        """
        key = handlers.readable(self._tenant, type_, code, self._client)
        if at_least:
            wait_until_applied(key, at_least, wait, self._client)
        row = bootstrap.data().find(key)
        if row is None:
            raise NotFoundError(f"{type_} {code} does not exist")
        if row.is_deleted and not with_deleted:
            raise DeletedError(f"{type_} {code} is deleted since version {row.version}")
        return row

    def list(
        self, type_: str, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[DataRow]:
        """Return a page of the items of a type that are not deleted, by code; limit 1 to 100."""
        key = handlers.readable(self._tenant, type_, "-", self._client)
        return bootstrap.data().page(key.tenant, key.type, limit, cursor)


class HistoryService:
    """The earlier states of a tenant's items."""

    def __init__(self, tenant: str, client: Client | None = None) -> None:
        """Work for one tenant, and for a client, or for code.

        Each type declares who may read it.
        """
        self._tenant = tenant
        self._client = client

    def list(
        self, type_: str, code: str, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[DataRow]:
        """Return a page of an item's earlier states, the newest first; limit 1 to 100.

        Raises:
            NotFoundError: there is no such item.
        """
        key = handlers.readable(self._tenant, type_, code, self._client)
        page = bootstrap.history().page(key, limit, cursor)
        if not page.items and bootstrap.data().version_of(key).version == 0:
            raise NotFoundError(f"{type_} {code} does not exist")
        return page

    def as_of(self, type_: str, code: str, moment: datetime) -> DataRow:
        """Return the item as it was at a moment (with its time zone), deleted or not.

        A version counts from the moment it was published.

        Raises:
            NotFoundError: it did not exist then, or its history of then has expired.
        """
        text = iso(moment.astimezone(UTC))
        key = handlers.readable(self._tenant, type_, code, self._client)
        for row in self._states(key):
            if row.updated.at <= text:
                return row
        raise NotFoundError(f"{type_} {code} did not exist at {text}")

    def _states(self, key: ItemKey) -> Iterator[DataRow]:
        current = bootstrap.data().find(key)
        if current is not None:
            yield current
        cursor: str | None = None
        while True:
            page = bootstrap.history().page(key, MAX_LIMIT, cursor)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return
