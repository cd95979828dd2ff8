"""Conditions of policies, as far as this machine knows the keys that they ask for.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

Context = Mapping[str, Sequence[str]]
"""The values of each known key, which is in lower case; none: the request has no such key."""

_SET: Final = ("ForAllValues:", "ForAnyValue:")
_IF_EXISTS: Final = "IfExists"
_VARIABLE: Final = re.compile(r"\\\$\\\{.*?\\\}")


@cache
def pattern(text: str) -> re.Pattern[str]:
    """Compile a text with IAM's wildcards; a policy variable matches anything."""
    escaped = _VARIABLE.sub(".*", re.escape(text))
    return re.compile(escaped.replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _like(value: str, wanted: str) -> bool:
    return pattern(wanted).fullmatch(value) is not None


def _equal_in_any_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": _equal_in_any_case,
    "StringEquals": operator.eq,
    "StringEqualsIgnoreCase": _equal_in_any_case,
    "StringLike": _like,
}


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context, *, unknown: bool) -> bool:
    """Return whether a statement's conditions hold; `unknown` is the answer of an unknown one."""
    return all(
        _holds(operator, context[key.lower()], as_list(wanted), unknown=unknown)
        if key.lower() in context
        else unknown
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, values: Sequence[str], wanted: list[str], *, unknown: bool) -> bool:
    if operator == "Null":
        return (not values) == (str(wanted[0]).lower() == "true")
    quantifier = next((each for each in _SET if operator.startswith(each)), "")
    name = operator.removeprefix(quantifier)
    if name.endswith(_IF_EXISTS) and not values:
        return True
    name = name.removesuffix(_IF_EXISTS)
    is_negated = "Not" in name
    compare = _OPERATORS.get(name.replace("Not", ""))
    if compare is None:
        return unknown
    met = [any(compare(value, str(one)) for one in wanted) != is_negated for value in values]
    if quantifier == "ForAllValues:":
        return all(met)
    return any(met) or (is_negated and not values)


def as_list(value: Any) -> list[Any]:
    """Return a list; IAM writes a list of one without its brackets."""
    return value if isinstance(value, list) else [value]
