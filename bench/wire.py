"""Counts what really goes over the wire: AWS calls and the capacity that they cost.

Capacity is counted by DynamoDB's rules from the requests and the answers themselves, as no
emulator can be trusted with it: 1 write unit per KB written (2 in a transaction), 1 read unit
per 4 KB read consistently, at least 1 each; 1 write unit per change of an index entry.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil
from typing import Any

Item = dict[str, dict[str, Any]]
KB = 1024
READ_UNIT = 4 * KB
INDEX_KEY = "open_shard"


def size_of(item: Item) -> int:
    """The bytes that DynamoDB bills for an item."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(value: dict[str, Any]) -> int:
    kind, inner = next(iter(value.items()))
    if kind == "S":
        return len(inner.encode())
    if kind == "N":
        return ceil(len(Decimal(inner).normalize().as_tuple().digits) / 2) + 1
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + sum(len(n.encode()) + 1 + _size_of_value(v) for n, v in inner.items())
    if kind == "L":
        return 3 + sum(1 + _size_of_value(each) for each in inner)
    return len(json.dumps(inner))


def write_units(item: Item) -> int:
    """The units that writing an item costs."""
    return max(1, ceil(size_of(item) / KB))


def read_units(items: list[Item]) -> int:
    """The units that reading items in one consistent call costs."""
    return max(1, ceil(sum(map(size_of, items)) / READ_UNIT))


@dataclass
class Wire:
    """Listens to every client of the default session."""

    calls: Counter[str] = field(default_factory=Counter)
    written: float = 0
    read: float = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listen(self) -> "Wire":
        """Count the calls of all clients that are made from now on."""
        import boto3  # noqa: PLC0415 - imported by who measures imports

        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION._session  # type: ignore[union-attr]
        events.register("provide-client-params.dynamodb.*", self._remember)
        events.register("after-call.*.*", self._count)
        return self

    def reset(self) -> None:
        """Begin again at zero."""
        with self._lock:
            self.calls.clear()
            self.written = self.read = 0

    def _remember(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["bench"] = params

    def _count(
        self,
        model: Any,
        parsed: dict[str, Any],
        context: dict[str, Any],
        **_: Any,
    ) -> None:
        service = model.service_model.service_name
        with self._lock:
            self.calls[f"{service}.{model.name}"] += 1
            if service == "dynamodb":
                self._capacity(model.name, context.get("bench", {}), parsed)

    def _capacity(self, operation: str, asked: dict[str, Any], answer: dict[str, Any]) -> None:
        match operation:
            case "GetItem":
                self.read += read_units([answer["Item"]] if "Item" in answer else [])
            case "Query":
                consistent = 1 if asked.get("ConsistentRead") else 0.5
                self.read += consistent * read_units(answer.get("Items", []))
            case "PutItem":
                self.written += write_units(asked["Item"]) + _index_units(asked["Item"])
            case "UpdateItem":
                after = answer.get("Attributes") or answer.get("Item") or {}
                removes = INDEX_KEY in asked["UpdateExpression"]
                self.written += write_units(after) + (1 if removes else 0)
            case "TransactWriteItems":
                self.written += sum(map(_transacted, asked["TransactItems"]))


def _transacted(part: dict[str, Any]) -> int:
    kind, operation = next(iter(part.items()))
    item = operation.get("Item", {})
    if kind in ("Update", "ConditionCheck", "Delete"):
        return 2
    return 2 * write_units(item) + _index_units(item)


def _index_units(item: Item) -> int:
    return 1 if INDEX_KEY in item else 0
