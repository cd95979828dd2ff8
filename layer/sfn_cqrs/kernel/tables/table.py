"""The base classes of the adapters of DynamoDB's tables."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.retention import Retention
from sfn_cqrs.kernel.tables.batch_reads import batch_get
from sfn_cqrs.kernel.tables.dynamodb import Item, has_expired, marshal, unmarshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Table:
    """A table, and the clock for the time of writes."""

    def __init__(self, client: "DynamoDBClient", table: str, now: Now) -> None:
        """Use one table."""
        self._client = client
        self._table = table
        self._now = now

    def _under(self, pk: str, prefix: str, **more: Any) -> Iterator[Item]:
        """Yield a partition's items whose sort keys have a prefix, read consistently."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=marshal({":pk": pk, ":prefix": prefix}),
            ConsistentRead=True,
            **more,
        )
        return (unmarshal(item) for page in pages for item in page["Items"])


class ExpiringTable(Table):
    """A table whose items expire, each type's after its own time or never."""

    def __init__(
        self, client: "DynamoDBClient", table: str, now: Now, retention: Retention
    ) -> None:
        """Use one table."""
        super().__init__(client, table, now)
        self._retention = retention

    def _expiry(self, type_: str) -> int | None:
        """Return when an item written now expires, in epoch seconds, or None for never."""
        return self._retention.expiry(type_, self._now())

    def _alive(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Return the items at these places that have not expired, read consistently."""
        found, now = batch_get(self._client, self._table, places), self._now()
        return {at: unmarshal(item) for at, item in found.items() if not has_expired(item, now)}
