"""Fields: their names, types and ranges."""

from sfn_local.document import Json
from sfn_local.lint.finding import Report, not_supported, only_one_of, required
from sfn_local.lint.json_positions import children, escape
from sfn_local.lint.model import JSONATA, JSONPATH, Definition, StateNode, objects_at
from sfn_local.lint.schema import (
    COMMON,
    INTEGER,
    JSONATA_ONLY,
    JSONPATH_ONLY,
    MACHINE,
    NUMBER,
    OBJECTS,
    PROCESSOR,
    REQUIRED,
    STATES,
    Field,
)
from sfn_local.words import closest

TYPES = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")  # AWS's order
WITH_PATHS = (
    "TimeoutSeconds",
    "HeartbeatSeconds",
    "Error",
    "Cause",
    "MaxConcurrency",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
)


def check(definition: Definition, report: Report) -> None:
    """Look at every field of the definition."""
    _check_fields(definition.fields, "", MACHINE, report, "the state machine")
    _check_machine(definition, report)
    for scope in definition.scopes:
        _check_states_object(scope.fields, scope.pointer, report)
    for scope in definition.scopes[1:]:
        is_processor = scope.pointer.endswith(("/ItemProcessor", "/Iterator"))
        allowed = PROCESSOR if is_processor else OBJECTS["Branch"]
        _check_fields(scope.fields, scope.pointer, allowed, report, "this scope")
    for state in definition.states:
        _check_state(state, report)


def _check_machine(definition: Definition, report: Report) -> None:
    if not definition.fields.get("Comment"):
        report.add("comment-missing", "", "the machine has no Comment")
    waits = any(state.type == "Wait" or state.is_callback for state in definition.states)
    if waits and "TimeoutSeconds" not in definition.fields:
        message = "the machine waits, and has no TimeoutSeconds"
        report.add("machine-timeout-missing", "", message)


def _check_states_object(fields: dict[str, Json], pointer: str, report: Report) -> None:
    missing = [name for name in ("States", "StartAt") if name not in fields]
    for name in reversed(missing):
        report.add("field-missing", pointer, f"{name} is missing", refusal=required(*missing))
    states = fields.get("States")
    if isinstance(states, dict):
        if not states:
            report.add("field-missing", f"{pointer}/States", "there is no state")
        for name, state in states.items():
            if not isinstance(state, dict):
                where = f"{pointer}/States/{escape(name)}"
                report.add("field-type", where, f"the state {name} must be an object")


def _check_state(state: StateNode, report: Report) -> None:
    if state.type not in STATES:
        _report_type(state, report)
        return
    allowed = COMMON | STATES[state.type]
    _check_fields(state.fields, state.pointer, allowed, report, f"a {state.type} state")
    _check_language(state, report)
    missing = [name for name in REQUIRED.get(state.type, ()) if name not in state.fields]
    for name in missing:
        message = f"the state {state.name} has no {name}"
        report.add("field-missing", state.pointer, message, refusal=required(*missing))
    for name in WITH_PATHS:
        if name in state.fields and f"{name}Path" in state.fields:
            report_pair(name, state.pointer, report)


def report_pair(name: str, pointer: str, report: Report) -> None:
    """Report a field that an object has beside its Path."""
    message = f"{name} and {name}Path exclude each other"
    refusal = only_one_of(name, f"{name}Path")
    where = f"{pointer}/{name}Path"
    report.add("value-and-path", where, message, refusal=refusal, refused_at=pointer)


def _report_type(state: StateNode, report: Report) -> None:
    given = state.fields.get("Type")
    if given is None:
        message = f"the state {state.name} has no Type"
        report.add("field-missing", state.pointer, message, refusal=required("Type"))
        return
    message = f"there is no type of states {given!r}"
    hint = _did_you_mean(str(given).capitalize(), STATES)
    refusal = _one_of("Type", TYPES)
    report.add("type-unknown", f"{state.pointer}/Type", message, hint, refusal=refusal)


def _limit(value: float, field: Field) -> str:
    """Return AWS's text about a number outside of its range."""
    word, limit = ("Minimum", field.least) if value < field.least else ("Maximum", field.most)
    return f"{word} value is {float(limit) if field.description == NUMBER else limit}"


def _one_of(name: str, values: tuple[str, ...]) -> str:
    return f"The field '{name}' should have one of these values: [{', '.join(values)}]"


def _check_language(state: StateNode, report: Report) -> None:
    excluded = JSONPATH_ONLY if state.is_jsonata else JSONATA_ONLY
    for name in excluded.get(state.type, ()):
        if name in state.fields:
            report_foreign(name, f"{state.pointer}/{name}", state.language, report)


def report_foreign(name: str, where: str, language: str, report: Report) -> None:
    """Report a field that only the other query language has."""
    other = JSONATA if language == JSONPATH else JSONPATH
    refusal = (
        f"The QueryLanguage is set to '{language}', but field '{name}' is only supported for the "
        f"'{other}' QueryLanguage"
    )
    message, at = f"{name} is not a field of a {language} state", where.rpartition("/")[0]
    report.add("language-mixed", where, message, refusal=refusal, refused_at=at)


def _check_fields(
    fields: dict[str, Json], pointer: str, allowed: dict[str, Field], report: Report, what: str
) -> None:
    for where, name, value in children(fields, pointer):
        if name in allowed:
            _check_value(value, where, name, allowed[name], report)
        else:
            _report_unknown(name, where, allowed, report, what)


def _report_unknown(
    name: str, where: str, allowed: dict[str, Field], report: Report, what: str
) -> None:
    elsewhere = [kind for kind, fields in STATES.items() if name in fields]
    message, at = f"{what} has no {name}", where.rpartition("/")[0]
    refusal = not_supported(name)
    if name in COMMON | MACHINE or elsewhere:
        hint = f"It belongs to {' and '.join(elsewhere)} states." if elsewhere else ""
        report.add("field-misplaced", where, message, hint, refusal=refusal, refused_at=at)
        return
    hint = _did_you_mean(name, allowed)
    report.add("field-unknown", where, message, hint, refusal=refusal, refused_at=at)


def _did_you_mean(name: str, known: dict[str, Field] | dict[str, dict[str, Field]]) -> str:
    close = closest(name, known, 0.75)
    return f"Did you mean {close}?" if close else ""


def _check_value(value: Json, where: str, name: str, field: Field, report: Report) -> None:
    if field.accepts_expression and isinstance(value, str) and value.startswith("{%"):
        return
    if not field.accepts(value):
        refusal = "Expected value of type Integer" if field.description == INTEGER else ""
        report.add("field-type", where, f"{name} must be {field.description}", refusal=refusal)
        return
    if field.choices and value not in field.choices:
        message = f"{name} must be one of {', '.join(field.choices)}"
        report.add("choice-of-values", where, message, refusal=_one_of(name, field.choices))
    if field.is_number and not field.least <= value <= field.most:
        message = f"{name} must be from {field.least:,} to {field.most:,}, not {value:,}"
        report.add("number-range", where, message, refusal=_limit(value, field))
    for inner, inner_where in objects_at(value, where) if field.object else ():
        _check_fields(inner, inner_where, OBJECTS[field.object], report, name)
        for needed in field.required:
            if needed not in inner:
                message, refusal = f"{name} has no {needed}", required(needed)
                report.add("field-missing", inner_where, message, refusal=refusal)
