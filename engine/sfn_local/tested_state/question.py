"""The parameters of TestState: the state, its data, and the mock of its work."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfn_local.document import Document, Json, loads
from sfn_local.errors import (
    InvalidDefinition,
    InvalidExecutionInput,
    StateFailure,
    UntestableState,
    ValidationException,
)
from sfn_local.language.catalogue import WAITING
from sfn_local.lint.model import Definition
from sfn_local.tested_state.given_context import read_context
from sfn_local.tested_state.mock_results import check_result

NAME = "StateName"
MOCKABLE = ("Task", "Map", "Parallel")
NEEDS_MOCK = ("Map", "Parallel")
ACTIVITY = ":activity:"


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of TestState, parsed."""

    name: str
    definition: dict[str, Json]
    input: Document
    role_arn: str | None = None
    variables: dict[str, Json] = field(default_factory=dict)
    context: dict[str, Json] | None = None
    mock: Document | StateFailure | None = None
    retries_made: int = 0
    failed_iterations: int = 0
    reader_data: str | None = None


def read_question(given: Mapping[str, Any]) -> Question:
    """The parameters of TestState, checked.

    Raises:
        InvalidDefinition: the definition is not JSON.
        ValidationException: it has no such state, or the parameters do not fit together.
    """
    name, state = _find_state(given["definition"], given["stateName"])
    configuration = given["stateConfiguration"] or {}
    mock = _read_mock(state, given["mock"])
    failed = configuration.get("mapIterationFailureCount") or 0
    _check_iterations(configuration, failed, mock)
    _check_mock(state, given, has_mock=mock is not None)
    _check_origin(state, configuration.get("errorCausedByState"), mock)
    return Question(
        name=name,
        definition=state,
        input=_input(given["input"] or "{}"),
        role_arn=given["roleArn"],
        variables=_object(given["variables"], "variables"),
        context=None if given["context"] is None else read_context(state, given["context"]),
        mock=mock,
        retries_made=configuration.get("retrierRetryCount") or 0,
        failed_iterations=failed,
        reader_data=_reader_data(state, configuration.get("mapItemReaderData")),
    )


def _find_state(text: str, name: str | None) -> tuple[str, dict[str, Json]]:
    try:
        definition = loads(text)
    except ValueError as error:
        raise InvalidDefinition(f"the definition is not JSON: {error}") from None
    if not isinstance(definition, dict):
        raise InvalidDefinition("the definition must be a JSON object")
    if name is None:
        language = definition.get("QueryLanguage", "JSONPath")
        return NAME, {**definition, "QueryLanguage": language}
    for state in Definition(definition).states:
        if state.name == name:
            return name, {**state.fields, "QueryLanguage": state.language}
    raise ValidationException("State not found in definition")


def _read_mock(state: dict[str, Json], mock: Json) -> Document | StateFailure | None:
    if mock is None:
        return None
    result, error = mock.get("result"), mock.get("errorOutput")
    if result is not None and error is not None:
        raise ValidationException(
            "A test mock should have only one of the following fields: [result, errorOutput]."
        )
    if result is not None:
        return _read_result(state, result, mock.get("fieldValidationMode") or "STRICT")
    if error is None or error.get("error") is None:
        raise ValidationException("A mock must have a result, or an errorOutput with an error")
    return StateFailure(error["error"], error.get("cause"))


def _read_result(state: dict[str, Json], text: str, mode: str) -> Document:
    try:
        document = Document.parse(text)
    except ValueError:
        raise ValidationException("Mocked result must be valid JSON") from None
    kind, value = state.get("Type"), document.value
    if kind == "Map" and "ResultWriter" in state and not isinstance(value, dict):
        raise ValidationException("Mocked result must be a JSON object.")
    is_list_due = kind == "Parallel" or (kind == "Map" and "ResultWriter" not in state)
    if is_list_due and not isinstance(value, list):
        raise ValidationException("Mocked result must be an array.")
    branches = state.get("Branches")
    if kind == "Parallel" and isinstance(branches, list) and len(value) != len(branches):
        raise ValidationException(
            "Mocked result must contain the same number of items as number of Parallel branches."
        )
    if kind == "Task":
        check_result(str(state.get("Resource", "")), value, mode)
    return document


def _check_mock(state: dict[str, Json], given: Mapping[str, Any], *, has_mock: bool) -> None:
    kind, resource = state.get("Type"), str(state.get("Resource", ""))
    if has_mock:
        if kind not in MOCKABLE:
            raise ValidationException(
                f"State type '{kind}' is not supported when a mock is specified"
            )
        if given["revealSecrets"]:
            raise ValidationException(
                "TestState does not support RevealSecrets when a mock is specified."
            )
        return
    if given["context"] is not None:
        raise ValidationException("A context can only be specified together with a mock")
    if kind in NEEDS_MOCK:
        raise UntestableState(
            "TestState API does not support Map or Parallel states. Supported state types "
            "include: [Task, Wait, Pass, Succeed, Fail, Choice]"
        )
    if kind == "Task" and (resource.endswith(WAITING) or ACTIVITY in resource):
        raise InvalidDefinition(f"Resource {resource} is only supported when a mock is specified")
    if kind == "Task" and given["roleArn"] is None:
        raise ValidationException("RoleArn must be specified when testing a Task state")


def _check_iterations(
    configuration: dict[str, Any], failed: int, mock: Document | StateFailure | None
) -> None:
    if configuration.get("mapIterationFailureCount") is None:
        return
    if mock is None:
        raise ValidationException(
            "TestState does not support MapIterationFailureCount when a mock is not specified."
        )
    iterations = mock.value if isinstance(mock, Document) else None
    if isinstance(iterations, list) and failed > len(iterations):
        raise ValidationException(
            "Map iteration failure count must be less than or equal to the number of Map iterations"
        )


def _check_origin(
    state: dict[str, Json], origin: str | None, mock: Document | StateFailure | None
) -> None:
    """See that an error can come from the state that is named as its origin."""
    if origin is None:
        return
    if state.get("Type") not in NEEDS_MOCK or not isinstance(mock, StateFailure):
        raise ValidationException(
            "errorCausedByState needs a Map or Parallel state and a mock with an errorOutput"
        )
    inner = [each.name for each in Definition({"States": {NAME: state}}).states][1:]
    if origin not in inner:
        raise ValidationException(
            f"errorCausedByState names no state inside: '{origin}'; there are: {', '.join(inner)}"
        )


def _reader_data(state: dict[str, Json], text: str | None) -> str | None:
    if text is not None and "ItemReader" not in state:
        raise ValidationException("mapItemReaderData needs a Map state with an ItemReader")
    return text


def _input(text: str) -> Document:
    try:
        return Document.parse(text)
    except ValueError as error:
        raise InvalidExecutionInput(str(error)) from None


def _object(text: str | None, what: str) -> dict[str, Json]:
    value = {} if text is None else _input(text).value
    if not isinstance(value, dict):
        raise InvalidExecutionInput(f"{what} must be a JSON object")
    return value
