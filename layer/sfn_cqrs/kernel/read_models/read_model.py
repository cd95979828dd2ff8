"""A read model in DynamoDB: rows that only move forward, whoever writes them and how often."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.keys import buckets, shard_of
from sfn_cqrs.kernel.read_models.rules import FIRST_GENERATION, GONE, PLACES, View, ViewKey
from sfn_cqrs.kernel.tables import transactions
from sfn_cqrs.kernel.tables.conditional import is_done
from sfn_cqrs.kernel.tables.dynamodb import Item, get, marshal, unmarshal
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page, Range, query, query_page
from sfn_cqrs.kernel.tables.records import Records

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(slots=True)
class Writing:
    """The generations that a handler writes, by read model, and its counts of guarded writes."""

    tenant: str
    generations: Mapping[str, int]
    put: int = 0
    refused: int = 0
    lock: Lock = field(default_factory=Lock)

    def count(self, put: int, refused: int) -> None:
        """Count the results of guarded writes."""
        with self.lock:
            self.put += put
            self.refused += refused


_writing: ContextVar[Writing | None] = ContextVar("writing", default=None)


def count_writes(put: int, refused: int) -> None:
    """Count guarded writes that succeeded, and those that found that version already stored."""
    writing = _writing.get()
    if writing is not None:
        writing.count(put, refused)


class Generations:
    """The generations of all read models, by tenant."""

    def __init__(self, views: "Records[View]", known_for: timedelta, now: Now) -> None:
        """Cache what is read for this time."""
        self._views = views
        self._known_for = known_for
        self._now = now
        self._known: dict[str, tuple[datetime, dict[str, View]]] = {}

    @property
    def patience(self) -> int:
        """Return the seconds after which every function knows of a change."""
        return 2 * int(self._known_for.total_seconds())

    def of(self, tenant: str, view: str) -> int:
        """Return the generation to read or to write."""
        writing = _writing.get()
        if writing is not None and writing.tenant == tenant and view in writing.generations:
            return writing.generations[view]
        found = self.known(tenant).get(view)
        return found.serving if found else FIRST_GENERATION

    def known(self, tenant: str) -> dict[str, View]:
        """Return a tenant's read models that were ever rebuilt, by name, from the cache."""
        read_at, views = self._known.get(tenant, (None, {}))
        now = self._now()
        if read_at is None or not timedelta() <= now - read_at < self._known_for:
            views = {view.key.view: view for view in self.all(tenant)}
            self._known[tenant] = now, views
        return views

    def all(self, tenant: str) -> list[View]:
        """Return a tenant's read models that were ever rebuilt, read consistently."""
        return list(self._views.all(ViewKey(tenant, "")))

    @contextmanager
    def writing(self, tenant: str, generations: Mapping[str, int]) -> Iterator[Writing]:
        """Direct writes in the block to these generations, in this thread and those it starts.

        Threads that the block starts must get its context, as `at_once` gives it.
        """
        writing = Writing(tenant, generations)
        token = _writing.set(writing)
        try:
            yield writing
        finally:
            _writing.reset(token)


TRIES = 6
PAGE_SIZE = 1_000
_ITEM = "_item"
"""The attribute of a row that `move` has written: the item that the row is of."""
_THERE: dict[str, Any] = {
    "FilterExpression": "attribute_not_exists(#gone)",
    "names": {"#gone": GONE},
}


