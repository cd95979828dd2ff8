"""Conditional writes that return whether they succeeded, and the item that is then stored."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ParamSpec

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.conditions import Absent, AtMost, Below, Both, Condition, Either, OneOf
from sfn_cqrs.kernel.tables.dynamodb import Item, is_refused, marshal, refused_item, unmarshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

P = ParamSpec("P")


def is_done(write: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Make a call that writes; return False if its condition refused it."""
    try:
        write(*args, **kwargs)
    except ClientError as error:
        if not is_refused(error):
            raise
        return False
    return True


def new_put(table: str, item: Item) -> dict[str, Any]:
    """Return the put of an item in DynamoDB's format; one in its place refuses it."""
    return {
        "TableName": table,
        "Item": item,
        "ConditionExpression": "attribute_not_exists(pk)",
    }


def put_new(client: "DynamoDBClient", table: str, item: Item) -> bool:
    """Put an item in DynamoDB's format; return False if there is one in its place."""
    return is_done(client.put_item, **new_put(table, item))


def try_update(update_item: Callable[..., Any], **call: Any) -> tuple[bool, Item | None]:
    """Update an item; return whether it succeeded, and the new item or the one that refused."""
    try:
        answer = update_item(
            **call, ReturnValues="ALL_NEW", ReturnValuesOnConditionCheckFailure="ALL_OLD"
        )
    except ClientError as error:
        if not is_refused(error):
            raise
        return False, refused_item(error)
    return True, unmarshal(answer["Attributes"])


def update(sets: Mapping[str, Any], condition: Condition, renamed: Mapping[str, str]) -> Item:
    """Return the expressions of an update that sets these fields under a condition.

    None removes a field. `renamed` has the attributes of those fields that have other names.
    """
    spelling = _Spelling(renamed)
    pairs, removed = [], []
    for field, value in sets.items():
        if value is None:
            removed.append(spelling.name(field))
        else:
            pairs.append(f"{spelling.name(field)} = {spelling.value(value)}")
    removes = f" REMOVE {', '.join(removed)}" if removed else ""
    return {
        "UpdateExpression": f"SET {', '.join(pairs)}{removes}",
        "ConditionExpression": spelling.condition(condition),
        "ExpressionAttributeNames": spelling.names,
        "ExpressionAttributeValues": marshal(spelling.values),
    }


class _Spelling:
    """The names and values of an expression, as it is spelled."""

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self._renamed = renamed
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def name(self, field: str) -> str:
        attribute = self._renamed.get(field, field)
        place = f"#{attribute}"
        self.names[place] = attribute
        return place

    def value(self, value: object) -> str:
        place = f":v{len(self.values)}"
        self.values[place] = str(value) if isinstance(value, StrEnum) else value
        return place

    def condition(self, condition: Condition) -> str:
        """Return the text of a condition.

        Raises:
            TypeError: the table has no words for it.
        """
        if isinstance(condition, Both):
            return f"{self._inner(condition.first)} AND {self._inner(condition.second)}"
        if isinstance(condition, Either):
            return f"{self._inner(condition.first)} OR {self._inner(condition.second)}"
        return self._comparison(condition)

    def _inner(self, condition: Condition) -> str:
        text = self.condition(condition)
        return f"({text})" if isinstance(condition, Either) else text

    def _comparison(self, condition: Condition) -> str:
        if isinstance(condition, OneOf):
            places = [self.value(value) for value in condition.values]
            some = f"= {places[0]}" if len(places) == 1 else f"IN ({', '.join(places)})"
            return f"{self.name(condition.field)} {some}"
        if isinstance(condition, Absent):
            return f"attribute_not_exists({self.name(condition.field)})"
        if isinstance(condition, Below):
            return f"{self.name(condition.field)} < {self.value(condition.bound)}"
        if isinstance(condition, AtMost):
            return f"{self.name(condition.field)} <= {self.value(condition.bound)}"
        raise TypeError(f"a table cannot spell {condition}")
