"""DynamoDB's types, refusals and reads of many items, and the base of its tables' adapters.

The types are written out here instead of taken from boto3. Importing boto3 is two thirds of a
function's import time, so it waits for the first client.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.clock import Now, Retention
from sfn_cqrs.kernel.errors import BusyError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
_DIGITS = 38
_MOST = 10**_DIGITS
_NUMBERS = Context(
    prec=_DIGITS, Emin=-128, Emax=126, traps=[Clamped, Inexact, Overflow, Rounded, Underflow]
)
_LONG = Context(prec=_DIGITS, traps=[Inexact])


def marshal(item: Mapping[str, Any]) -> Item:
    """Return plain values in DynamoDB's format; an attribute that is None is left out.

    Raises:
        TypeError: DynamoDB has no such type, or no such number as infinity.
        decimal.DecimalException: a number has more than 38 digits, or is out of range.
    """
    return {name: _typed(value) for name, value in item.items() if value is not None}


def unmarshal(item: Mapping[str, Any]) -> Item:
    """Return DynamoDB's values as plain ones; whole numbers become int, others float."""
    return {
        name: value if tag == "S" else _OF_TAGS[tag](value)
        for name, typed in item.items()
        for tag, value in typed.items()
    }


def get(client: "DynamoDBClient", table: str, key: Item) -> Item | None:
    """Return an item in DynamoDB's format, read consistently, or None if there is no such item."""
    return client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")


def has_expired(item: Item, now: datetime) -> bool:
    """Return whether an item has expired but is not deleted yet."""
    return "ttl" in item and int(item["ttl"]["N"]) <= now.timestamp()


def alive(item: Item | None, now: datetime) -> Item | None:
    """Return an item in plain values, or None if it is missing or has expired."""
    return None if item is None or has_expired(item, now) else unmarshal(item)


def is_refused(error: "ClientError") -> bool:
    """Return whether a single conditional write was refused by its condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def refused_item(error: "ClientError") -> Item | None:
    """Return the item that refused a write, if the call asked for ALL_OLD."""
    item = error.response.get("Item")
    return unmarshal(item) if item else None  # type: ignore[arg-type]


def cancellation_codes(error: "ClientError") -> list[str]:
    """Return why each part of a cancelled transaction was refused; empty for any other error."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return [reason.get("Code", "None") for reason in reasons]


def _typed(value: Any) -> Item:
    make = _EXACTLY.get(type(value))
    if make is not None:
        return make(value)
    for kinds, tag, of in _TAGS:
        if isinstance(value, kinds):
            return {tag: of(value)}
    if isinstance(value, set | frozenset) and value:
        tag = next(iter(_typed(next(iter(value)))))
        if tag in _SETS and all(tag in _typed(each) for each in value):
            return {f"{tag}S": [_typed(each)[tag] for each in value]}
    raise TypeError(f"DynamoDB has no type for this {type(value).__name__}")


def _plain(typed: Mapping[str, Any]) -> Any:
    ((tag, value),) = typed.items()
    return value if tag == "S" else _OF_TAGS[tag](value)


def _digits(value: int | float | Decimal) -> str:
    if isinstance(value, float):
        value = Decimal(str(value))
    elif isinstance(value, int) and abs(value) >= 10**_DIGITS:
        value = Decimal(value).normalize(_LONG)  # zeros beyond the 38th digit are allowed
    number = _NUMBERS.create_decimal(value)
    if not number.is_finite():
        raise TypeError("DynamoDB has neither infinity nor what is not a number")
    return str(number)


def _whole(value: int) -> Item:
    return {"N": str(value) if -_MOST < value < _MOST else _digits(value)}


def _number(digits: str) -> int | float:
    if digits.isdigit():
        return int(digits)
    value = _NUMBERS.create_decimal(digits)
    return int(value) if value == value.to_integral_value() else float(value)


_TAGS: tuple[tuple[type | tuple[type, ...], str, Callable[[Any], Any]], ...] = (
    (str, "S", str),
    (bool, "BOOL", bool),  # before the numbers: to Python, a bool is one
    ((int, float, Decimal), "N", _digits),
    (Mapping, "M", lambda value: {name: _typed(inner) for name, inner in value.items()}),
    ((list, tuple), "L", lambda value: [_typed(inner) for inner in value]),
    (type(None), "NULL", lambda _: True),
    ((bytes, bytearray), "B", bytes),
)
_EXACTLY: dict[type, Callable[[Any], Item]] = {
    str: lambda value: {"S": value},
    bool: lambda value: {"BOOL": value},
    int: _whole,
    list: lambda value: {"L": [_typed(inner) for inner in value]},
    dict: lambda value: {"M": {name: _typed(inner) for name, inner in value.items()}},
}
"""Converters of the most common types, so that most values skip the tests of each type."""
_SETS = ("S", "N", "B")
_OF_TAGS: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "BOOL": bool,
    "N": _number,
    "M": unmarshal,
    "L": lambda value: [_plain(inner) for inner in value],
    "NULL": lambda _: None,
    "B": bytes,
    "SS": set,
    "NS": lambda value: {_number(each) for each in value},
    "BS": lambda value: set(map(bytes, value)),
}


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
