"""The rules of Choice states: comparisons, and And, Or, Not of them.

Source: Step Functions Developer Guide, "Choice workflow state".
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from sfn_local.dataflow.jsonpath import VisitSource
from sfn_local.document import Json
from sfn_local.errors import DefinitionError, RuntimeFailure
from sfn_local.language.jsonpath import Path, PathNotFound, PathSyntaxError, parse_path
from sfn_local.timestamps import parse_timestamp

Rule = Callable[[VisitSource], bool]

LOGICAL = ("And", "Or", "Not")


def compile_rule(rule: dict[str, Json], pointer: str) -> Rule:
    """A rule from its JSON.

    Raises:
        DefinitionError: it is not well formed.
    """
    logical = [name for name in LOGICAL if name in rule]
    if len(logical) > 1 or (logical and "Variable" in rule):
        raise DefinitionError("a rule is one comparison, or one And, Or or Not", pointer)
    if logical:
        return _compile_logical(logical[0], rule[logical[0]], f"{pointer}/{logical[0]}")
    return _compile_comparison(rule, pointer)


def _compile_logical(name: str, nested: Json, pointer: str) -> Rule:
    if name == "Not":
        rule = _compile_nested(nested, pointer)
        return lambda source: not rule(source)
    if not isinstance(nested, list) or not nested:
        raise DefinitionError(f"{name} needs a list with at least one rule", pointer)
    rules = [_compile_nested(item, f"{pointer}/{i}") for i, item in enumerate(nested)]
    holds = all if name == "And" else any
    return lambda source: holds(rule(source) for rule in rules)


def _compile_nested(nested: Json, pointer: str) -> Rule:
    if not isinstance(nested, dict):
        raise DefinitionError("a rule must be an object", pointer)
    return compile_rule(nested, pointer)


def _compile_comparison(rule: dict[str, Json], pointer: str) -> Rule:
    operators = [name for name in rule if name in OPERATORS or name in PRESENCE]
    if len(operators) != 1:
        raise DefinitionError("a rule needs exactly one comparison", pointer)
    name = operators[0]
    variable = _path(rule.get("Variable"), f"{pointer}/Variable")
    operand = rule[name]
    if name in PRESENCE:
        return _compile_presence(name, variable, operand, f"{pointer}/{name}")
    compare, accepts = OPERATORS[name]
    if name.endswith("Path"):
        path = _path(operand, f"{pointer}/{name}")
        return lambda source: compare(_read(variable, source), _read(path, source))
    if not accepts(operand):
        raise DefinitionError(f"{name} cannot compare with {operand!r}", f"{pointer}/{name}")
    return lambda source: compare(_read(variable, source), operand)


def _compile_presence(name: str, variable: Path, operand: Json, pointer: str) -> Rule:
    if not isinstance(operand, bool):
        raise DefinitionError(f"{name} needs true or false", pointer)
    if name == "IsPresent":
        return lambda source: _is_present(variable, source) is operand
    test = PRESENCE[name]
    return lambda source: test(_read(variable, source)) is operand


def _path(text: Json, pointer: str) -> Path:
    if not isinstance(text, str):
        raise DefinitionError("a path should stand here", pointer)
    try:
        return parse_path(text)
    except PathSyntaxError as error:
        raise DefinitionError(str(error), pointer) from None


def _is_present(path: Path, source: VisitSource) -> bool:
    try:
        value = source.read(path)
    except PathNotFound:
        return False
    return path.is_definite or bool(value)


def _read(path: Path, source: VisitSource) -> Json:
    try:
        return source.read(path)
    except PathNotFound:
        cause = f"Invalid path '{path.text}': The choice state's condition path references an "
        raise RuntimeFailure(f"{cause}invalid value.") from None


def is_number(value: Json) -> bool:
    """Whether it is a JSON number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_string(value: Json) -> bool:
    """Whether it is a JSON string."""
    return isinstance(value, str)


def is_boolean(value: Json) -> bool:
    """Whether it is true or false."""
    return isinstance(value, bool)


def is_timestamp(value: Json) -> bool:
    """Whether it is a string with an ISO 8601 date and time."""
    return parse_timestamp(value) is not None


def matches(text: str, pattern: str) -> bool:
    r"""Return whether the text fits the pattern, where * is any text, `\\*` a star."""
    parts = re.split(r"(\\\\|\\\*|\*)", pattern)
    special = {"*": ".*", r"\*": r"\*", r"\\": r"\\"}
    expression = "".join(special.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(expression, text, re.DOTALL) is not None


Accepts = Callable[[Json], bool]
Compare = Callable[[Json, Json], bool]


def _of(accepts: Accepts, compare: Callable[[Any, Any], bool]) -> Compare:
    """A comparison that does not hold for values of other types."""
    return lambda left, right: accepts(left) and accepts(right) and compare(left, right)


def _of_moments(compare: Callable[[Any, Any], bool]) -> Compare:
    def compare_moments(left: Json, right: Json) -> bool:
        first, second = parse_timestamp(left), parse_timestamp(right)
        return first is not None and second is not None and compare(first, second)

    return compare_moments


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
}


def _operators() -> dict[str, tuple[Compare, Accepts]]:
    table: dict[str, tuple[Compare, Accepts]] = {
        "BooleanEquals": (_of(is_boolean, operator.eq), is_boolean),
        "StringMatches": (_of(is_string, matches), is_string),
    }
    for order, compare in ORDERS.items():
        table[f"Numeric{order}"] = (_of(is_number, compare), is_number)
        table[f"String{order}"] = (_of(is_string, compare), is_string)
        table[f"Timestamp{order}"] = (_of_moments(compare), is_timestamp)
    with_paths = {f"{name}Path": entry for name, entry in table.items() if name != "StringMatches"}
    return table | with_paths


OPERATORS = _operators()

PRESENCE: dict[str, Callable[[Json], bool]] = {
    "IsPresent": lambda _: True,
    "IsNull": lambda value: value is None,
    "IsNumeric": is_number,
    "IsString": is_string,
    "IsBoolean": is_boolean,
    "IsTimestamp": is_timestamp,
}
