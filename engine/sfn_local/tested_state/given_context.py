"""The context object that a caller of TestState gives in the place of the execution's own.

Source: Step Functions API Reference, TestState, context; texts recorded from AWS.
"""

from typing import Any

from sfn_local.document import Json, loads
from sfn_local.errors import ValidationException
from sfn_local.language.catalogue import WAITING

NUMBER = (int, float)
FIELDS: dict[str, dict[str, tuple[type | tuple[type, ...], str]]] = {
    "Execution": {
        "Id": (str, "a string"),
        "Input": (object, "any value"),
        "Name": (str, "a string"),
        "RedriveCount": (NUMBER, "a number"),
        "RedriveTime": (str, "a string"),
        "RoleArn": (str, "a string"),
        "StartTime": (str, "a string"),
    },
    "State": {
        "EnteredTime": (str, "a string"),
        "Name": (str, "a string"),
        "RetryCount": (NUMBER, "a number"),
    },
    "StateMachine": {"Id": (str, "a string"), "Name": (str, "a string")},
    "Task": {"Token": (str, "a string")},
}


def read_context(state: dict[str, Json], text: str) -> dict[str, Json]:
    """The context object in a text, checked.

    Raises:
        ValidationException: it is not a JSON object, or has a field that no context object has.
    """
    try:
        context = loads(text)
    except ValueError:
        context = None
    if not isinstance(context, dict):
        raise _refusal("it must be a JSON object")
    for name, value in context.items():
        _check_part(name, value)
    is_waiting = str(state.get("Resource", "")).endswith(WAITING)
    if "Task" in context and not (state.get("Type") == "Task" and is_waiting):
        raise _refusal(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or "
            "'.waitForTaskToken' service integration pattern"
        )
    return context


def _check_part(name: str, value: Any) -> None:
    if name == "Map":
        raise _refusal("'Map' field is not supported when mocking a Context object")
    if name not in FIELDS:
        raise _refusal(f"Field '{name}' is not allowed")
    if not isinstance(value, dict):
        raise _refusal(f"{name} must be an object")
    for inner, given in value.items():
        if inner not in FIELDS[name]:
            raise _refusal(f"Field '{inner}' is not allowed")
        kind, words = FIELDS[name][inner]
        if not isinstance(given, kind) or (kind is NUMBER and isinstance(given, bool)):
            raise _refusal(f"{name}.{inner} must be {words}")


def _refusal(why: str) -> ValidationException:
    return ValidationException(f"Invalid Context object provided: {why}")
