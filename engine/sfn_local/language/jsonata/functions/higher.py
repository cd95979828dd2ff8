"""Functions that take functions."""

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.functions.registry import Caller, given, native, of_something
from sfn_local.language.jsonata.sorting import merge_sorted
from sfn_local.language.jsonata.values import (
    NOTHING,
    Function,
    Sequence,
    Value,
    are_numbers,
    are_strings,
    is_true,
)

WITH_INDEX, WITH_ALL = 3, 4


@of_something("map", "<af>")
def mapped(run: Caller, values: list[Value], function: Value) -> Value:
    """Return what the function makes of each value."""
    result = Sequence()
    for index, value in enumerate(values):
        found = run.call(function, given(function, value, index, values))
        if found is not NOTHING:
            result.append(found)
    return result


@of_something("filter", "<af>")
def kept(run: Caller, values: list[Value], function: Value) -> Value:
    """Return the values for which the function holds."""
    return Sequence(
        value
        for index, value in enumerate(values)
        if is_true(run.call(function, given(function, value, index, values)))
    )


@of_something("single", "<af?>")
def single(run: Caller, values: list[Value], function: Value = NOTHING) -> Value:
    """Return the one value for which the function holds."""
    found = [
        value
        for index, value in enumerate(values)
        if function is NOTHING or is_true(run.call(function, given(function, value, index, values)))
    ]
    if len(found) != 1:
        raise JsonataError("D3138" if found else "D3139")
    return found[0]


@of_something("reduce", "<afj?:j>")
def reduced(run: Caller, values: list[Value], function: Function, start: Value = NOTHING) -> Value:
    """Return what the function makes of all values, one after the other."""
    if function.arity < 2:  # noqa: PLR2004 - the result so far, and a value
        raise JsonataError("D3050", index=1)
    first = 1 if start is NOTHING and values else 0
    result = values[0] if first else start
    for index in range(first, len(values)):
        arguments = [result, values[index]]
        if function.arity >= WITH_INDEX:
            arguments.append(index)
        if function.arity >= WITH_ALL:
            arguments.append(values)
        result = run.call(function, arguments)
    return result


@native("sift", "<o-f?:o>")
def sifted(run: Caller, value: Value, function: Value = NOTHING) -> Value:
    """Return the fields for which the function holds."""
    result = {
        name: field
        for name, field in (value if isinstance(value, dict) else {}).items()
        if is_true(run.call(function, given(function, field, name, value)))
    }
    return result or NOTHING


@native("each", "<o-f:a>")
def each(run: Caller, value: Value, function: Value) -> Value:
    """Return what the function makes of each field."""
    result = Sequence()
    for name, field in (value if isinstance(value, dict) else {}).items():
        found = run.call(function, given(function, field, name, value))
        if found is not NOTHING:
            result.append(found)
    return result


@of_something("sort", "<af?:a>")
def ordered(run: Caller, values: list[Value], function: Value = NOTHING) -> Value:
    """Return the values in order."""
    if len(values) <= 1:
        return values
    if function is not NOTHING:
        return merge_sorted(values, lambda a, b: bool(run.call(function, [a, b])))
    if not are_numbers(values) and not are_strings(values):
        raise JsonataError("D3070", index=1)
    return sorted(values)
