"""All rows of generations of a read model in DynamoDB; only a rebuild may scan."""

import json
import random
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.read_models.rules import GONE, PLACES, SCANNED_IN, GenerationRow, ViewKey
from sfn_cqrs.kernel.tables.dynamodb import Item, batch_get, marshal, unmarshal
from sfn_cqrs.kernel.tables.paging import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAGE_SIZE = 500
MAX_WRITES = 25
TRIES = 8


class GenerationRows:
    """The rows of one read model of one tenant; a place is the end of a partition, and a sort."""

    def __init__(self, client: "DynamoDBClient", table: str, key: ViewKey) -> None:
        """Use the part of the table that belongs to the read model."""
        self._client = client
        self._table = table
        self._key = key

    def page(
        self, generations: tuple[int, ...], segment: int, cursor: str | None
    ) -> Page[GenerationRow]:
        """Return a page of a sixteenth of the table, read consistently; it may be empty."""
        prefixes = {self._key.rows_prefix(one): one for one in generations}
        names = {f":prefix{number}": prefix for number, prefix in enumerate(prefixes)}
        start: dict[str, Any] = {}
        if cursor is not None:
            pk, sk = json.loads(cursor)
            start = {"ExclusiveStartKey": marshal({"pk": pk, "sk": sk})}
        answer = self._client.scan(
            TableName=self._table,
            Segment=segment,
            TotalSegments=SCANNED_IN,
            ConsistentRead=True,
            Limit=PAGE_SIZE,
            FilterExpression=" OR ".join(f"begins_with(pk, {name})" for name in names),
            ExpressionAttributeValues=marshal(names),
            **start,
        )
        rows = [self._row(unmarshal(item), prefixes) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        return Page(rows, json.dumps([last["pk"]["S"], last["sk"]["S"]]) if last else None)

    def find(self, generation: int, places: Iterable[str]) -> Mapping[str, Item]:
        """Return the existing rows of a generation at these places, by place.

        The marker that a deleted row leaves does not count as a row.
        """
        keys = {self._at(generation, place): place for place in places}
        found = batch_get(self._client, self._table, keys)
        rows = {keys[at]: _without_keys(unmarshal(item)) for at, item in found.items()}
        return {place: row for place, row in rows.items() if GONE not in row}

    def delete(self, generation: int, places: Iterable[str]) -> None:
        """Delete the rows of a generation at these places.

        Raises:
            BusyError: the table is too busy.
        """
        wanted = [self._at(generation, place) for place in places]
        for start in range(0, len(wanted), MAX_WRITES):
            self._delete(wanted[start : start + MAX_WRITES])

    def _delete(self, keys: list[tuple[str, str]]) -> None:
        asked: Any = [{"DeleteRequest": {"Key": marshal({"pk": pk, "sk": sk})}} for pk, sk in keys]
        for attempt in range(TRIES):
            answer = self._client.batch_write_item(RequestItems={self._table: asked})
            asked = answer.get("UnprocessedItems", {}).get(self._table)
            if not asked:
                return
            time.sleep(random.uniform(0, 0.05 * 2**attempt))
        raise BusyError(f"{len(asked)} rows were not deleted")

    def _row(self, item: Item, prefixes: Mapping[str, int]) -> GenerationRow:
        pk: str = item["pk"]
        prefix = next(one for one in prefixes if pk.startswith(one))
        end = pk.removeprefix(prefix)
        place = json.dumps([end, item["sk"]], ensure_ascii=False)
        is_beside = end.startswith(PLACES)
        return GenerationRow(prefixes[prefix], place, _without_keys(item), is_beside)

    def _at(self, generation: int, place: str) -> tuple[str, str]:
        end, sk = json.loads(place)
        return self._key.rows_prefix(generation) + end, sk


def _without_keys(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("pk", "sk")}
