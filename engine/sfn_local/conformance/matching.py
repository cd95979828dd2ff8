"""Whether something is as a case expects it.

Within an expected value these objects stand for more than themselves: `{"$any": true}`,
`{"$type": "string"}`, `{"$match": "^arn:"}`, `{"$has": {…}}` for an object with at least these
fields, `{"$unordered": […]}`, `{"$absent": true}` for a field that must lack.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

Json = Any

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}
ABSENT = {"$absent": True}


def differences(expected: Json, actual: Json, at: str = "", *, has: bool = False) -> list[str]:
    """Return the differences, a line each; with has, objects may have further fields."""
    return list(_differences(expected, actual, at or "$", has=has))


def _differences(expected: Json, actual: Json, at: str, *, has: bool) -> Iterator[str]:
    if isinstance(expected, dict) and len(expected) == 1:
        ((name, given),) = expected.items()
        if name.startswith("$") and name in MATCHERS:
            yield from MATCHERS[name](given, actual, at)
            return
    if isinstance(expected, dict) and isinstance(actual, dict):
        yield from _fields(expected, actual, at, has=has)
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{at} has {len(actual)} items, not {len(expected)}: {actual!r:.200}"
            return
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(one, other, f"{at}[{index}]", has=has)
    elif not _equal(expected, actual):
        yield f"{at} is {actual!r:.300}, not {expected!r:.300}"


def _fields(
    expected: dict[str, Json], actual: dict[str, Json], at: str, *, has: bool
) -> Iterator[str]:
    for name, value in expected.items():
        if value == ABSENT:
            if name in actual:
                yield f"{at}.{name} is {actual[name]!r:.200}, and should lack"
        elif name not in actual:
            yield f"{at}.{name} lacks"
        else:
            yield from _differences(value, actual[name], f"{at}.{name}", has=has)
    for name in () if has else actual.keys() - expected.keys():
        yield f"{at}.{name} is {actual[name]!r:.200}, and should lack"


def _equal(one: Json, other: Json) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _type(given: Json, actual: Json, at: str) -> Iterator[str]:
    is_bool = isinstance(actual, bool) and given != "boolean"
    if is_bool or not isinstance(actual, TYPES[given]):
        yield f"{at} is {actual!r:.200}, which is no {given}"


def _match(given: Json, actual: Json, at: str) -> Iterator[str]:
    if not isinstance(actual, str) or re.search(given, actual) is None:
        yield f"{at} is {actual!r:.300}, which does not match {given}"


def _unordered(given: Json, actual: Json, at: str) -> Iterator[str]:
    left = list(actual) if isinstance(actual, list) else None
    if left is None or len(left) != len(given):
        yield f"{at} is {actual!r:.300}, not {given!r:.300} in any order"
        return
    for one in given:
        found = next((other for other in left if not differences(one, other)), None)
        if found is None:
            yield f"{at} has no {one!r:.200}: {actual!r:.300}"
            return
        left.remove(found)


MATCHERS: dict[str, Callable[[Json, Json, str], Iterator[str]]] = {
    "$any": lambda _given, _actual, _at: iter(()),
    "$type": _type,
    "$match": _match,
    "$has": lambda given, actual, at: _differences(given, actual, at, has=True),
    "$unordered": _unordered,
}
