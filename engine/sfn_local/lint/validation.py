"""ValidateStateMachineDefinition: the lint's findings as AWS's diagnostics."""

from typing import Any

from sfn_local.document import WORD, complaint, loads
from sfn_local.errors import DefinitionError
from sfn_local.executions.express import check_express
from sfn_local.lint import lint
from sfn_local.lint.finding import Finding
from sfn_local.lint.rules import SCHEMA

SYNTAX = "INVALID_JSON_DESCRIPTION"
LONGEST_SOURCE = 500
MOST_DIAGNOSTICS = 100


def validate(
    definition: str, machine_type: str = "STANDARD", severity: str = "ERROR", most: int = 0
) -> dict[str, Any]:
    """The answer of ValidateStateMachineDefinition.

    With the severity WARNING also what AWS accepts and the lint advises against; at most so many
    diagnostics, 0 for AWS's default.
    """
    diagnostics = _diagnostics(definition, machine_type)
    if severity == "ERROR":
        diagnostics = [each for each in diagnostics if each["severity"] == "ERROR"]
    is_refused = any(each["severity"] == "ERROR" for each in diagnostics)
    most = most or MOST_DIAGNOSTICS
    return {
        "result": "FAIL" if is_refused else "OK",
        "diagnostics": diagnostics[:most],
        "truncated": len(diagnostics) > most,
    }


def _diagnostics(definition: str, machine_type: str) -> list[dict[str, str]]:
    unreadable = find_unreadable(definition)
    if unreadable is not None:
        return [unreadable]
    diagnostics = [
        _diagnostic("ERROR", found.refusal, found.location, found.code)
        if found.is_refused
        else _diagnostic("WARNING", found.message, found.location, found.code)
        for found in in_awss_order(lint(definition, at_rest=False))
    ]
    if machine_type == "EXPRESS":
        try:
            check_express(loads(definition))
        except DefinitionError as error:
            diagnostics.append(_diagnostic("ERROR", error.message, error.pointer))
    once = {tuple(each.values()): each for each in diagnostics}
    return sorted(once.values(), key=lambda each: each["severity"])


def in_awss_order(findings: list[Finding]) -> list[Finding]:
    """Return the findings as AWS lists them: those of no place come last."""
    return sorted(findings, key=lambda found: found.location is None)


def find_unreadable(definition: str) -> dict[str, str] | None:
    """The diagnostic of a definition that is not a JSON object at all."""
    value = None
    if definition.strip():
        try:
            value = loads(definition)
        except ValueError as error:
            said, place = complaint(definition, error), _place(definition, error)
            return {
                "severity": "ERROR",
                "code": SYNTAX,
                "message": f"{said}\n at {place}",
                "location": place,
            }
    if isinstance(value, dict):
        return None
    return {
        "severity": "ERROR",
        "code": SCHEMA,
        "message": "Definition must be a valid JSON object",
    }


def _place(text: str, error: ValueError) -> str:
    """Where a JSON error is, as Java's parser has it: behind the word that it did not know."""
    position = getattr(error, "pos", 0)
    word = WORD.match(text, position)
    position += 0 if word is None else len(word[0])
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    left_out = len(text) - LONGEST_SOURCE
    rest = f"[truncated {left_out} chars]" if left_out > 0 else ""
    return f'[Source: (String)"{text[:LONGEST_SOURCE]}"{rest}; line: {line}, column: {column}]'


def _diagnostic(
    severity: str, message: str, location: str | None, code: str = SCHEMA
) -> dict[str, str]:
    place = {} if location is None else {"location": location or "/"}
    return {"severity": severity, "code": code, "message": message, **place}
