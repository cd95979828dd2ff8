"""The operators between two values."""

import math
from collections.abc import Callable
from operator import ge, gt, le, lt

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.limits import MOST_ITEMS
from sfn_local.language.jsonata.texts import text_of
from sfn_local.language.jsonata.values import (
    LARGEST_EXACT,
    NOTHING,
    Sequence,
    Value,
    as_float,
    is_number,
    is_numeric_type,
    is_same,
    number,
)

MOST_IN_RANGE = 10_000_000


def _numeric(calculate: Callable[[float, float], float]) -> Callable[[Value, Value], Value]:
    def apply(left: Value, right: Value) -> Value:
        if left is not NOTHING and not is_number(left):
            raise JsonataError("T2001", value=left)
        if right is not NOTHING and not is_number(right):
            raise JsonataError("T2002", value=right)
        if left is NOTHING or right is NOTHING:
            return NOTHING
        return number(calculate(_exact(left), _exact(right)))

    return apply


def _exact(value: float) -> float:
    return as_float(value) if abs(value) > LARGEST_EXACT else value


def _times(left: float, right: float) -> float:
    product = left * right
    return (
        product
        if isinstance(product, float) or abs(product) <= LARGEST_EXACT
        else (as_float(left) * as_float(right))
    )


def _divided(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 else math.copysign(math.inf, left)
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return as_float(left) / as_float(right)


def _equal(left: Value, right: Value) -> Value:
    return left is not NOTHING and right is not NOTHING and is_same(left, right)


def _unequal(left: Value, right: Value) -> Value:
    return left is not NOTHING and right is not NOTHING and not is_same(left, right)


def _comparison(compare: Callable[[Value, Value], bool]) -> Callable[[Value, Value], Value]:
    def apply(left: Value, right: Value) -> Value:
        for value in (left, right):
            if value is not NOTHING and not _is_comparable(value):
                raise JsonataError("T2010", value=value)
        if left is NOTHING or right is NOTHING:
            return NOTHING
        if isinstance(left, str) != isinstance(right, str):
            raise JsonataError("T2009", value=left, value2=right)
        return compare(left, right)

    return apply


def _is_comparable(value: Value) -> bool:
    return isinstance(value, str) or is_numeric_type(value)


def _joined(left: Value, right: Value) -> Value:
    return "".join("" if value is NOTHING else text_of(value) for value in (left, right))


def _range(left: Value, right: Value) -> Value:
    for value, code in ((left, "T2003"), (right, "T2004")):
        if value is not NOTHING and not _is_whole(value):
            raise JsonataError(code, value=value)
    if left is NOTHING or right is NOTHING or left > right:
        return NOTHING
    size = int(right) - int(left) + 1
    if size > MOST_IN_RANGE:
        raise JsonataError("D2014", value=size)
    if size > MOST_ITEMS:
        raise MemoryError
    return Sequence(range(int(left), int(right) + 1))


def _is_whole(value: Value) -> bool:
    return is_numeric_type(value) and (isinstance(value, int) or value.is_integer())


def _within(left: Value, right: Value) -> Value:
    if left is NOTHING or right is NOTHING:
        return False
    items = right if isinstance(right, list) else [right]
    return any(is_same(left, item) for item in items if not isinstance(item, list | dict))


OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "+": _numeric(lambda left, right: left + right),
    "-": _numeric(lambda left, right: left - right),
    "*": _numeric(_times),
    "/": _numeric(_divided),
    "%": _numeric(lambda left, right: math.nan if right == 0 else math.fmod(left, right)),
    "=": _equal,
    "!=": _unequal,
    "<": _comparison(lt),
    "<=": _comparison(le),
    ">": _comparison(gt),
    ">=": _comparison(ge),
    "&": _joined,
    "..": _range,
    "in": _within,
}
