"""A client of DynamoDB whose tables are in memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, ParamValidationError

from sfn_cqrs_tools.testing.dynamodb import expressions
from sfn_cqrs_tools.testing.dynamodb.refusals import RefusedError, UnfitError, refusal
from sfn_cqrs_tools.testing.dynamodb.tables import (
    KEYS,
    Index,
    Partition,
    Place,
    Stored,
    Table,
    check_key,
    hashed,
    place_of,
)
from sfn_cqrs_tools.testing.dynamodb.values import ORDERINGS, Item, Typed, worth

MOST_PAGE_BYTES = 1024 * 1024
MOST_TRANSACTION_BYTES = 4 * 1024 * 1024
MOST_PARTS = 100
MOST_KEYS = 100
MOST_WRITES = 25
_EXPRESSION = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
_READS = {"TableName", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"}
_CONDITION = {"TableName", "ConditionExpression", *_EXPRESSION}
_PART = {*_CONDITION, "ReturnValuesOnConditionCheckFailure"}
_PAGE = {*_READS, *_EXPRESSION, "Limit", "ExclusiveStartKey", "FilterExpression", "Select"}
_PARTS = {
    "Put": {*_PART, "Item"},
    "Update": {*_PART, "Key", "UpdateExpression"},
    "Delete": {*_PART, "Key"},
    "ConditionCheck": {*_PART, "Key"},
}
_ACCEPTED = {
    "GetItem": {*_READS, "Key"},
    "PutItem": {*_PARTS["Put"], "ReturnValues"},
    "UpdateItem": {*_PARTS["Update"], "ReturnValues"},
    "DeleteItem": {*_PARTS["Delete"], "ReturnValues"},
    "Query": {*_PAGE, "IndexName", "KeyConditionExpression", "ScanIndexForward"},
    "Scan": {*_PAGE, "Segment", "TotalSegments"},
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
    "BatchGetItem": {"RequestItems"},
    "BatchWriteItem": {"RequestItems"},
}
_FAILED = "The conditional request failed"
_TOO_MANY = "Member must have length less than or equal to"


class Change(NamedTuple):
    """A stream's record of a write: INSERT, MODIFY or REMOVE, and the item then and before."""

    table: str
    event: str
    keys: Item
    stored: Stored | None
    before: Stored | None = None

    @property
    def item(self) -> Item | None:
        """Return the item then, or None if it was deleted."""
        return self.stored.copy() if self.stored else None


class Part(NamedTuple):
    """A write whose condition was evaluated: the item before and after, or why it is refused."""

    table: str
    place: Place
    before: Stored | None
    after: Stored | None
    is_check: bool
    refused: str = ""
    old: Item | None = None


