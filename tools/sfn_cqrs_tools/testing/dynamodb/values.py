"""DynamoDB's typed values: their sizes, and how they compare."""

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sfn_cqrs_tools.testing.dynamodb.refusals import RefusedError

Typed = Mapping[str, Any]
Item = dict[str, Any]
KIBIBYTE = 1024
MOST_ITEM_BYTES = 400 * KIBIBYTE
ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONTAINER_BYTES = 3
_ELEMENT_BYTES = 1


def kind_of(value: Typed) -> str:
    """Return the type of a value, such as N."""
    (kind,) = value
    return kind


def same(one: Typed | None, other: Typed | None) -> bool:
    """Return whether two values are equal; numbers compare by value, sets in any order."""
    if one is None or other is None:
        return False
    if one == other:
        return True
    ((kind, left),), ((other_kind, right),) = one.items(), other.items()
    return kind == other_kind and kind in _EQUALS and _EQUALS[kind](left, right)


def is_ordered(comparison: str, one: Typed | None, other: Typed | None) -> bool:
    """Return whether `<`, `<=`, `>` or `>=` holds between two values."""
    if one is None or other is None or kind_of(one) != kind_of(other):
        return False
    if kind_of(one) not in ("S", "N", "B"):
        return False
    return ORDERINGS[comparison](worth(one), worth(other))


def worth(value: Typed) -> Any:
    """Return the sort key of a text, a number or bytes; code points sort as their UTF-8 does."""
    ((kind, plain),) = value.items()
    return Decimal(plain) if kind == "N" else plain


def begins_with(value: Typed | None, prefix: Typed | None) -> bool:
    """Return whether a text, or bytes, begin with others."""
    if value is None or prefix is None or kind_of(value) != kind_of(prefix):
        return False
    ((kind, plain),) = value.items()
    return kind in ("S", "B") and bool(plain.startswith(prefix[kind]))


def weigh(item: Mapping[str, Typed]) -> int:
    """Return the bytes of an item; raise for a value that is not DynamoDB's."""
    total = 0
    for name, value in item.items():
        total += _length(name) + _weight(value)
    return total


def _weight(value: Typed) -> int:
    ((kind, plain),) = value.items()
    if kind == "S":
        return _length(plain)
    return _WEIGHTS[kind](plain)


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _digits(number: str) -> int:
    try:
        sign, digits, _ = Decimal(number).as_tuple()
    except InvalidOperation:
        raise RefusedError(
            "The parameter cannot be converted to a numeric value: " + number
        ) from None
    return (len(digits) + 1) // 2 + 1 + sign


def _members(plain: Any, weight: Callable[[Any], int]) -> int:
    if not plain or len(set(plain)) < len(plain):
        raise RefusedError(
            "One or more parameter values were invalid: An string set  may not be empty"
            if not plain
            else f"One or more parameter values were invalid: {plain} contains duplicates."
        )
    return sum(map(weight, plain))


_WEIGHTS: dict[str, Callable[[Any], int]] = {
    "N": _digits,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "B": len,
    "L": lambda plain: _CONTAINER_BYTES + sum(_ELEMENT_BYTES + _weight(each) for each in plain),
    "M": lambda plain: _CONTAINER_BYTES + _ELEMENT_BYTES * len(plain) + weigh(plain),
    "SS": lambda plain: _members(plain, _length),
    "NS": lambda plain: _members(plain, _digits),
    "BS": lambda plain: _members(plain, len),
}
_EQUALS: dict[str, Callable[[Any, Any], bool]] = {
    "N": lambda one, other: Decimal(one) == Decimal(other),
    "NS": lambda one, other: set(map(Decimal, one)) == set(map(Decimal, other)),
    "SS": lambda one, other: set(one) == set(other),
    "BS": lambda one, other: set(one) == set(other),
    "L": lambda one, other: len(one) == len(other) and all(map(same, one, other)),
    "M": lambda one, other: (
        one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    ),
}
