"""The read models that clients may read: declared in the user's package, as types are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError, UnknownReadModelError
from sfn_cqrs.kernel.functions.own_lists import OwnList
from sfn_cqrs.kernel.keys import checked_key_part, checked_tenant
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.policy import CODE, Access, Client, Policy, Restricted, permits
from sfn_cqrs.kernel.read_models import row_models
from sfn_cqrs.kernel.read_models.row_models import RowModel
from sfn_cqrs.kernel.tables.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Page,
    bytes_of,
    checked_limit,
    cursor_at,
    every,
)
from sfn_cqrs.machines.command import handlers

if TYPE_CHECKING:
    from sfn_cqrs.kernel.read_models.read_model import ReadModel

R = TypeVar("R")
Row = dict[str, Any]
PART = "#"
_COLUMN = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True, slots=True)
class ReadModelType(Restricted):
    """A read model: the name of its partition key, and who may read it.

    `partitions` are those that can be read, if they have fixed names.
    """

    DECLARATION = "read_model_type"

    name: str
    by: str
    partitions: tuple[str, ...]
    buckets: int
    access: Access
    counted: str = ""
    """The attribute that is a count whose parts are rows of their own; empty if there is none."""
    subject: str = ""
    personal: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, Any] | None:
        """Return the JSON Schema of a row, if `row=` gives it a class."""
        typed = row_models.find(self.name)
        return typed.schema() if typed else None

    def checked_partition(self, partition: str) -> str:
        """Return a partition that can be read.

        Raises:
            InvalidInputError: no key can hold it, or the read model has no such partition.
        """
        if self.partitions and partition not in self.partitions:
            raise InvalidInputError("partition", f"of {self.name} must be {self.by}")
        return checked_key_part(partition, "partition")

    def check_read(self, client: Client | None) -> None:
        """Refuse a client that may read none of it.

        Raises:
            NotPermittedError: it says which declaration would allow it.
        """
        if not self.access.read.allows_own(client):
            Restricted.check_read(self, client)

    def sees(self, client: Client | None, partition: str, row: Row) -> bool:
        """Return whether a client may read a row."""
        return self.access.read.sees(client, {**row, self.by: partition})


_types: dict[str, ReadModelType] = {}


@overload
def read_model_type(
    name: str,
    *,
    by: str | Sequence[str],
    read: Policy = CODE,
    buckets: int = 1,
    counted: str = "",
    subject: str = "",
    personal: Sequence[str] = (),
) -> None: ...
@overload
def read_model_type(
    name: str,
    *,
    by: str | Sequence[str],
    read: Policy = CODE,
    buckets: int = 1,
    subject: str = "",
    personal: Sequence[str] = (),
    row: type[R],
) -> "Rows[R]": ...
def read_model_type(
    name: str,
    *,
    by: str | Sequence[str],
    read: Policy = CODE,
    buckets: int = 1,
    counted: str = "",
    subject: str = "",
    personal: Sequence[str] = (),
    row: type[Any] | None = None,
) -> "Rows[Any] | None":
    """Declare a read model, and which clients may read it; code always may.

    A client that may read it sees every row of its tenant, whatever the types of the source items
    declare; with `own`, only the rows that name it.

    Args:
        name: the name that you pass to `read_model`, such as orders_by_customer.
        by: a word for its partition key, such as "customer"; or the names of the partitions that
            can be read, such as ("countries",).
        read: who may read it: `CODE`, `MEMBERS`, `group("clerk")`; `own("customer")`: each member
            the rows that name them there, or, if `by` is "customer", the partition with their name.
        buckets: the same number that you pass to `read_model`.
        counted: the attribute that is a count, if its handler keeps each in parts, rows `US#00`,
            `US#01` and so on: clients are shown their sum, as the row `US`.
        subject: the attribute that names the person whom a row is about, if the handler does not
            write the row again for the item's next version, as with one row for each version.
        personal: the attributes that are erased with that person.
        row: the class of the rows, as of a `command_type`. Rows that do not fit it are not written.

    Returns:
        The rows as instances of `row`, if it is given.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a read model: 1 to 128 letters, digits, '_' or '-'")
    if counted and read.owners:
        raise ValueError(f"{name}: the counts of counted= have no owner")
    partitions = () if isinstance(by, str) else tuple(by)
    said = by if isinstance(by, str) else " or ".join(partitions)
    if bool(subject) != bool(personal) or isinstance(personal, str):
        raise ValueError(f"{name}: subject= and personal= (a list) go together")
    access = Access(read=read, has_owners=True)
    typed = None if row is None else RowModel(name, models.model_of(row), partitions)
    row_models.register(name, typed)
    _types[name] = ReadModelType(
        name, said, partitions, buckets, access, counted, subject, tuple(personal)
    )
    return None if typed is None else Rows(typed, buckets)


