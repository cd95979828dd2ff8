"""Answers a Query from the sort keys that it asks for, however many items a partition has.

The Python of .venv-fabric runs this file, beside fabric_dialect.py. ministack sorts the whole
partition and evaluates the condition for each item; a page of a list of 50,000 took seconds. Here
ministack's own code sees a partition that holds the page alone, so its answers stay the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from contextvars import ContextVar
from typing import Any

from ministack.services import dynamodb  # type: ignore[import-not-found]

Properties = dict[str, Any]
Bucket = dict[str, Properties]

FEW = 100
"""Smaller partitions are left as they are."""
MOST_PARTITIONS = 64
"""Partitions whose keys are kept sorted."""
_CONDITION = re.compile(
    r"\s*(?P<pk>\w+)\s*=\s*(?P<value>:\w+)"
    r"(?:\s+AND\s+begins_with\s*\(\s*(?P<sk>\w+)\s*,\s*(?P<prefix>:\w+)\s*\))?\s*"
)
_narrowed: ContextVar[tuple[str, Properties] | None] = ContextVar("narrowed", default=None)
"""The table that the query of this request sees in the place of the whole one."""
_KEYS = "KeyConditionExpression"


class SortedKeys:
    """The sort keys of the partitions that are queried, in order, kept as items come and go."""

    def __init__(self) -> None:
        """Know no partition yet."""
        self._known: OrderedDict[int, tuple[Bucket, list[str]]] = OrderedDict()

    def of(self, bucket: Bucket) -> list[str]:
        """Return the sort keys of a partition."""
        known = self._known.get(id(bucket))
        if known is None or known[0] is not bucket or len(known[1]) != len(bucket):
            known = (bucket, sorted(bucket))
            self._known[id(bucket)] = known
        self._known.move_to_end(id(bucket))
        while len(self._known) > MOST_PARTITIONS:
            self._known.popitem(last=False)
        return known[1]

    def add(self, bucket: Bucket, key: str) -> None:
        """Take note of a key before its item is stored."""
        known = self._known.get(id(bucket))
        if known is not None and known[0] is bucket and key not in bucket:
            insort(known[1], key)

    def remove(self, bucket: Bucket, key: str) -> None:
        """Forget a key before its item is removed."""
        known = self._known.get(id(bucket))
        if known is not None and known[0] is bucket and key in bucket:
            del known[1][bisect_left(known[1], key)]


def page_keys(keys: list[str], prefix: str, given: Properties, sk: str) -> list[str]:
    """Return the keys of a page and the one behind it, in order."""
    first = bisect_left(keys, prefix)
    last = bisect_right(keys, prefix, key=lambda key: key[: len(prefix)])
    is_forward, limit = given.get("ScanIndexForward", True), given.get("Limit")
    start = (given.get("ExclusiveStartKey") or {}).get(sk, {}).get("S")
    if start is not None and is_forward:
        first = max(first, bisect_right(keys, start))
    elif start is not None:
        last = min(last, bisect_left(keys, start))
    if limit is not None and is_forward:
        last = min(last, first + int(limit) + 1)
    elif limit is not None:
        first = max(first, last - int(limit) - 1)
    return keys[first : max(first, last)]


def _is_kept(item: Properties) -> bool:
    """Return whether an item is one of the page, and not a cursor."""
    seen = _narrowed.get()
    table = seen[1] if seen else {}
    bucket: Bucket = next(iter(table.get("items", {}).values()), {})
    return bucket.get(item[table["sk_name"]].get("S")) is item


class Queries:
    """Takes the place of ministack's query."""

    def __init__(self) -> None:
        """Take ministack's functions as they are."""
        self._keys = SortedKeys()
        self._query = dynamodb._query

    def teach(self) -> None:
        """Change ministack in this process."""
        set_item, remove_item = dynamodb._set_item, dynamodb._remove_item

        def setting(table: Properties, pk: str, sk: str, item: Properties) -> Any:
            self._keys.add(table["items"].get(pk, {}), sk)
            return set_item(table, pk, sk, item)

        def removing(table: Properties, pk: str, sk: str) -> Any:
            self._keys.remove(table["items"].get(pk, {}), sk)
            return remove_item(table, pk, sk)

        evaluate = dynamodb._evaluate_condition

        def evaluating(condition: str, item: Properties, *more: Any, **slot: Any) -> bool:
            """Return True for the items of a page: they were chosen by the condition."""
            is_of_page = slot.get("slot") == _KEYS and _narrowed.get() and _is_kept(item)
            return True if is_of_page else evaluate(condition, item, *more, **slot)

        class Tables(type(dynamodb._tables)):  # type: ignore[misc]
            """The tables as a query sees them."""

            __slots__ = ()

            def get(self, name: str, default: Any = None) -> Any:
                seen = _narrowed.get()
                return seen[1] if seen and seen[0] == name else super().get(name, default)

        dynamodb._set_item, dynamodb._remove_item = setting, removing
        dynamodb._tables.__class__ = Tables
        dynamodb._query = self.query
        dynamodb._evaluate_condition = evaluating

    def query(self, given: Properties) -> Any:
        """Answer a query; one that can be narrowed sees its page alone."""
        name = dynamodb._normalize_table_name(given.get("TableName"))
        table = dynamodb._tables.get(name)
        small = self._narrow(table, given) if table else None
        if small is None:
            return self._query(given)
        token = _narrowed.set((name, small))
        try:
            return self._query(given)
        finally:
            _narrowed.reset(token)

    def _narrow(self, table: Properties, given: Properties) -> Properties | None:
        """Return a table with the items of the page, or None if the query is of another kind."""
        found = _CONDITION.fullmatch(given.get(_KEYS) or "")
        pk, sk = table["pk_name"], table.get("sk_name")
        if found is None or not sk or given.get("IndexName") or found["pk"] != pk:
            return None
        if dynamodb._get_attr_type(table, sk) != "S" or found["sk"] not in (None, sk):
            return None
        values = given.get("ExpressionAttributeValues", {})
        prefix = values.get(found["prefix"], {}).get("S") if found["prefix"] else ""
        value = values.get(found["value"], {}).get("S")
        bucket: Bucket = table["items"].get(value, {})
        if prefix is None or value is None or len(bucket) <= FEW:
            return None
        keys = page_keys(self._keys.of(bucket), prefix, given, sk)
        return {**table, "items": {value: {key: bucket[key] for key in keys}}}
