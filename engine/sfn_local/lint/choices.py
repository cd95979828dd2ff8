"""The rules of Choice states."""

from sfn_local.dataflow.choice_rules import OPERATORS, PRESENCE
from sfn_local.document import Json
from sfn_local.lint.finding import EMPTY, Report, not_supported, only_one_of, required
from sfn_local.lint.implications import implies
from sfn_local.lint.model import Definition, StateNode, objects_at

LOGICAL = ("And", "Or", "Not")
ONE_KIND = (
    "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"
)
NEUTRAL = ("Variable", "Next", "Comment", "Assign", "Output", *LOGICAL)
ALWAYS = (True, "{% true %}")
OPERANDS = {"Boolean": "true or false", "Numeric": "a number", "String": "a string"}


def check(definition: Definition, report: Report) -> None:
    """Look at every Choice state."""
    for state in definition.of_type("Choice"):
        choices = state.fields.get("Choices")
        if choices == []:
            pointer = f"{state.pointer}/Choices"
            report.add("rule-empty", pointer, "there is no rule in Choices", refusal=EMPTY)
        if isinstance(choices, list):
            _check_choices(state, choices, report)
        if "Default" not in state.fields and not _is_exhaustive(choices):
            message = f"the state {state.name} has no Default, and its rules may all fail"
            report.add("default-missing", state.pointer, message)


def _check_choices(state: StateNode, choices: list[Json], report: Report) -> None:
    for position, rule in enumerate(choices):
        pointer = f"{state.pointer}/Choices/{position}"
        if not isinstance(rule, dict):
            report.add("field-type", pointer, "a rule must be an object")
            continue
        if not isinstance(rule.get("Next"), str):
            message, refusal = "a rule of Choices needs a Next", required("Next")
            report.add("rule-next", pointer, message, "Add a Next.", refusal=refusal)
        if state.is_jsonata and "Condition" not in rule:
            report.add("rule-empty", pointer, "a JSONata rule needs a Condition")
        if not state.is_jsonata:
            _check_rule(rule, pointer, report)
        shadowing = next(
            (earlier for earlier in range(position) if _takes(choices[earlier], rule)), None
        )
        if shadowing is not None:
            message = f"the rule at position {shadowing} always takes what this one is for"
            report.add("rule-shadowed", pointer, message)


def _takes(earlier: Json, rule: dict[str, Json]) -> bool:
    """Whether an earlier rule takes all that this one is for."""
    if not isinstance(earlier, dict):
        return False
    if "Condition" in rule or "Condition" in earlier:
        condition = earlier.get("Condition")
        return condition in ALWAYS or condition == rule.get("Condition")
    return implies(rule, earlier)


def _check_rule(rule: dict[str, Json], pointer: str, report: Report) -> None:
    logical = [name for name in LOGICAL if name in rule]
    comparisons = [name for name in rule if name not in NEUTRAL]
    if len(logical) + len(comparisons) > 1:
        names = ", ".join([*logical, *comparisons])
        refusal = ONE_KIND if logical else only_one_of(*comparisons)
        message = f"the rule has several comparisons: {names}"
        report.add("rule-operator", pointer, message, refusal=refusal)
    if not logical and not comparisons:
        report.add("rule-empty", pointer, "the rule compares nothing")
    if comparisons and "Variable" not in rule:
        report.add("field-missing", pointer, "the comparison has no Variable")
    for name in comparisons:
        _check_comparison(name, rule[name], f"{pointer}/{name}", report)
    for name in logical:
        _check_logical(name, rule[name], f"{pointer}/{name}", report)


def _check_logical(name: str, nested: Json, pointer: str, report: Report) -> None:
    expects, kind = ("an object", dict) if name == "Not" else ("a list", list)
    if not isinstance(nested, kind):
        report.add("field-type", pointer, f"{name} needs {expects}")
        return
    if not nested:
        report.add("rule-empty", pointer, f"there is no rule in {name}")
    for inner, where in objects_at(nested, pointer):
        if "Next" in inner:
            refusal, at = not_supported("Next"), where
            message, place = "a nested rule has a Next", f"{where}/Next"
            report.add("rule-next", place, message, refusal=refusal, refused_at=at)
        _check_rule(inner, where, report)


def _check_comparison(name: str, operand: Json, pointer: str, report: Report) -> None:
    if name in PRESENCE:
        if not isinstance(operand, bool):
            report.add("rule-operand", pointer, f"{name} needs true or false")
        return
    if name not in OPERATORS:
        report.add("rule-operator", pointer, f"there is no comparison {name}")
        return
    if name.endswith("Path"):
        if not isinstance(operand, str) or not operand.startswith("$"):
            report.add("rule-operand", pointer, f"{name} needs a path")
        return
    if not OPERATORS[name][1](operand):
        expected = next((text for kind, text in OPERANDS.items() if name.startswith(kind)), None)
        message = f"{name} needs {expected or 'a timestamp like 2026-11-25T12:00:00Z'}"
        report.add("rule-operand", pointer, message)


def _is_exhaustive(choices: Json) -> bool:
    """Whether two rules ask for the opposite of each other."""
    conditions = [
        {name: value for name, value in rule.items() if name not in ("Next", "Comment")}
        for rule in (choices if isinstance(choices, list) else [])
        if isinstance(rule, dict)
    ]
    return any(_is_opposite(first, second) for first in conditions for second in conditions)


def _is_opposite(first: dict[str, Json], second: dict[str, Json]) -> bool:
    if first.get("Not") == second:
        return True
    if first.keys() != second.keys() or first.get("Variable") != second.get("Variable"):
        return False
    different = [name for name in first if first[name] != second[name]]
    return len(different) == 1 and isinstance(first[different[0]], bool)