class ReadModel:
    """One view, such as `airports_by_country`: its rows have a partition and a sort key.

    A partition takes a thousand writes a second. A partition that takes more is spread over
    `buckets`, which `rows` reads as one. A view can never change its number of buckets.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        view: str,
        *,
        buckets: int = 1,
        generation: Callable[[str, str], int] = lambda _tenant, _view: FIRST_GENERATION,
    ) -> None:
        """Use the part of the table that belongs to the view.

        `generation` returns the generation to read or write for a tenant and a view; it is called
        each time.
        """
        self._client = client
        self._generation = generation
        self._table = table
        self._view = view
        self._buckets = buckets
        self._check: Callable[[str, Item], None] = lambda _partition, _row: None

    def checking(self, check: Callable[[str, Item], None]) -> Self:
        """Return the same view; it calls a check with each row and partition before a write."""
        view = copy(self)
        view._check = check
        return view

    def get(self, tenant: str, partition: str, sort: str) -> Item | None:
        """Return one row without its keys, read consistently, or None if there is no such row."""
        row = self.stored(self._key(tenant, partition, sort))
        return None if row is None or GONE in row else _without_keys(row)

    def rows(self, tenant: str, partition: str) -> list[Item]:
        """Return all rows of a partition by sort key, with `sort`."""
        where = Range(self._pks(tenant, partition), prefix="")
        found = query(self._client, self._table, where, PAGE_SIZE, **_THERE)
        return [_with_sort(item) for item in found]

    def page(
        self, tenant: str, partition: str, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Item]:
        """Return a page of the rows of a partition by sort key, with `sort`; limit 1 to 100."""
        where = Range(self._pks(tenant, partition), "", limit, cursor)
        page = query_page(self._client, self._table, where, **_THERE)
        return Page([_with_sort(item) for item in page.items], page.next_cursor)

    def put_if_newer(self, tenant: str, partition: str, sort: str, row: Item) -> bool:
        """Put a row with a `version`; return False if that version or a later one is stored."""
        self._check(partition, row)
        return self._put_if_newer(tenant, partition, sort, row)

    def _put_if_newer(self, tenant: str, partition: str, sort: str, row: Item) -> bool:
        is_put = is_done(
            self._client.put_item,
            TableName=self._table,
            Item=self._key(tenant, partition, sort) | marshal(row),
            ConditionExpression="attribute_not_exists(pk) OR version < :version",
            ExpressionAttributeValues=marshal({":version": row["version"]}),
        )
        count_writes(put=int(is_put), refused=int(not is_put))
        return is_put

    def delete(self, tenant: str, partition: str, sort: str, version: int) -> bool:
        """Delete a row; return False if that version or a later one is stored.

        Its version stays behind, so that a late older version does not bring the row back. No
        reader sees it.
        """
        return self._put_if_newer(tenant, partition, sort, {"version": version, GONE: True})

    def move(self, tenant: str, item: str, row: Item, to: tuple[str, str] | None) -> bool:
        """Put an item's only row at a place, and delete it at its old place, in one transaction.

        Write all rows of a view with this method, or none. The view stores each item's place
        beside the rows, so a late older version changes nothing. A row whose place stays is
        written alone.

        Args:
            tenant: the tenant of the item.
            item: the item, such as `command.key.code`.
            row: the row, with a `version`.
            to: its partition and sort key, or None: the item has no row any more.

        Returns:
            False if that version of the item or a later one was there before.

        Raises:
            BusyError: another version of it is in progress; try again.
            ValueError: another item has its row at this place.
        """
        if to is not None:
            self._check(to[0], row)
        before = self.stored(self.place_of(tenant, item))
        is_put = before is None or before["version"] < row["version"]
        if is_put and before is not None and to is not None and before.get("at") == list(to):
            is_put = self._renew(tenant, item, row, to) or (
                not self._is_overtaken(tenant, item, row, before)
                and self._relocate(tenant, item, row, to, before)
            )
        elif is_put:
            is_put = self._relocate(tenant, item, row, to, before)
        count_writes(put=int(is_put), refused=int(not is_put))
        return is_put

    def _renew(self, tenant: str, item: str, row: Item, to: tuple[str, str]) -> bool:
        """Replace an older row of the item where it is; return whether one was there."""
        return is_done(
            self._client.put_item,
            TableName=self._table,
            Item=self._key(tenant, *to) | marshal({**row, _ITEM: item}),
            ConditionExpression="version < :version AND #item = :item",
            ExpressionAttributeNames={"#item": _ITEM},
            ExpressionAttributeValues=marshal({":version": row["version"], ":item": item}),
        )

    def _relocate(
        self, tenant: str, item: str, row: Item, to: tuple[str, str] | None, before: Item | None
    ) -> bool:
        """Write the row and its place, and delete the row at the place before, or do nothing.

        The place has the version that came there; its row may be newer.
        """
        at = None if to is None else list(to)
        place = {"version": row["version"], "at": at}
        expected = None if before is None else int(before["version"])
        parts = [self.put(self.place_of(tenant, item), place, expected)]
        if to is not None:
            parts.append(self._put_of(self._key(tenant, *to), row, item))
        if before is not None and before.get("at", at) != at:
            parts.append(self._delete_of(self._key(tenant, *before["at"]), row))
        try:
            self.write_all(parts)
        except BusyError:
            if to is not None:
                self._check_free(tenant, to, item)
            if self._is_overtaken(tenant, item, row, before or {}):
                return False
            raise
        return True

    def _is_overtaken(self, tenant: str, item: str, row: Item, before: Item) -> bool:
        """Return whether the item's row, where it was, is of that version or a later one."""
        there = self.stored(self._key(tenant, *before["at"])) if before.get("at") else None
        return there is not None and there.get(_ITEM) == item and there["version"] >= row["version"]

    def _check_free(self, tenant: str, to: tuple[str, str], item: str) -> None:
        stored = self.stored(self._key(tenant, *to)) or {}
        if stored.get(_ITEM, item) != item:
            raise ValueError(
                f"{self._view} has a row of {stored[_ITEM]} at {to[0]}, {to[1]}, where {item} is to"
                " go: end the sort key with the item's code"
            )

    def _put_of(self, key: Item, row: Item, item: str) -> dict[str, Any]:
        """Return a transaction's part: put an item's row where no other item has one."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": key | marshal({**row, _ITEM: item}),
                "ConditionExpression": "attribute_not_exists(pk) OR (version < :version"
                " AND (attribute_not_exists(#item) OR #item = :item))",
                "ExpressionAttributeNames": {"#item": _ITEM},
                "ExpressionAttributeValues": marshal({":version": row["version"], ":item": item}),
            }
        }

    def _delete_of(self, key: Item, row: Item) -> dict[str, Any]:
        """Return a transaction's part: delete an item's row, unless it is newer than this one."""
        return {
            "Delete": {
                "TableName": self._table,
                "Key": key,
                "ConditionExpression": "attribute_not_exists(pk) OR version < :version",
                "ExpressionAttributeValues": marshal({":version": row["version"]}),
            }
        }

    def replace(
        self, tenant: str, partition: str, sort: str, row: Item, expected: int | None
    ) -> dict[str, Any]:
        """Return a transaction's part: replace a row at the expected version (None: no row)."""
        self._check(partition, row)
        return self.put(self._key(tenant, partition, sort), row, expected)

    def put(self, key: Item, row: Item, expected: int | None) -> dict[str, Any]:
        """Return a transaction's part: put a row at a key whose row has the expected version."""
        guard: dict[str, Any] = {
            "ConditionExpression": "attribute_not_exists(pk)"
            " OR (attribute_exists(#gone) AND version < :version)",
            "ExpressionAttributeNames": {"#gone": GONE},
            "ExpressionAttributeValues": marshal({":version": row.get("version", 0)}),
        }
        if expected is not None:
            guard = {
                "ConditionExpression": "version = :expected",
                "ExpressionAttributeValues": marshal({":expected": expected}),
            }
        return {"Put": {"TableName": self._table, "Item": key | marshal(row), **guard}}

    def add(
        self, tenant: str, partition: str, sort: str, attribute: str, amount: int | Decimal
    ) -> dict[str, Any]:
        """Return a transaction's part: add to a number, which starts at 0."""
        return {
            "Update": {
                "TableName": self._table,
                "Key": self._key(tenant, partition, sort),
                "UpdateExpression": "ADD #attribute :amount",
                "ExpressionAttributeNames": {"#attribute": attribute},
                "ExpressionAttributeValues": marshal({":amount": amount}),
            }
        }

    def write_all(self, parts: list[dict[str, Any]]) -> None:
        """Write all parts, or none.

        Commands that add to the same row conflict often; these conflicts are tried again.

        Raises:
            BusyError: a row has changed since it was read, or is too busy; read again.
        """
        if transactions.write_all(self._client, parts, TRIES) is not None:
            raise BusyError("the row changed meanwhile")

    def stored(self, key: Item) -> Item | None:
        """Return the item with a key as it is stored, read consistently."""
        item = get(self._client, self._table, key)
        return None if item is None else unmarshal(item)

    def place_of(self, tenant: str, item: str) -> Item:
        """Return the key of what the view keeps of an item beside its rows."""
        return marshal({"pk": self._pk(tenant, f"{PLACES}{item}"), "sk": "-"})

    def _pk(self, tenant: str, partition: str) -> str:
        generation = self._generation(tenant, self._view)
        return ViewKey(tenant, self._view).rows_prefix(generation) + partition

    def _pks(self, tenant: str, partition: str) -> list[str]:
        pk = self._pk(tenant, partition)
        return [pk] if self._buckets == 1 else buckets(pk, self._buckets)

    def _key(self, tenant: str, partition: str, sort: str) -> Item:
        pk = self._pk(tenant, partition)
        if self._buckets > 1:  # a row is in the same bucket of every generation
            first = ViewKey(tenant, self._view).rows_prefix(FIRST_GENERATION) + partition
            pk = f"{pk}#{shard_of(first, sort, self._buckets):02d}"
        return marshal({"pk": pk, "sk": sort})


def _without_keys(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("pk", "sk", _ITEM)}


def _with_sort(item: Item) -> Item:
    return {**_without_keys(item), "sort": item["sk"]}
