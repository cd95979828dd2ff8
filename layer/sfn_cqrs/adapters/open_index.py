"""The sparse index of open items, its current sweep, and how far the last sweep came."""

from typing import TYPE_CHECKING, Any

from sfn_cqrs.adapters.conditional import changed, is_done
from sfn_cqrs.adapters.dynamodb import Item, get, marshal, unmarshal
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.sweeps import Cursor, Lease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS_A_PAGE = 4_000
"""Keys of 250 bytes make the MiB that one query reads at most."""


class OpenIndex:
    """The index `open` of one table; it only lists, so each item is read again."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use one table's index."""
        self._client = client
        self._table = table

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Item], Cursor | None]:
        """Return the oldest items in one shard, opened before a moment, from a cursor on.

        The index is eventually consistent, so each item is read again. Expired items are left out;
        items that have closed meanwhile are not.
        """
        keys, more = self._query(shard, cursor, "opened_at < :before", {":before": before}, limit)
        found = [self._read_again(each) for each in keys]
        return [item for item in found if item is not None], more

    def keys(
        self, shard: int, cursor: Cursor | None, since: str, until: str
    ) -> tuple[list[Cursor], Cursor | None]:
        """Return one shard's keys between two moments, oldest first, from a cursor on.

        Each key is also a cursor.
        """
        between = {":since": since, ":until": until}
        return self._query(
            shard, cursor, "opened_at BETWEEN :since AND :until", between, KEYS_A_PAGE
        )

    def _query(
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

    def counted(self, shard: int, limit: int) -> tuple[int, str]:
        """Return one shard's count up to a limit, and when the oldest was opened, or empty."""
        answer = self._client.query(
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues=marshal({":shard": shard}),
            ProjectionExpression="opened_at",
            Limit=limit,
        )
        moments = [unmarshal(item)["opened_at"] for item in answer["Items"]]
        return len(moments), next(iter(moments), "")

    def begin_sweep(self, lease: Lease) -> dict[str, Cursor] | None:
        """Take a sweep unless somebody else has it; return where it continues in each shard."""
        done, item = changed(
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

    def _read_again(self, keys: Item) -> Item | None:
        item = get(self._client, self._table, marshal({"pk": keys["pk"], "sk": keys["sk"]}))
        return unmarshal(item) if item else None


class SweptTable:
    """A table whose open items a sweep repairs."""

    _open: OpenIndex

    def begin_sweep(self, lease: Lease) -> dict[str, Cursor] | None:
        """Take a sweep unless somebody else has it; return where it continues in each shard."""
        return self._open.begin_sweep(lease)

    def end_sweep(self, lease: Lease, cursors: dict[str, Cursor]) -> None:
        """Give a sweep back, with where the next one continues."""
        self._open.end_sweep(lease, cursors)

    def note_failure(self, sweep: str, error: str, at: str) -> None:
        """Note that a sweep ended with an error."""
        self._open.note_failure(sweep, error, at)
