"""Functions on arrays, objects and values of any type."""

import json

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.functions.registry import Caller, native, of_something
from sfn_local.language.jsonata.texts import text_of
from sfn_local.language.jsonata.values import (
    NOTHING,
    Function,
    Sequence,
    Value,
    append,
    is_numeric_type,
    is_same,
    lookup,
    number,
    truth,
)


@native("boolean", "<x-:b>")
def boolean(_: Caller, value: Value) -> Value:
    """Return whether the value counts as true; a function that is handed over does not."""
    return False if isinstance(value, Function) else truth(value)


@of_something("not", "<x-:b>")
def negated(_: Caller, value: Value) -> Value:
    """Return whether the value counts as false; a function that is handed over does."""
    return isinstance(value, Function) or not truth(value)


@native("exists", "<x:b>")
def exists(_: Caller, value: Value) -> Value:
    """Return whether there is a value."""
    return value is not NOTHING


@native("count", "<a:n>")
def count(_: Caller, values: Value) -> Value:
    """Return how many values there are."""
    return 0 if values is NOTHING else len(values)


@native("append", "<xx:a>")
def appended(_: Caller, first: Value, second: Value) -> Value:
    """Return both as one array."""
    return append(first, second)


@of_something("reverse", "<a:a>")
def reverse(_: Caller, values: list[Value]) -> Value:
    """Return the values, the last first."""
    return values[::-1] if len(values) > 1 else values


@of_something("shuffle", "<a:a>")
def shuffle(run: Caller, values: list[Value]) -> Value:
    """Return the values in an order of chance."""
    shuffled = list(values)
    for last in range(len(shuffled) - 1, 0, -1):
        other = int(run.random() * (last + 1))
        shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
    return shuffled if len(values) > 1 else values


@of_something("distinct", "<x:x>")
def distinct(_: Caller, values: Value) -> Value:
    """Return the values, each once."""
    if not isinstance(values, list) or len(values) <= 1:
        return values
    result: list[Value] = Sequence() if isinstance(values, Sequence) else []
    seen: set[tuple[str, Value]] = set()
    for value in values:
        if isinstance(value, list | dict | Function) or value is NOTHING:
            if not any(is_same(value, other) for other in result):
                result.append(value)
        elif (key := (_sort(value), value)) not in seen:
            seen.add(key)
            result.append(value)
    return result


def _sort(value: Value) -> str:
    return "number" if is_numeric_type(value) else type(value).__name__


@native("zip", "<a+>", 0)
def zipped(_: Caller, *arrays: Value) -> Value:
    """Return the first values of all arrays, then the second ones, and so on."""
    if not all(isinstance(array, list) for array in arrays):
        return []
    return [list(values) for values in zip(*arrays, strict=False)]


@native("keys", "<x-:a<s>>")
def keys(_: Caller, value: Value) -> Value:
    """Return the names of an object's fields, or of those of all objects of an array."""
    return Sequence(dict.fromkeys(_names(value)))


def _names(value: Value) -> list[str]:
    if isinstance(value, dict):
        return list(value)
    return [name for item in value for name in _names(item)] if isinstance(value, list) else []


@native("lookup", "<x-s:x>")
def looked_up(_: Caller, holder: Value, name: str) -> Value:
    """Return the field of that name."""
    return lookup(holder, name)


@native("spread", "<x-:a<o>>")
def spread(run: Caller, value: Value) -> Value:
    """Return objects with one field each."""
    if isinstance(value, list):
        result: Value = Sequence()
        for item in value:
            result = append(result, spread(run, item))
        return result
    if isinstance(value, dict):
        return Sequence({name: field} for name, field in value.items())
    return value


@of_something("merge", "<a<o>:o>")
def merge(_: Caller, values: list[dict[str, Value]]) -> Value:
    """Return the objects as one."""
    return {name: field for value in values for name, field in value.items()}


@native("type", "<x:s>")
def type_of(_: Caller, value: Value) -> Value:
    """Return the name of the value's type."""
    for kind, name in (
        (bool, "boolean"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
        (Function, "function"),
    ):
        if isinstance(value, kind):
            return name
    if value is NOTHING:
        return NOTHING
    return "null" if value is None else "number"


@native("error", "<s?:x>")
def error(_: Caller, message: Value = NOTHING) -> Value:
    """Fail, with a message."""
    raise JsonataError("D3137", name=message or "$error() function evaluated")


@native("assert", "<bs?:x>")
def check(_: Caller, condition: Value, message: Value = NOTHING) -> Value:
    """Fail unless the condition holds."""
    if not condition:
        raise JsonataError("D3141", name=message or "$assert() statement failed")
    return NOTHING


@of_something("clone", "<(oa)-:o>")
def clone(_: Caller, value: Value) -> Value:
    """Return a copy that can be changed alone."""
    return json.loads(text_of(value), parse_float=lambda digits: number(float(digits)))
