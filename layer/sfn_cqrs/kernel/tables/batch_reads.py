"""Consistent reads of many items by key, a hundred to a call."""

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.tables.dynamodb import Item, marshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_KEYS = 100
TRIES = 6


def batch_get(
    client: "DynamoDBClient", table: str, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Item]:
    """Return the existing items in DynamoDB's format, by pk and sk.

    Raises:
        BusyError: the table is too busy to answer for all of them.
    """
    wanted = list(dict.fromkeys(keys))
    found: dict[tuple[str, str], Item] = {}
    for start in range(0, len(wanted), MAX_KEYS):
        for item in _answered(client, table, wanted[start : start + MAX_KEYS]):
            found[item["pk"]["S"], item["sk"]["S"]] = item
    return found


def _answered(
    client: "DynamoDBClient", table: str, keys: Sequence[tuple[str, str]]
) -> Iterator[Item]:
    asked: Any = [marshal({"pk": pk, "sk": sk}) for pk, sk in keys]
    for attempt in range(TRIES):
        answer = client.batch_get_item(
            RequestItems={table: {"Keys": asked, "ConsistentRead": True}}
        )
        yield from answer["Responses"].get(table, [])
        left = answer.get("UnprocessedKeys", {}).get(table)
        if not left:
            return
        asked = left["Keys"]
        time.sleep(random.uniform(0, 0.05 * 2**attempt))
    raise BusyError(f"{len(asked)} items were not read")
