"""The sparse index of what is open, and how far the last sweep of it came."""

from typing import TYPE_CHECKING, Any

from sfn_cqrs.adapters.dynamodb import Item, marshal, unmarshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Cursor = dict[str, Any]


class OpenIndex:
    """The index `open` of one table; it decides nothing, each item is read again."""

    def __init__(self, client: "DynamoDBClient", table: str, name: str) -> None:
        """Speak to one table's index; `name` is the cursors' own."""
        self._client = client
        self._table = table
        self._cursors = marshal({"pk": "SWEEP", "sk": name})

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Item], Cursor | None]:
        """The oldest items in one shard, opened before a moment; from a cursor on.

        The index is eventually consistent, so each one is read again: what has expired
        is left out, what has closed meanwhile is not.
        """
        start: dict[str, Any] = {"ExclusiveStartKey": marshal(cursor)} if cursor else {}
        answer = self._client.query(
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="open_shard = :shard AND opened_at < :before",
            ExpressionAttributeValues=marshal({":shard": shard, ":before": before}),
            Limit=limit,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        found = [self._read_again(keys) for keys in answer["Items"]]
        items = [item for item in found if item is not None]
        return items, unmarshal(last) if last else None

    def cursors(self) -> dict[str, Cursor]:
        """Where the next sweep goes on in each shard, by the shard's number."""
        item = self._client.get_item(
            TableName=self._table, Key=self._cursors, ConsistentRead=True
        ).get("Item")
        cursors: dict[str, Cursor] = unmarshal(item)["cursors"] if item else {}
        return cursors

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        """Remember how far this sweep came. Two sweeps at once only sweep something twice."""
        self._client.put_item(
            TableName=self._table,
            Item=self._cursors | marshal({"kind": "sweep", "cursors": cursors}),
        )

    def _read_again(self, keys: Item) -> Item | None:
        item = self._client.get_item(
            TableName=self._table, Key={"pk": keys["pk"], "sk": keys["sk"]}, ConsistentRead=True
        ).get("Item")
        return unmarshal(item) if item else None
