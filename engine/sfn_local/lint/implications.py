"""When one condition of a Choice state implies another, so that a later rule is never reached.

A comparison of a value of another type is false, and one of a missing value fails the state; so
each comparison implies that its variable is there, and has its type.
"""

import re
from datetime import datetime
from math import inf
from typing import Any

from sfn_local.document import Json

TYPES = ("Numeric", "String", "Boolean", "Timestamp")
BOUNDS = {
    "Equals": (True, True),
    "GreaterThan": (False, None),
    "GreaterThanEquals": (True, None),
    "LessThan": (None, False),
    "LessThanEquals": (None, True),
}
COMPARISON = re.compile(
    rf"({'|'.join(TYPES)})(Equals|GreaterThan|GreaterThanEquals|LessThan|LessThanEquals|Matches)"
)
ASKED = re.compile(r"Is(Numeric|String|Boolean|Timestamp|Null|Present)")
NEUTRAL = ("Variable", "Next", "Comment", "Assign", "Output")

Rule = dict[str, Json]


def implies(rule: Json, other: Json) -> bool:
    """Whether the other rule is true, or fails the state, wherever this one is true."""
    if not isinstance(rule, dict) or not isinstance(other, dict):
        return False
    if _condition(rule) == _condition(other):
        return True
    for name, needs in (("Or", all), ("And", any)):
        parts = rule.get(name)
        if isinstance(parts, list) and parts and needs(implies(part, other) for part in parts):
            return True
    if isinstance(other.get("And"), list) and other["And"]:
        return all(implies(rule, part) for part in other["And"])
    if isinstance(other.get("Or"), list):
        return any(implies(rule, part) for part in other["Or"])
    if "Not" in rule and "Not" in other:
        return implies(other["Not"], rule["Not"])
    return _implies_plainly(rule, other)


def _condition(rule: Rule) -> Rule:
    return {name: value for name, value in rule.items() if name not in NEUTRAL[1:]}


def _implies_plainly(rule: Rule, other: Rule) -> bool:
    """The same for two comparisons of one variable with constants."""
    first, second = _comparison(rule), _comparison(other)
    if first is None or second is None or rule.get("Variable") != other.get("Variable"):
        return False
    (name, operand), (asked, wanted) = first, second
    if ASKED.fullmatch(asked):
        return _implies_type(name, operand, asked, wanted)
    found, expected = COMPARISON.fullmatch(name), COMPARISON.fullmatch(asked)
    if found is None or expected is None or found[1] != expected[1]:
        return False
    if expected[2] == "Matches":
        return _implies_match(found[2], operand, wanted)
    if found[2] == "Matches":
        return False
    return _is_within(_interval(name, operand), _interval(asked, wanted))


def _comparison(rule: Rule) -> tuple[str, Json] | None:
    names = [name for name in rule if name not in NEUTRAL]
    return (names[0], rule[names[0]]) if len(names) == 1 else None


def _implies_type(name: str, operand: Json, asked: str, wanted: Json) -> bool:
    """Whether a comparison implies the answer to a question about its variable's type."""
    question, known = asked.removeprefix("Is"), _type(name, operand)
    if known is None:
        return name == asked and operand == wanted
    if question == "Present":
        return wanted is True
    if question == known or (question == "String" and known == "Timestamp"):
        return wanted is True
    may_be_both = question == "Timestamp" and known == "String"
    return wanted is False and not may_be_both


def _type(name: str, operand: Json) -> str | None:
    """The type that the variable has where the comparison is true; None if it is not known."""
    compared, asked = COMPARISON.match(name), ASKED.fullmatch(name)
    if compared is not None:
        return compared[1]
    is_known = asked is not None and operand is True and asked[1] != "Present"
    return asked[1] if asked is not None and is_known else None


def _implies_match(how: str, operand: Json, pattern: Json) -> bool:
    """Whether a text that equals, or matches, the operand matches the pattern."""
    if not isinstance(operand, str) or not isinstance(pattern, str) or how not in BOUNDS | MATCHES:
        return False
    if how not in ("Equals", "Matches"):
        return pattern == "*"
    parts = re.split(r"(?<!\\)\*", pattern)
    expression = ".*".join(re.escape(re.sub(r"\\(.)", r"\1", part)) for part in parts)
    text = operand if how == "Equals" else re.sub(r"(?<!\\)\*", "\0", operand)
    return re.fullmatch(expression, text, re.DOTALL) is not None


MATCHES = {"Matches": (None, None)}


def _interval(name: str, operand: Json) -> tuple[Any, bool, Any, bool] | None:
    """The values for which a comparison is true: from, included, to, included."""
    found = COMPARISON.fullmatch(name)
    value = None if found is None else _ordered(found[1], operand)
    if found is None or value is None:
        return None
    lowest, highest = BOUNDS[found[2]]
    low = (LOWEST, True) if lowest is None else (value, lowest)
    high = (HIGHEST, True) if highest is None else (value, highest)
    return (*low, *high)


LOWEST, HIGHEST = (-inf,), (inf,)


def _ordered(kind: str, operand: Json) -> tuple[Any, ...] | None:
    """An operand as it is ordered among its kind; None if it is none of the kind."""
    if kind == "Numeric" and isinstance(operand, (int, float)) and not isinstance(operand, bool):
        return (0, operand)
    if kind == "Boolean" and isinstance(operand, bool):
        return (0, operand)
    if not isinstance(operand, str):
        return None
    if kind == "String":
        return (0, operand)
    try:
        moment = datetime.fromisoformat(operand)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (0, moment.timestamp())


def _is_within(inner: Any, outer: Any) -> bool:
    if inner is None or outer is None:
        return False
    low, has_low, high, has_high = inner
    outer_low, outer_has_low, outer_high, outer_has_high = outer
    starts_inside = low > outer_low or (low == outer_low and (outer_has_low or not has_low))
    ends_inside = high < outer_high or (high == outer_high and (outer_has_high or not has_high))
    return bool(starts_inside and ends_inside)
