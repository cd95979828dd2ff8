"""The two query languages: fields of one in a state of the other, and what JSONata refers to.

Source: Step Functions Developer Guide, "Transforming data with JSONata in Step Functions".
"""

from collections.abc import Iterator

from sfn_local.dataflow.jsonata.expressions import find_fault, is_expression
from sfn_local.document import Json
from sfn_local.language.jsonata.references import STATES
from sfn_local.lint.expressions import (
    ERROR,
    INNER_SCOPES,
    NEITHER,
    RESULT,
    Expression,
    expressions,
)
from sfn_local.lint.fields import report_foreign
from sfn_local.lint.finding import Report
from sfn_local.lint.json_positions import all_in, escape
from sfn_local.lint.model import JSONATA, JSONPATH, Definition, StateNode, entries

DOWNGRADE = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
STATES_FIELDS = ("context", "input", "result", "errorOutput")
LATER = ("result", "errorOutput")
ABSENT = (("result", ERROR), ("errorOutput", RESULT))


def check(definition: Definition, report: Report) -> None:
    """Look at every state in the light of its language."""
    is_jsonata = definition.fields.get("QueryLanguage") == JSONATA
    for state in definition.states:
        if is_jsonata and state.fields.get("QueryLanguage") == JSONPATH:
            message = "the whole machine is JSONata, so no state can be JSONPath"
            report.add(
                "language-mixed",
                f"{state.pointer}/QueryLanguage",
                message,
                refusal=DOWNGRADE,
                refused_at=state.pointer,
            )
        for pointer, name in _foreign_fields(state):
            report_foreign(name, pointer, state.language, report)
        for name, value in state.fields.items():
            if name not in INNER_SCOPES:
                _check_texts(name, value, state, report)
        for expression in expressions(state):
            _check_expression(expression, report)


def _foreign_fields(state: StateNode) -> Iterator[tuple[str, str]]:
    """Fields inside a state's fields that only the other language has."""
    arguments = "Parameters" if state.is_jsonata else "Arguments"
    for holder in ("ItemReader", "ResultWriter"):
        yield from _those(state.fields.get(holder), f"{state.pointer}/{holder}", (arguments,))
    catching = ("ResultPath",) if state.is_jsonata else ("Output",)
    for position, catcher in entries(state.fields.get("Catch")):
        yield from _those(catcher, f"{state.pointer}/Catch/{position}", catching)
    if not state.is_jsonata:
        return
    for position, rule in entries(state.fields.get("Choices")):
        names = tuple(name for name in rule if name not in ("Condition", "Next", "Comment"))
        foreign = tuple(name for name in names if name not in ("Assign", "Output"))
        yield from _those(rule, f"{state.pointer}/Choices/{position}", foreign)
    reader = state.fields.get("ItemReader")
    config = reader.get("ReaderConfig") if isinstance(reader, dict) else None
    yield from _those(config, f"{state.pointer}/ItemReader/ReaderConfig", ("MaxItemsPath",))
    limits = ("MaxItemsPerBatchPath", "MaxInputBytesPerBatchPath")
    yield from _those(state.fields.get("ItemBatcher"), f"{state.pointer}/ItemBatcher", limits)


def _those(holder: Json, pointer: str, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names if isinstance(holder, dict) else ():
        if name in holder:
            yield f"{pointer}/{escape(name)}", name


def _check_texts(field: str, content: Json, state: StateNode, report: Report) -> None:
    for pointer, name, value in all_in(content, f"{state.pointer}/{escape(field)}"):
        if state.is_jsonata and name.endswith(".$"):
            message = f"{name} is JSONPath, and the state {state.name} is JSONata"
            report.add("jsonpath-text", pointer, message)
        elif not state.is_jsonata and is_expression(value):
            message = f"{value} is JSONata, and the state {state.name} is JSONPath"
            report.add("jsonata-text", pointer, message)


def _check_syntax(expression: Expression, report: Report) -> None:
    fault = find_fault(expression.text)
    if fault is not None:
        position, message = fault
        pointer, text = expression.pointer, expression.text
        report.add_inside("jsonata-syntax", pointer, text, position, message)


def _check_expression(expression: Expression, report: Report) -> None:
    if expression.is_jsonata:
        _check_syntax(expression, report)
    for name in sorted(expression.unknown_functions()):
        hint = "AWS leaves $eval out; $parse reads JSON." if name == "eval" else ""
        report.add("function-unknown", expression.pointer, f"there is no function ${name}", hint)
    found = expression.references
    for name in dict.fromkeys(found.bare):
        message = f"{name} stands at the top level, where nothing has fields"
        refusal = f"Reference to '{name}' at the top level is not supported."
        hint = f"Write $states.input.{name}, or ${name} for a variable."
        _refuse_reference(expression, report, message, refusal, hint)
    for name in dict.fromkeys(found.contexts):
        message = f"{name} is nothing here"
        if name == "$$":
            refusal = "Reference to '$$' is not supported."
            _refuse_reference(expression, report, message, refusal, "Write $states.input.")
        else:
            report.add("context-nothing", expression.pointer, message)
    for field in sorted(found.states_fields):
        _check_states(field, expression, report)
    if STATES in found.bound:
        message = "$states belongs to Step Functions"
        report.add("variable-name", expression.pointer, message)


def _refuse_reference(
    expression: Expression, report: Report, message: str, refusal: str, hint: str
) -> None:
    report.add("reference-bare", expression.pointer, message, hint, refusal=refusal)


def _check_states(field: str, expression: Expression, report: Report) -> None:
    message = ""
    if field not in STATES_FIELDS:
        message = f"$states has no {field}"
    elif (field, expression.data) in ABSENT or (expression.data == NEITHER and field in LATER):
        message = f"there is no $states.{field} here"
    if message:
        refusal = f"Field '$states.{field}' does not exist."
        report.add("states-field", expression.pointer, message, refusal=refusal)
