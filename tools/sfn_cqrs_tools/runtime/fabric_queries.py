"""Answers a Query or a Scan from the keys that it asks for, however many items there are.

The Python of .venv-fabric runs this file, beside fabric_dialect.py. ministack sorts the whole
partition and evaluates the condition for each item; a page of a list of 50,000 took seconds. For
a page of a scan it sorts the whole table. Here ministack's own code sees a table that holds the
page alone, so its answers stay the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from hashlib import sha1
from itertools import islice
from typing import Any

from ministack.services import dynamodb  # type: ignore[import-not-found]

Properties = dict[str, Any]
Bucket = dict[str, Properties]
Narrow = Callable[[Properties, Properties], Properties | None]

FEW = 100
"""Smaller partitions are left as they are."""
MOST_PARTITIONS = 64
"""Partitions whose keys are kept sorted, and tables whose partitions are."""
MOST_HASHES = 65_536
_CONDITION = re.compile(
    r"\s*(?P<pk>\w+)\s*=\s*(?P<value>:\w+)"
    r"(?:\s+AND\s+begins_with\s*\(\s*(?P<sk>\w+)\s*,\s*(?P<prefix>:\w+)\s*\))?\s*"
)
_narrowed: ContextVar[tuple[str, Properties] | None] = ContextVar("narrowed", default=None)
"""The table that the query of this request sees in the place of the whole one."""
_KEYS = "KeyConditionExpression"


class SortedKeys:
    """The keys of partitions that are queried, and of tables that are scanned, kept in order."""

    def __init__(self) -> None:
        """Know no partition yet."""
        self._known: OrderedDict[int, tuple[Properties, list[str]]] = OrderedDict()

    def of(self, bucket: Properties) -> list[str]:
        """Return the sort keys of a partition, or the partitions of a table."""
        known = self._known.get(id(bucket))
        if known is None or known[0] is not bucket or len(known[1]) != len(bucket):
            known = (bucket, sorted(bucket))
            self._known[id(bucket)] = known
        self._known.move_to_end(id(bucket))
        while len(self._known) > MOST_PARTITIONS:
            self._known.popitem(last=False)
        return known[1]

    def add(self, bucket: Properties, key: str) -> None:
        """Take note of a key before its item is stored."""
        known = self._known.get(id(bucket))
        if known is not None and known[0] is bucket and key not in bucket:
            insort(known[1], key)

    def remove(self, bucket: Properties, key: str) -> None:
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


def scanned(table: Properties, pks: list[str], given: Properties) -> Iterator[tuple[str, str]]:
    """Yield the keys of a segment in order, from the start that a scan names."""
    start = given.get("ExclusiveStartKey") or {}
    pk = start.get(table["pk_name"], {}).get("S", "")
    sk = start.get(table["sk_name"], {}).get("S", "")
    segment, segments = int(given.get("Segment", 0)), int(given.get("TotalSegments", 1))
    for place in range(bisect_left(pks, pk), len(pks)):
        if segments == 1 or _hash_of(pks[place]) % segments == segment:
            keys = sorted(table["items"][pks[place]])
            first = bisect_right(keys, sk) if pks[place] == pk else 0
            yield from ((pks[place], key) for key in keys[first:])


@lru_cache(MOST_HASHES)
def _hash_of(pk: str) -> int:
    """Return what tells a partition's segment, as ministack makes it."""
    return int.from_bytes(sha1(pk.encode(), usedforsecurity=False).digest()[:4], "big")


def _is_kept(item: Properties) -> bool:
    """Return whether an item is one of the page, and not a cursor."""
    seen = _narrowed.get()
    table = seen[1] if seen else {}
    bucket: Bucket = next(iter(table.get("items", {}).values()), {})
    return bucket.get(item[table["sk_name"]].get("S")) is item


class Queries:
    """Takes the place of ministack's query and scan."""

    def __init__(self) -> None:
        """Take ministack's functions as they are."""
        self._keys = SortedKeys()
        self._query = dynamodb._query
        self._scan = dynamodb._scan

    def teach(self) -> None:
        """Change ministack in this process."""
        set_item, remove_item = dynamodb._set_item, dynamodb._remove_item

        def setting(table: Properties, pk: str, sk: str, item: Properties) -> Any:
            self._keys.add(table["items"], pk)
            self._keys.add(table["items"].get(pk, {}), sk)
            return set_item(table, pk, sk, item)

        def removing(table: Properties, pk: str, sk: str) -> Any:
            bucket = table["items"].get(pk, {})
            if set(bucket) <= {sk}:
                self._keys.remove(table["items"], pk)
            self._keys.remove(bucket, sk)
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
        dynamodb._scan = self.scan
        dynamodb._evaluate_condition = evaluating

    def query(self, given: Properties) -> Any:
        """Answer a query; one that can be narrowed sees its page alone."""
        return self._answer(given, self._narrow, self._query)

    def scan(self, given: Properties) -> Any:
        """Answer a scan; one that can be narrowed sees its page alone."""
        return self._answer(given, self._page, self._scan)

    def _answer(self, given: Properties, narrow: Narrow, ask: Callable[[Properties], Any]) -> Any:
        name = dynamodb._normalize_table_name(given.get("TableName"))
        table = dynamodb._tables.get(name)
        small = narrow(table, given) if table else None
        if small is None:
            return ask(given)
        token = _narrowed.set((name, small))
        try:
            return ask(given)
        finally:
            _narrowed.reset(token)

    def _page(self, table: Properties, given: Properties) -> Properties | None:
        """Return a table with the items of a scan's page, or None if the scan is of another kind.

        A wrong segment is left to ministack, which refuses it.
        """
        limit, segment = given.get("Limit"), int(given.get("Segment", 0))
        has_texts = table.get("sk_name") and all(
            dynamodb._get_attr_type(table, table[name]) == "S" for name in ("pk_name", "sk_name")
        )
        is_right = 0 <= segment < int(given.get("TotalSegments", 1))
        if given.get("IndexName") or limit is None or not has_texts or not is_right:
            return None
        items: dict[str, Bucket] = {}
        pks = self._keys.of(table["items"])
        for pk, sk in islice(scanned(table, pks, given), max(0, int(limit))):
            items.setdefault(pk, {})[sk] = table["items"][pk][sk]
        return {**table, "items": items}

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