class DynamoDB:
    """The operations that adapters call.

    `written` has the records of the tables' streams, in order. A write that changes nothing has no
    record. `around` is entered around each call, with the operation's name. An error that it raises
    is raised by the call, before or after the call takes effect. `asked` are the call's arguments.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, Index]]) -> None:
        """Make tables with these indexes."""
        self.lock = RLock()
        self.around: Callable[[str], AbstractContextManager[Any]] = nullcontext
        self.written: list[Change] = []
        self.asked: Mapping[str, Any] = {}
        self._tables = {name: Table(indexes) for name, indexes in tables.items()}

    def copied(self, *, without: Sequence[str] = ()) -> "DynamoDB":
        """Return other tables with the same items; those named in `without` are empty."""
        other = DynamoDB({})
        for name, table in self._tables.items():
            other._tables[name] = Table(table.indexes) if name in without else table.copied()
        return other

    def items(self, table: str) -> list[Item]:
        """Return copies of all items of a table, for tests to look at."""
        with self.lock:
            return [stored.copy() for _, stored in self._tables[table].items()]

    # Reading.

    def get_item(self, **call: Any) -> dict[str, Any]:
        """Return one item."""
        with self._called("GetItem", call):
            _check_placeholders(call, _projection(call))
            stored = self._table(call).find(place_of(call["Key"]))
        return {} if stored is None else {"Item": _shown(stored, call)}

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        """Return many items, in no order; all of them are processed."""
        with self._called("BatchGetItem", call):
            asked = call["RequestItems"]
            _check_count(sum(len(wanted["Keys"]) for wanted in asked.values()), MOST_KEYS)
            found = {name: list(self._batch(name, wanted)) for name, wanted in asked.items()}
        return {"Responses": found, "UnprocessedKeys": {}}

    def query(self, **call: Any) -> dict[str, Any]:
        """Return a page of a partition of a table, or of an index."""
        with self._called("Query", call):
            condition = expressions.key_condition(call["KeyConditionExpression"])
            _check_placeholders(call, condition, *_of_page(call))
            table = self._table(call)
            index = _index(table, call)
            hash_, range_ = index or (("pk", "S"), ("sk", "S"))
            value, is_within = _wanted(condition, call, hash_, range_)
            partitions: Any = table.partitions if index is None else table.listed[call["IndexName"]]
            partition = partitions.get(worth(value), Partition())
            start = call.get("ExclusiveStartKey")
            after = None if start is None else _position(start, index)
            entries = partition.after(after, is_forward=call.get("ScanIndexForward", True))
            chosen = (
                stored
                for key, stored in entries
                if is_within is None or is_within(key if index is None else key[0])
            )
            return _page(chosen, call, KEYS if index is None else index.keys)

    def scan(self, **call: Any) -> dict[str, Any]:
        """Return a page of a table, or of a segment of it."""
        with self._called("Scan", call):
            _check_placeholders(call, *_of_page(call))
            start = call.get("ExclusiveStartKey")
            after = None if start is None else _scanned(place_of(start))
            segment, segments = call.get("Segment", 0), call.get("TotalSegments", 1)
            chosen = (
                stored
                for place, stored in self._table(call).items()
                if hashed(place[0])[0] % segments == segment
                and (after is None or _scanned(place) > after)
            )
            return _page(chosen, call, KEYS)

    def get_paginator(self, operation: str) -> "Paginator":
        """Return a paginator of a query or a scan."""
        return Paginator(getattr(self, operation))

    # Writing.

    def put_item(self, **call: Any) -> dict[str, Any]:
        """Put an item, replacing the present one."""
        part = self._write("PutItem", "Put", call)
        return _returned(call, {"ALL_OLD": part.before})

    def update_item(self, **call: Any) -> dict[str, Any]:
        """Change an item, or create it."""
        part = self._write("UpdateItem", "Update", call)
        return _returned(call, {"ALL_OLD": part.before, "ALL_NEW": part.after})

    def delete_item(self, **call: Any) -> dict[str, Any]:
        """Delete an item, if there is one."""
        part = self._write("DeleteItem", "Delete", call)
        return _returned(call, {"ALL_OLD": part.before})

    def batch_write_item(self, **call: Any) -> dict[str, Any]:
        """Put and delete many items; all of them are processed."""
        with self._called("BatchWriteItem", call):
            parts = []
            for table, requests in call["RequestItems"].items():
                for request in requests:
                    ((kind, part),) = request.items()
                    parts.append(
                        self._prepared(kind.removesuffix("Request"), {"TableName": table, **part})
                    )
            _check_count(len(parts), MOST_WRITES)
            if len({(part.table, part.place) for part in parts}) < len(parts):
                raise RefusedError("Provided list of item keys contains duplicates")
            self._apply(parts)
        return {"UnprocessedItems": {}}

    def transact_write_items(self, **call: Any) -> dict[str, Any]:
        """Write all parts, or none of them."""
        with self._called("TransactWriteItems", call):
            given = [_only(each) for each in call["TransactItems"]]
            _check_count(len(given), MOST_PARTS)
            places = [(part["TableName"], place_of(_key(part))) for _, part in given]
            if len(set(places)) < len(places):
                raise RefusedError(
                    "Transaction request cannot include multiple operations on one item"
                )
            tried = [self._tried(kind, part) for kind, part in given]
            if any(isinstance(each, UnfitError) or each.refused for each in tried):
                raise _cancelled(tried)
            parts = [each for each in tried if isinstance(each, Part)]
            if sum(part.after.size for part in parts if part.after) > MOST_TRANSACTION_BYTES:
                raise RefusedError("Transaction request size has exceeded the maximum of 4 MB")
            self._apply(parts)
        return {}

    # Inside.

    @contextmanager
    def _called(self, operation: str, call: dict[str, Any]) -> Iterator[None]:
        _check_parameters(call, _ACCEPTED[operation])
        self.asked = call
        try:
            with self.around(operation), self.lock:
                yield
        except RefusedError as error:
            raise refusal(operation, "ValidationException", str(error)) from None
        except _NoTableError:
            code = "ResourceNotFoundException"
            raise refusal(operation, code, "Requested resource not found") from None

    def _table(self, call: Mapping[str, Any]) -> Table:
        try:
            return self._tables[call["TableName"]]
        except KeyError:
            raise _NoTableError(call) from None

    def _batch(self, name: str, wanted: dict[str, Any]) -> Iterator[Item]:
        call = {"TableName": name, **wanted}
        _check_parameters(call, {*_READS, "Keys"})
        _check_placeholders(call, _projection(call))
        places = [place_of(key) for key in wanted["Keys"]]
        if len(set(places)) < len(places):
            raise RefusedError("Provided list of item keys contains duplicates")
        for place in places:
            stored = self._table(call).find(place)
            if stored is not None:
                yield _shown(stored, call)

    def _write(self, operation: str, kind: str, call: dict[str, Any]) -> Part:
        with self._called(operation, call):
            part = self._prepared(kind, call)
            if part.refused:
                code, old = "ConditionalCheckFailedException", part.old
                raise refusal(operation, code, _FAILED, **({"Item": old} if old else {}))
            self._apply([part])
            return part

    def _tried(self, kind: str, part: dict[str, Any]) -> Part | UnfitError:
        _check_parameters(part, _PARTS[kind])
        try:
            return self._prepared(kind, part)
        except UnfitError as error:
            return error

    def _prepared(self, kind: str, call: dict[str, Any]) -> Part:
        """Evaluate a write's condition, and return the write with the item that it would store."""
        table, place = self._table(call), place_of(_key(call))
        before = table.find(place)
        text = call.get("ConditionExpression")
        condition = None if text is None else expressions.condition(text)
        update = expressions.update(call["UpdateExpression"]) if kind == "Update" else None
        _check_placeholders(call, condition, update)
        names, values = _given(call)
        of = call["TableName"], place, before
        if condition and not condition.holds(before.item if before else {}, names, values):
            wants = call.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            old = before.copy() if wants and before else None
            return Part(*of, None, kind == "ConditionCheck", "ConditionalCheckFailed", old)
        if kind in ("Delete", "ConditionCheck"):
            return Part(*of, None, kind == "ConditionCheck")
        item = call["Item"] if update is None else _updated(update, call, before)
        return Part(*of, table.prepared(item), is_check=False)

    def _apply(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if part.is_check:
                continue
            table = self._tables[part.table]
            if part.after is None:
                table.remove(part.place)
            else:
                table.put(part.place, part.after)
            self._tell(part)

    def _tell(self, part: Part) -> None:
        before, after = part.before, part.after
        if (before and before.item) == (after and after.item):
            return
        event = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
        keys = {name: {"S": value} for name, value in zip(KEYS, part.place, strict=True)}
        self.written.append(Change(part.table, event, keys, after, part.before))


class Paginator:
    """Iterates over pages."""

    def __init__(self, operation: Callable[..., dict[str, Any]]) -> None:
        """Call this operation for each page."""
        self._operation = operation

    def paginate(self, **call: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages."""
        while True:
            page = self._operation(**call)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            call["ExclusiveStartKey"] = page["LastEvaluatedKey"]


class _NoTableError(Exception):
    pass


def _key(part: Mapping[str, Any]) -> Item:
    if "Key" in part:
        return part["Key"]  # type: ignore[no-any-return]
    return {name: part["Item"][name] for name in KEYS if name in part["Item"]}


def _only(each: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    ((kind, part),) = each.items()
    _check_parameters({kind: part}, set(_PARTS))
    return kind, part


def _given(call: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Typed]]:
    names = call.get("ExpressionAttributeNames", {})
    return names, call.get("ExpressionAttributeValues", {})


def _updated(update: expressions.Update, call: Mapping[str, Any], before: Stored | None) -> Item:
    names, values = _given(call)
    paths = update.paths(names)
    for path in paths:
        if path[0] in KEYS:
            raise RefusedError(
                f"One or more parameter values were invalid: Cannot update attribute {path[0]}."
                " This attribute is part of the key"
            )
    if len({path[0] for path in paths}) < len(paths):
        _check_overlap(paths)
    after: Item = dict(call["Key"]) if before is None else before.copy()
    update.apply(before.item if before else {}, after, names, values)
    return after


def _check_overlap(paths: Sequence[expressions.Path]) -> None:
    for number, one in enumerate(paths):
        for other in paths[number + 1 :]:
            size = min(len(one), len(other))
            if one[:size] == other[:size]:
                raise RefusedError(
                    "Invalid UpdateExpression: Two document paths overlap with each other;"
                    " must remove or rewrite one of these paths"
                )


def _returned(call: Mapping[str, Any], known: Mapping[str, Stored | None]) -> dict[str, Any]:
    wanted = call.get("ReturnValues", "NONE")
    if wanted == "NONE":
        return {}
    if wanted not in known:
        raise NotImplementedError(f"ReturnValues {wanted}")
    stored = known[wanted]
    return {"Attributes": stored.copy()} if stored else {}


def _cancelled(tried: Sequence[Part | UnfitError]) -> ClientError:
    reasons: list[dict[str, Any]] = []
    for each in tried:
        if isinstance(each, UnfitError):
            reasons.append({"Code": "ValidationError", "Message": str(each)})
        elif each.refused:
            old = {"Item": each.old} if each.old else {}
            reasons.append({"Code": each.refused, "Message": _FAILED, **old})
        else:
            reasons.append({"Code": "None"})
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = (
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    )
    return refusal(
        "TransactWriteItems",
        "TransactionCanceledException",
        message,
        CancellationReasons=reasons,
    )


# Pages.


def _page(chosen: Iterable[Stored], call: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return a page; a page that stops at a limit does not know whether more follows."""
    limit = call.get("Limit")
    if limit is not None and limit < 1:
        raise RefusedError("Limit must be greater than or equal to 1")
    names, values = _given(call)
    text = call.get("FilterExpression")
    kept = None if text is None else expressions.filtering(text).holds
    items, scanned, size = [], 0, 0
    last: Stored | None = None
    more: dict[str, Any] = {}
    for stored in chosen:
        size += stored.size
        if last is not None and (scanned == limit or size > MOST_PAGE_BYTES):
            more = {"LastEvaluatedKey": {name: last.item[name] for name in keys}}
            break
        scanned, last = scanned + 1, stored
        if kept is None or kept(stored.item, names, values):
            items.append(_shown(stored, call, keys))
    if last is not None and scanned == limit:
        more = {"LastEvaluatedKey": {name: last.item[name] for name in keys}}
    counted = {"Count": len(items), "ScannedCount": scanned}
    return counted | more | ({} if call.get("Select") == "COUNT" else {"Items": items})


def _shown(stored: Stored, call: Mapping[str, Any], keys: Sequence[str] = KEYS) -> Item:
    """Return the visible part of an item; an index has only keys."""
    item = stored.copy()
    if "IndexName" in call:
        item = {name: item[name] for name in keys}
    shown = _projection(call)
    return item if shown is None else shown.of(item, _given(call)[0])


def _projection(call: Mapping[str, Any]) -> expressions.Projection | None:
    text = call.get("ProjectionExpression")
    return None if text is None else expressions.projection(text)


def _of_page(call: Mapping[str, Any]) -> tuple[expressions.Expression | None, ...]:
    text = call.get("FilterExpression")
    return _projection(call), None if text is None else expressions.filtering(text)


def _index(table: Table, call: Mapping[str, Any]) -> Index | None:
    name = call.get("IndexName")
    if name is None:
        return None
    if name not in table.indexes:
        raise RefusedError(f"The table does not have the specified index: {name}")
    if call.get("ConsistentRead"):
        raise RefusedError("Consistent reads are not supported on global secondary indexes")
    return table.indexes[name]


def _wanted(
    condition: expressions.KeyCondition,
    call: Mapping[str, Any],
    hash_: tuple[str, str],
    range_: tuple[str, str],
) -> tuple[Typed, Callable[[Any], bool] | None]:
    """Return the value of the partition key, and the condition on the sort key, if any."""
    names, values = _given(call)
    parts = {names.get(part.name, part.name): part for part in condition.parts}
    equal = parts.pop(hash_[0], None)
    if equal is None or equal.comparison != "=":
        raise RefusedError(f"Query condition missed key schema element: {hash_[0]}")
    value = values[equal.values[0]]
    check_key(hash_[0], value, hash_[1])
    if not parts:
        return value, None
    if range_[0] not in parts or len(condition.parts) > len(parts) + 1:
        raise RefusedError(f"Query condition missed key schema element: {range_[0]}")
    part = parts[range_[0]]
    for name in part.values:
        check_key(range_[0], values[name], range_[1])
    return value, _within(part.comparison, [worth(values[name]) for name in part.values])


def _within(comparison: str, wanted: Sequence[Any]) -> Callable[[Any], bool]:
    first = wanted[0]
    if comparison == "begins_with":
        return lambda key: bool(key.startswith(first))
    if comparison == "BETWEEN":
        return lambda key: bool(first <= key <= wanted[1])
    if comparison == "=":
        return lambda key: bool(key == first)
    return lambda key: ORDERINGS[comparison](key, first)


def _position(start: Item, index: Index | None) -> Any:
    """Return the start of a page, in the order of a partition."""
    wanted = KEYS if index is None else index.keys
    if {*start} != {*wanted}:
        raise RefusedError("The provided starting key is invalid")
    place = place_of({name: start[name] for name in KEYS})
    return place[1] if index is None else (worth(start[index.range[0]]), *place)


def _scanned(place: Place) -> Any:
    return (*hashed(place[0]), place[1])


# Checks.


def _check_parameters(call: Mapping[str, Any], accepted: set[str]) -> None:
    unknown = sorted(call.keys() - accepted)
    if unknown:
        raise ParamValidationError(report=f"Unknown parameter in input: {', '.join(unknown)}")


def _check_placeholders(call: Mapping[str, Any], *used: expressions.Expression | None) -> None:
    """Refuse a placeholder that has no meaning, and a meaning that has no placeholder."""
    names, values = _given(call)
    for kind, given, wanted in (
        ("name", names, [one.names for one in used if one]),
        ("value", values, [one.values for one in used if one]),
    ):
        asked = frozenset().union(*wanted)
        if given.keys() == asked:
            continue
        missing, unused = sorted(asked - given.keys()), sorted(given.keys() - asked)
        if missing:
            raise RefusedError(
                f"Invalid expression: An expression attribute {kind} used in the expression is"
                f" not defined; attribute {kind}: {missing[0]}"
            )
        raise RefusedError(
            f"Value provided in ExpressionAttribute{kind.capitalize()}s unused in expressions:"
            f" keys: {{{', '.join(unused)}}}"
        )


def _check_count(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise RefusedError(f"1 validation error detected: {_TOO_MANY} {most}")
