"""ValidateStateMachineDefinition: the lint's findings as AWS's diagnostics."""

from typing import Any

from sfn_local.document import loads
from sfn_local.errors import DefinitionError
from sfn_local.executions.express import check_express
from sfn_local.lint import lint

CODE = "SCHEMA_VALIDATION_FAILED"
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
    diagnostics = [
        _diagnostic("ERROR" if found.is_refused else "WARNING", found.message, found.pointer)
        for found in lint(definition)
    ]
    if machine_type == "EXPRESS":
        try:
            check_express(loads(definition))
        except DefinitionError as error:
            diagnostics.append(_diagnostic("ERROR", error.message, error.pointer))
        except ValueError:
            pass  # the lint has said so
    return sorted(diagnostics, key=lambda each: each["severity"])


def _diagnostic(severity: str, message: str, pointer: str) -> dict[str, str]:
    return {"severity": severity, "code": CODE, "message": message, "location": pointer or "/"}
