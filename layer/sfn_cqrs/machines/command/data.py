"""Reading: items as they are now, and as they were."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import DataRow
from sfn_cqrs.kernel.errors import (
    DeletedError,
    InvalidInputError,
    NoAppliedVersionError,
    NotFoundError,
)
from sfn_cqrs.kernel.functions.own_lists import MOST_VERSIONS, OwnList
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page, bytes_of
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.outcomes import last_applied
from sfn_cqrs.machines.command.waiting import wait_until_applied


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
        applied: bool = False,
    ) -> DataRow:
        """Return the current state of the item, read consistently.

        It is at its version before the handlers of that version run, and stays there if one of
        them fails: `outcome_of` tells how the version has ended.

        Args:
            type_: its type.
            code: its code.
            with_deleted: return it even if it is deleted.
            at_least: the oldest version to accept, such as the one just published.
            wait: the seconds to wait at most, if it is older.
            applied: return the last state whose version is APPLIED, from the history if need be.

        Raises:
            InvalidInputError: `applied` and `at_least` are both given.
            NoAppliedVersionError: no version was applied, or its state has expired.
            NotFoundError: the item was never applied, or is not the client's; or nobody has
                published that version.
            DeletedError: it is deleted, and deleted items were not asked for.
            NotAppliedYetError: the item is older, and the version is in progress.
            NotAppliedError: the item is older, and the version has failed, is blocked or skipped.
        """
        key = handlers.readable(self._tenant, type_, code, self._client)
        if applied and at_least:
            raise InvalidInputError("applied", "does not go with atLeast; wait for the outcome")
        if at_least:
            self._check_own(key, at_least)
            wait_until_applied(key, at_least, wait, self._client)
        row = self._applied(key) if applied else bootstrap.data().find(key)
        if row is None or not handlers.sees(self._client, row):
            raise _unknown(key)
        if row.is_deleted and not with_deleted:
            raise DeletedError(f"{type_} {code} is deleted since version {row.version}")
        return row

    def _applied(self, key: ItemKey) -> DataRow | None:
        """Return the last applied state; None if there is no item that the client may see."""
        row = last_applied(key)
        if row is not None:
            return row
        current = bootstrap.data().find(key)
        if current is not None and handlers.sees(self._client, current):
            raise NoAppliedVersionError(f"no version of {key.type} {key.code} was applied")
        return None

    def list(
        self, type_: str, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[DataRow]:
        """Return a page of the items of a type that are not deleted, by code; limit 1 to 100."""
        key = handlers.readable(self._tenant, type_, "-", self._client)
        read = partial(bootstrap.data().page, key.tenant, key.type)
        if handlers.sees_all(type_, self._client):
            return read(limit, cursor)
        sees = partial(handlers.sees, self._client)
        name = f"data/{key.type}"
        own = OwnList(key.tenant, name, read, sees, lambda row: row.key.sk, _bytes_of)
        return own.page(limit, cursor)

    def _check_own(self, key: ItemKey, version: int) -> None:
        """Refuse to wait for a version that is not the client's: even how it ends is not."""
        if handlers.sees_all(key.type, self._client):
            return
        row, command = bootstrap.data().find(key), bootstrap.commands().find(key, version)
        if not any(each and handlers.sees(self._client, each) for each in (row, command)):
            raise _unknown(key)


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
            NotFoundError: there is no such item, or neither it nor an earlier state is the
                client's.
        """
        key = handlers.readable(self._tenant, type_, code, self._client)
        read = partial(bootstrap.history().page, key)
        if handlers.sees_all(type_, self._client):
            page = read(limit, cursor)
            if not page.items and bootstrap.data().version_of(key).version == 0:
                raise _unknown(key)
            return page
        sees = partial(handlers.sees, self._client)
        name = f"history/{key.type}/{key.code}"
        own = OwnList(
            key.tenant, name, read, sees, lambda row: key.version_sk(row.version), _bytes_of
        )
        page = own.page(limit, cursor, MOST_VERSIONS)
        row = bootstrap.data().find(key)
        if not page.items and cursor is None and (row is None or not sees(row)):
            raise _unknown(key)
        return page

    def as_of(self, type_: str, code: str, moment: datetime) -> DataRow:
        """Return the state of the item at a moment (with its time zone), deleted or not.

        A version counts from the moment it was published.

        Raises:
            NotFoundError: the item did not exist then, or its history has expired.
        """
        text = iso(moment.astimezone(UTC))
        key = handlers.readable(self._tenant, type_, code, self._client)
        for row in self._states(key):
            if row.updated.at <= text and handlers.sees(self._client, row):
                return row
            if row.updated.at <= text:
                break
        raise NotFoundError(f"{type_} {code} did not exist at {text}")

    def _states(self, key: ItemKey) -> Iterator[DataRow]:
        current = bootstrap.data().find(key)
        if current is not None:
            yield current
        yield from bootstrap.history().states(key)


def _unknown(key: ItemKey) -> NotFoundError:
    return NotFoundError(f"{key.type} {key.code} does not exist")


def _bytes_of(row: DataRow) -> int:
    return bytes_of(row.content.attributes)
