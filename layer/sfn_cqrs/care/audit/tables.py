"""Reads tables for an audit: whole partitions, segment by segment, within a rate."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.tables.dynamodb import Item, batch_get, has_expired, marshal, unmarshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAGE_SIZE = 200
"""A page of a scan uses its read units at once, so pages are small."""
UNIT_BYTES = 4_096
"""Bytes that one read unit pays for in a consistent read."""


class AuditTables:
    """Reads the tables of items, imports and work; writes nothing."""

    def __init__(self, client: "DynamoDBClient", tables: dict[str, str], now: Now) -> None:
        """Use these tables, by name, such as commands, data or tasks."""
        self._client = client
        self._tables = tables
        self._now = now
        self.rate = 0.0
        self.units = 0.0

    def partitions(
        self, table: str, segment: int, segments: int, prefix: str | tuple[str, ...] = ""
    ) -> Iterator[list[Item]]:
        """Yield a segment's items by partition in scan order; a partition may be incomplete."""
        found = self._scan(table, segment, segments)
        kept = (item for item in found if item["pk"].startswith(prefix))
        for _, items in groupby(kept, lambda item: item["pk"]):
            yield list(items)

    def partition(self, table: str, pk: str, sk: str | None = None) -> list[Item]:
        """Return all items of a partition, or the one with a sort key, read consistently."""
        return list(
            self._pages(
                self._client.query,
                table,
                KeyConditionExpression="pk = :pk" if sk is None else "pk = :pk AND sk = :sk",
                ExpressionAttributeValues=marshal({":pk": pk, ":sk": sk}),
            )
        )

    def is_empty(self, table: str, pk: str) -> bool:
        """Return whether a partition is empty."""
        answer = self._client.query(
            TableName=self._tables[table],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=marshal({":pk": pk}),
            ConsistentRead=True,
            Limit=1,
        )
        self._pace(answer["Items"])
        return not answer["Items"]

    def rows(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Return the data rows that exist, by pk and sk."""
        found: dict[tuple[str, str], Item] = {}
        for pk, sk in keys:
            answer = self._client.get_item(
                TableName=self._tables["data"],
                Key=marshal({"pk": pk, "sk": sk}),
                ConsistentRead=True,
            )
            self._pace([answer.get("Item")])
            if "Item" in answer:
                found[pk, sk] = unmarshal(answer["Item"])
        return found

    def many(self, table: str, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Return the items that exist, by pk and sk, read consistently, many to a call.

        Raises:
            BusyError: the table is too busy to answer for all of them.
        """
        wanted = list(places)
        found = batch_get(self._client, self._tables[table], wanted)
        self._spend(sum(_units([found.get(place)]) for place in wanted))
        now = self._now()
        return {at: unmarshal(item) for at, item in found.items() if not has_expired(item, now)}

    def _scan(self, table: str, segment: int, segments: int) -> Iterator[Item]:
        parts: dict[str, Any] = {"Segment": segment, "TotalSegments": segments}
        yield from self._pages(
            self._client.scan, table, Limit=PAGE_SIZE, **(parts if segments > 1 else {})
        )

    def _pages(self, call: Callable[..., Any], table: str, **asked: Any) -> Iterator[Item]:
        while True:
            answer = call(
                TableName=self._tables[table],
                ConsistentRead=True,
                **asked,
            )
            self._pace(answer["Items"])
            kept = (item for item in answer["Items"] if not has_expired(item, self._now()))
            yield from map(unmarshal, kept)
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _pace(self, items: list[Any]) -> None:
        self._spend(_units(items))

    def _spend(self, units: float) -> None:
        """Wait until the rate allows the units that were read; a rate of 0 means no limit."""
        self.units += units
        if self.rate:
            time.sleep(units / self.rate)


def _units(items: list[Any]) -> float:
    """Return the read units of a read of these items; a missing item is None."""
    return max(1.0, len(json.dumps(items, default=str)) / UNIT_BYTES)