@dataclass(frozen=True, slots=True)
class TypedRow(Generic[R]):
    """A row: its sort key, the version that has written it, and its content."""

    sort: str
    version: int
    model: R


class Rows(Generic[R]):
    """The rows of a read model as instances of the class that `read_model_type` gives it."""

    def __init__(self, typed: RowModel, buckets: int) -> None:
        """Use the read model of this class and of this number of buckets."""
        self._typed = typed
        self._buckets = buckets

    def get(self, tenant: str, partition: str, sort: str) -> TypedRow[R] | None:
        """Return one row, read consistently, or None if there is no such row.

        Raises:
            InvalidModelError: it was written before the class changed; rebuild the read model.
        """
        row = self._view.get(tenant, partition, sort)
        return None if row is None else self._row({**row, "sort": sort})

    def rows(self, tenant: str, partition: str) -> list[TypedRow[R]]:
        """Return all rows of a partition by sort key.

        Raises:
            InvalidModelError: one was written before the class changed; rebuild the read model.
        """
        return [self._row(row) for row in self._view.rows(tenant, partition)]

    def page(
        self, tenant: str, partition: str, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[TypedRow[R]]:
        """Return a page of the rows of a partition by sort key; limit 1 to 100.

        Raises:
            InvalidModelError: one was written before the class changed; rebuild the read model.
        """
        page = self._view.page(tenant, partition, limit, cursor)
        return Page([self._row(row) for row in page.items], page.next_cursor)

    def put_if_newer(self, tenant: str, partition: str, sort: str, row: R, version: int) -> bool:
        """Put a row; return False if that version or a later one is stored.

        Raises:
            InvalidModelError: the row does not fit its class.
        """
        return self._view.put_if_newer(tenant, partition, sort, self._stored(row, version))

    def delete(self, tenant: str, partition: str, sort: str, version: int) -> bool:
        """Delete a row, as `ReadModel.delete` does."""
        return self._view.delete(tenant, partition, sort, version)

    def move(
        self, tenant: str, item: str, row: R | None, version: int, to: tuple[str, str] | None
    ) -> bool:
        """Put an item's only row at a place, or nowhere, as `ReadModel.move` does.

        Raises:
            BusyError: another version of it is in progress; try again.
            InvalidModelError: the row does not fit its class.
            ValueError: another item has its row at this place.
        """
        stored = {"version": version} if row is None else self._stored(row, version)
        return self._view.move(tenant, item, stored, to)

    @property
    def _view(self) -> "ReadModel":
        return bootstrap.read_model(self._typed.view, buckets=self._buckets)

    def _stored(self, row: R, version: int) -> Row:
        return {**self._typed.plain(row), "version": version}

    def _row(self, row: Row) -> TypedRow[R]:
        sort, version = row.pop("sort"), row.get("version", 0)
        return TypedRow(sort, version, self._typed.made(row))


_tables: dict[str, tuple[str, ...]] = {}


def sql_read_model(table: str, *, keys: Sequence[str]) -> None:
    """Declare a read model in PostgreSQL; the handler named after its table writes it.

    The table has the columns `tenant`, `generation` and `version`; its primary key is `tenant`,
    `generation` and these keys. The handler and every reader call `generation`.

    Args:
        table: the table's name, such as orders_search.
        keys: the other columns of its primary key, such as ("code",).
    """
    for name in (table, *keys):
        if not _COLUMN.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of a table or column: a-z, 0-9 and _")
    _tables[table] = tuple(keys)


def tables() -> dict[str, tuple[str, ...]]:
    """Return the keys of every declared read model in PostgreSQL, by its table."""
    handlers.load()
    return _tables


def types() -> dict[str, ReadModelType]:
    """Return every declared read model, by name."""
    handlers.load()
    return dict(sorted(_types.items()))


def declared_of(pk: str, tenant: str) -> ReadModelType | None:
    """Return the read model that a partition of any of its generations belongs to, if declared."""
    view, _, rest = pk.partition("#")
    found = types().get(view.partition("@")[0])
    return found if rest.startswith(f"{tenant}#") else None


def find(name: str) -> ReadModelType:
    """Return one read model.

    Raises:
        UnknownReadModelError: nobody declares it. The error names those that exist.
    """
    return handlers.registered(_types, name, UnknownReadModelError)


class ReadModelService:
    """The read models of a tenant."""

    def __init__(self, tenant: str, client: Client | None = None) -> None:
        """Work for one tenant, and for a client, or for code."""
        self._tenant = checked_tenant(tenant)
        self._client = client

    def list(self) -> list[ReadModelType]:
        """Return the read models that the client may read, by name."""
        return [one for one in types().values() if permits(one.check_read, self._client)]

    def rows(
        self, name: str, partition: str, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Row]:
        """Return a page of the rows of a partition by sort key, each with `sort`; limit 1 to 100.

        Raises:
            UnknownReadModelError, NotPermittedError: why not.
        """
        found = self._readable(name)
        view = bootstrap.read_model(name, buckets=found.buckets)
        place = found.checked_partition(partition)
        if found.counted:
            return self._sums(view, place, found.counted, limit, cursor)
        read = partial(view.page, self._tenant, place)
        if found.access.read.allows(self._client):
            return read(limit, cursor)
        own = OwnList(
            self._tenant,
            f"rows/{name}/{place}",
            read,
            partial(found.sees, self._client, place),
            lambda row: str(row["sort"]),
            bytes_of,
        )
        return own.page(limit, cursor)

    def get(self, name: str, partition: str, sort: str) -> Row:
        """Return one row as its handler has written it.

        Raises:
            UnknownReadModelError, NotPermittedError: why not.
            NotFoundError: there is no such row.
        """
        found = self._readable(name)
        view = bootstrap.read_model(name, buckets=found.buckets)
        place = found.checked_partition(partition), checked_key_part(sort, "sort")
        if found.counted:
            return self._sum(view, *place, found.counted)
        row = view.get(self._tenant, *place)
        if row is None or not found.sees(self._client, place[0], row):
            raise NotFoundError(f"{name} has no such row")
        return row

    def _sum(self, view: "ReadModel", partition: str, sort: str, counted: str) -> Row:
        """Return one count: the sum of its parts, which are the first rows behind `US#`."""
        before = cursor_at(f"{sort}{PART}")
        found = self._sums(view, partition, counted, 1, before).items
        if not found or found[0].pop("sort") != sort:
            raise NotFoundError("the read model has no such row")
        return found[0]

    def _sums(
        self, view: "ReadModel", partition: str, counted: str, limit: int, cursor: str | None
    ) -> Page[Row]:
        """Return a page of counts, each the sum of its parts, which follow one another."""
        checked_limit(limit)
        sums: dict[str, Row] = {}
        last = ""
        for row in every(partial(view.page, self._tenant, partition, MAX_LIMIT), cursor):
            sort = row["sort"].rpartition(PART)[0]
            if sort not in sums and len(sums) == limit:
                return Page(list(sums.values()), cursor_at(last))
            known = sums.setdefault(sort, {counted: 0, "sort": sort})
            known[counted] += row[counted]
            last = row["sort"]
        return Page(list(sums.values()))

    def _readable(self, name: str) -> ReadModelType:
        found = find(name)
        found.check_read(self._client)
        return found
