import operator
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from threading import RLock
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
Test = Callable[[Item, Mapping[str, str], Mapping[str, Any]], bool]
SORTED_BY = {None: "sk", "open": "opened_at", "status": "sk"}
"""The sort key of a table, and of the indexes that tables have."""
HASHED_BY = {None: "pk", "open": "open_shard", "status": "tenant_status"}
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a is not None and a < b,
    "<=": lambda a, b: a is not None and a <= b,
    ">": lambda a, b: a is not None and a > b,
    ">=": lambda a, b: a is not None and a >= b,
}
FUNCTIONS: dict[str, Callable[..., bool]] = {
    "attribute_exists": lambda value: value is not None,
    "attribute_not_exists": lambda value: value is None,
    "begins_with": lambda value, prefix: value is not None and value.startswith(prefix),
}


class SmallDynamoDB:
    """As much of a client of DynamoDB as records and small updates need, in memory.

    `written` is what a stream would tell: the table and the new image of each item, in order.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.tables: dict[str, dict[tuple[str, str], Item]] = defaultdict(dict)
        self.written: list[tuple[str, Item]] = []

    def get_item(self, *, TableName: str, Key: Item, **_: Any) -> dict[str, Any]:  # noqa: N803
        with self.lock:
            found = self.tables[TableName].get(_place(Key))
        return {} if found is None else {"Item": found}

    def put_item(self, **put: Any) -> dict[str, Any]:
        self._write(put)
        return {}

    def update_item(self, **update: Any) -> dict[str, Any]:
        return {"Attributes": self._write(update)}

    def delete_item(self, *, TableName: str, Key: Item) -> dict[str, Any]:  # noqa: N803
        with self.lock:
            self.tables[TableName].pop(_place(Key), None)
        return {}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        parts = [part for each in TransactItems for part in each.values()]
        with self.lock:
            refused = [not self._holds(part) for part in parts]
            if any(refused):
                codes = ["ConditionalCheckFailed" if each else "None" for each in refused]
                answer: Any = {
                    "Error": {"Code": "TransactionCanceledException"},
                    "CancellationReasons": [{"Code": code} for code in codes],
                }
                raise ClientError(answer, "TransactWriteItems")
            for each in TransactItems:
                if "ConditionCheck" not in each:
                    self._put(*each.values())
        return {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        with self.lock:
            found = {
                table: [
                    self.tables[table][_place(key)]
                    for key in wanted["Keys"]
                    if _place(key) in self.tables[table]
                ]
                for table, wanted in RequestItems.items()
            }
        return {"Responses": found}

    def query(self, *, TableName: str, **asked: Any) -> dict[str, Any]:  # noqa: N803
        index, limit = asked.get("IndexName"), asked.get("Limit", 10**6)
        with self.lock:
            items = list(self.tables[TableName].values())
        names = asked.get("ExpressionAttributeNames", {})
        values = asked["ExpressionAttributeValues"]

        def position(item: Item) -> tuple[Any, ...]:
            return (_plain(item[SORTED_BY[index]]), *_place(item))

        assert all(_plain(value) != "" for value in values.values()), "no key may be empty"
        key_condition = _test_of(asked["KeyConditionExpression"])
        found = [item for item in items if key_condition(item, names, values)]
        is_forward = asked.get("ScanIndexForward", True)
        found.sort(key=position, reverse=not is_forward)
        start = asked.get("ExclusiveStartKey")
        if start is not None:
            later: Callable[[Any, Any], bool] = operator.gt if is_forward else operator.lt
            found = [item for item in found if later(position(item), position(start))]
        page = found[:limit]
        kept = _test_of(asked.get("FilterExpression"))
        shown = asked.get("ProjectionExpression", "").replace(" ", "").split(",")
        seen = {names.get(name, name) for name in shown} - {""}
        items = [one for one in page if kept(one, names, values)]
        if seen:
            items = [{name: one[name] for name in seen & one.keys()} for one in items]
        answer: dict[str, Any] = {"Items": items}
        if len(found) > limit:
            keys = ("pk", "sk", HASHED_BY[index], SORTED_BY[index])
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in keys}
        return answer

    def _write(self, part: dict[str, Any]) -> Item:
        with self.lock:
            if self._holds(part):
                return self._put(part)
            wanted = part.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            old = {"Item": self._there(part)} if wanted and self._there(part) else {}
        refused: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, **old}
        raise ClientError(refused, "PutItem")

    def _there(self, part: dict[str, Any]) -> Item:
        key = _place(part["Item"] if "Item" in part else part["Key"])
        return self.tables[part["TableName"]].get(key, {})

    def _holds(self, part: dict[str, Any]) -> bool:
        test = _test_of(part.get("ConditionExpression"))
        return test(
            self._there(part),
            part.get("ExpressionAttributeNames", {}),
            part.get("ExpressionAttributeValues", {}),
        )

    def _put(self, part: dict[str, Any]) -> Item:
        item: Item = part["Item"] if "Item" in part else self._updated(part)
        self.tables[part["TableName"]][_place(item)] = item
        self.written.append((part["TableName"], item))
        return item

    def _updated(self, part: dict[str, Any]) -> Item:
        """The item after an update that sets attributes to values, and nothing else."""
        names, values = part.get("ExpressionAttributeNames", {}), part["ExpressionAttributeValues"]
        sets = (
            one.split(" = ") for one in part["UpdateExpression"].removeprefix("SET ").split(", ")
        )
        changed = {names.get(name, name): values[value] for name, value in sets}
        updated: Item = self._there(part) | part["Key"] | changed
        return updated


def _place(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _plain(value: Any) -> Any:
    ((kind, plain),) = value.items()
    return Decimal(plain) if kind == "N" else plain


@cache
def _test_of(expression: str | None) -> Test:
    """What an expression of comparisons and functions, in ANDs of ORs or ORs of ANDs, asks."""
    if expression is None:
        return lambda *_: True
    tokens = re.findall(r"[()]|,|<=|>=|<>|[=<>]|[#:]?\w+", expression)
    test = _any_of(tokens)
    assert not tokens, f"{tokens} is left of {expression}"
    return test


def _any_of(tokens: list[str]) -> Test:
    return _joined(tokens, "OR", any, lambda: _joined(tokens, "AND", all, lambda: _one_of(tokens)))


def _joined(
    tokens: list[str], word: str, together: Callable[..., bool], part: Callable[[], Test]
) -> Test:
    tests = [part()]
    while tokens[:1] == [word]:
        tokens.pop(0)
        tests.append(part())
    return lambda *given: together(test(*given) for test in tests)


def _one_of(tokens: list[str]) -> Test:
    word = tokens.pop(0)
    if word == "(":
        inner = _any_of(tokens)
        assert tokens.pop(0) == ")"
        return inner
    if word in FUNCTIONS:
        end = tokens.index(")")
        operands = [token for token in tokens[1:end] if token != ","]
        del tokens[: end + 1]
        function = FUNCTIONS[word]
    elif tokens[0] == "IN":
        end = tokens.index(")")
        operands = [word, *(token for token in tokens[2:end] if token != ",")]
        del tokens[: end + 1]
        function = _is_among
    elif tokens[0] == "BETWEEN":
        _, first, _, last = (tokens.pop(0) for _ in range(4))
        operands = [word, first, last]
        function = _is_between
    else:
        function = COMPARED[tokens.pop(0)]
        operands = [word, tokens.pop(0)]

    def test(item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
        return function(*(_value(operand, item, names, values) for operand in operands))

    return test


def _is_among(value: Any, *others: Any) -> bool:
    return value in others


def _is_between(value: Any, first: Any, last: Any) -> bool:
    return value is not None and bool(first <= value <= last)


def _value(operand: str, item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> Any:
    if operand.startswith(":"):
        return _plain(values[operand])
    found = item.get(names.get(operand, operand))
    return None if found is None else _plain(found)
