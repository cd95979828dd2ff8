"""Pages of a query, and the opaque cursor between them."""

import base64
import binascii
import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from itertools import accumulate, chain, islice, takewhile
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sfn_cqrs.kernel.aws.threads import at_once
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.tables.dynamodb import Item, marshal, unmarshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_LIMIT = 100
DEFAULT_LIMIT = 20
MAX_SK_BYTES = 1024
FEW = 4
"""Items beyond its share to read from each partition that is merged with others."""
MAX_PAGE_BYTES = 4_400_000
"""Lambda answers at most 6 MB, and base64 adds a third. The largest item fits: 4 MiB."""
AT_ONCE = 4
"""Objects of a page to load at a time: 16 MiB of JSON at most."""
_ITEM_BYTES = 2_048
"""More bytes than the field names of one item take in an answer."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items and the cursor of the next page; the last page has no cursor."""

    items: list[T]
    next_cursor: str | None = None


def every(read: Callable[[str | None], Page[T]], cursor: str | None = None) -> Iterator[T]:
    """Yield everything of a list from a cursor on, page by page."""
    while True:
        page = read(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


@dataclass(frozen=True, slots=True)
class Range:
    """The sort keys with a prefix in one partition, or in several that are read as one.

    A cursor names a sort key, and so a place in each of the partitions.
    """

    pks: Sequence[str]
    prefix: str
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    is_descending: bool = False

    def __post_init__(self) -> None:
        """Refuse a limit that is out of range.

        Raises:
            InvalidInputError: the limit is not between 1 and 100.
        """
        checked_limit(self.limit)

    def start_sk(self) -> str | None:
        """Return the sort key that the cursor names.

        Raises:
            InvalidInputError: the cursor does not belong to this range.
        """
        if self.cursor is None:
            return None
        try:
            sk = base64.urlsafe_b64decode(self.cursor.encode()).decode()
        except (binascii.Error, ValueError) as error:
            raise InvalidInputError("cursor", "is not a cursor of this list") from error
        if not sk.startswith(self.prefix) or len(sk.encode()) > MAX_SK_BYTES:
            raise InvalidInputError("cursor", "is not a cursor of this list")
        return sk


def checked_limit(limit: int) -> int:
    """Return a valid limit of a page.

    Raises:
        InvalidInputError: it is not between 1 and 100.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError("limit", f"must be between 1 and {MAX_LIMIT}")
    return limit


def query(
    client: "DynamoDBClient", table: str, wanted: Range, size: int, **more: Any
) -> Iterator[Item]:
    """Yield a range's items from its cursor on, read consistently, about `size` to a call.

    `names`, `values` and `FilterExpression` are those of a filter.
    """
    if len(wanted.pks) == 1:
        return _query_one(client, table, wanted.pks[0], wanted, size, **more)
    share = size // len(wanted.pks) + FEW
    parts = [_query_one(client, table, pk, wanted, share, **more) for pk in wanted.pks]
    with ThreadPoolExecutor(len(parts)) as pool:  # or buckets would be read one by one
        begun = [pool.submit(copy_context().run, _first, part) for part in parts]
    return heapq.merge(
        *(_resumed(first.result(), part) for first, part in zip(begun, parts, strict=True)),
        key=_place,
        reverse=wanted.is_descending,
    )


def _first(items: Iterator[Item]) -> Item | None:
    return next(items, None)


def _resumed(first: Item | None, rest: Iterator[Item]) -> Iterator[Item]:
    return iter(()) if first is None else chain([first], rest)


def _place(item: Item) -> bytes:
    """Return the sort key as bytes, which is how DynamoDB sorts."""
    sk: str = item["sk"]
    return sk.encode()


def _query_one(
    client: "DynamoDBClient", table: str, pk: str, wanted: Range, size: int, **more: Any
) -> Iterator[Item]:
    names = more.pop("names", {})
    values = more.pop("values", {})
    arguments: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
    start = wanted.start_sk()
    if start is not None:
        arguments["ExclusiveStartKey"] = marshal({"pk": pk, "sk": start})
    condition = "pk = :pk"
    if wanted.prefix:
        condition += " AND begins_with(sk, :prefix)"
        values = {":prefix": wanted.prefix, **values}
    while True:
        answer = client.query(
            TableName=table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=marshal({":pk": pk, **values}),
            ConsistentRead=True,
            ScanIndexForward=not wanted.is_descending,
            Limit=size,
            **more,
            **arguments,
        )
        yield from map(unmarshal, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def query_page(
    client: "DynamoDBClient",
    table: str,
    wanted: Range,
    load: Callable[[Item], Item] = lambda item: item,
    **more: Any,
) -> Page[Item]:
    """Return a page; query on until it is full, however many items a filter drops."""
    return page_of(query(client, table, wanted, wanted.limit + 1, **more), wanted, load)


def fitting(items: Sequence[T], limit: int, bytes_of: Callable[[T], int]) -> list[T]:
    """Return the first items that fit a page by number and bytes, but at least one."""
    sizes = accumulate(map(bytes_of, items[:limit]))
    count = sum(1 for size in takewhile(lambda size: size <= MAX_PAGE_BYTES, sizes))
    return list(items[: max(count, 1)])


def page_of(
    items: Iterable[Item], wanted: Range, load: Callable[[Item], Item] = lambda item: item
) -> Page[Item]:
    """Return a page of the items that fit by number and bytes, but at least one.

    `load` adds the objects of a few items at a time. The cursor names the last item taken.
    """
    page: list[Item] = []
    room = MAX_PAGE_BYTES
    for loaded in _loaded(items, load):
        if len(page) == wanted.limit:
            return Page(page, cursor_at(page[-1]["sk"]))
        room -= bytes_of(loaded)
        if page and room < 0:
            return Page(page, cursor_at(page[-1]["sk"]))
        page.append(loaded)
    return Page(page)


def _loaded(items: Iterable[Item], load: Callable[[Item], Item]) -> Iterator[Item]:
    """Yield items with their objects, loaded in parallel: one by one, a page would take seconds."""
    rest = iter(items)
    while group := list(islice(rest, AT_ONCE)):
        if any("attributes_s3" in item for item in group):
            yield from at_once(load, group)
        else:
            yield from map(load, group)


def cursor_at(sk: str) -> str:
    """Return the cursor that names a sort key."""
    return base64.urlsafe_b64encode(sk.encode()).decode()


def bytes_of(item: Item) -> int:
    """Return the largest size of an item in an answer."""
    text = json.dumps(item, ensure_ascii=False, separators=(",", ":"), default=str)
    return len(text.encode()) + _ITEM_BYTES
