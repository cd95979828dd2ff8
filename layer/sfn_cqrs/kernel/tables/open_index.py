"""The sparse index of open items, its current sweep, and how far the last sweep came."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.sweeps import Cursor, Lease
from sfn_cqrs.kernel.tables.conditional import is_done, try_update
from sfn_cqrs.kernel.tables.dynamodb import Item, Table, get, marshal, unmarshal

T = TypeVar("T")


class SweptTable(Table, ABC, Generic[T]):
    """A table whose open items a sweep repairs; its index `open` lists them."""

    _first_shard = 0

    @abstractmethod
    def _as_opened(self, item: Item) -> T:
        """Return what an item of the index stands for."""

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[T], Cursor | None]:
        """Return the oldest items in one shard, opened before a moment, from a cursor on.

        The index is eventually consistent, so each item is read again. Expired items are left out;
        items that have closed meanwhile are not.
        """
        at, values = "opened_at < :before", {":before": before}
        keys, more = self._query_open(self._first_shard + shard, cursor, at, values, limit)
        places = [marshal({"pk": each["pk"], "sk": each["sk"]}) for each in keys]
        found = [get(self._client, self._table, place) for place in places]
        return [self._as_opened(unmarshal(item)) for item in found if item is not None], more

    def every_opened(self, shard: int, before: str, per_page: int) -> Iterator[T]:
        """Yield everything that `opened` would return of one shard, page by page."""
        cursor: Cursor | None = None
        while True:
            found, cursor = self.opened(shard, cursor, before, per_page)
            yield from found
            if cursor is None:
                return

    def _query_open(
        self, shard: int, cursor: Cursor | None, at: str, values: dict[str, str], limit: int
    ) -> tuple[list[Cursor], Cursor | None]:
        start: dict[str, Any] = {"ExclusiveStartKey": marshal(cursor)} if cursor else {}
        answer = self._client.query(
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression=f"open_shard = :shard AND {at}",
            ExpressionAttributeValues=marshal({":shard": shard, **values}),
            Limit=limit,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        return [unmarshal(keys) for keys in answer["Items"]], unmarshal(last) if last else None

    def begin_sweep(self, lease: Lease) -> dict[str, Cursor] | None:
        """Take a sweep unless somebody else has it; return where it continues in each shard."""
        done, item = try_update(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": "SWEEP", "sk": lease.sweep}),
            UpdateExpression="SET kind = :kind, lease_owner = :me, lease_until = :until",
            ConditionExpression="attribute_not_exists(lease_until) OR lease_until < :now"
            " OR lease_owner = :me",
            ExpressionAttributeValues=marshal(
                {
                    ":kind": "sweep",
                    ":me": lease.owner,
                    ":now": iso(lease.taken_at),
                    ":until": iso(lease.until),
                }
            ),
        )
        return item.get("cursors", {}) if done and item else None

    def end_sweep(self, lease: Lease, cursors: dict[str, Cursor]) -> None:
        """Give a sweep back, with where the next one continues, unless it was taken over.

        `swept_at` is the moment since which no sweep was missed; the console shows it.
        """
        is_done(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": "SWEEP", "sk": lease.sweep}),
            UpdateExpression="SET cursors = :cursors, lease_until = :over, swept_at = :at",
            ConditionExpression="lease_owner = :me",
            ExpressionAttributeValues=marshal(
                {
                    ":cursors": cursors,
                    ":over": "",
                    ":at": iso(lease.taken_at),
                    ":me": lease.owner,
                }
            ),
        )

    def note_failure(self, sweep: str, error: str, at: str) -> None:
        """Note that a sweep ended with an error, which the console shows until one ends well."""
        self._client.update_item(
            TableName=self._table,
            Key=marshal({"pk": "SWEEP", "sk": sweep}),
            UpdateExpression="SET failed_at = :at, failure = :error",
            ExpressionAttributeValues=marshal({":at": at, ":error": error}),
        )
