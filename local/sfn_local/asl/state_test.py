"""TestState: one state, run alone, with what became of its data on the way.

Source: Step Functions Developer Guide, "Using TestState API to test a state in Step Functions";
API Reference, TestState.
"""

from dataclasses import dataclass, field
from typing import Any

from sfn_local.asl.document import Document, Json, loads
from sfn_local.asl.errors import (
    DefinitionError,
    InvalidDefinition,
    InvalidExecutionInput,
    StateFailure,
    ValidationException,
)
from sfn_local.asl.execution import Execution, Line, Runtime
from sfn_local.asl.express import LONGEST_SECONDS
from sfn_local.asl.machine import Machine
from sfn_local.asl.states import Graph, build_state
from sfn_local.asl.states.state import State

LEVELS = ("INFO", "DEBUG", "TRACE")
NAME = "state"


class Probe:
    """What a state under test is given, and what it shows."""

    def __init__(self, mock: Document | StateFailure | None, retries: int) -> None:
        """With a mock its work is not done; retries are those that were made before."""
        self.mock = mock
        self.retries = retries
        self.next: str | None = None
        self.is_caught = False
        self.is_retriable = False
        self.shown: dict[str, str] = {}

    def next_answer(self, _state: str) -> Document | StateFailure | None:
        """What the state's task answers, as a MockCase does."""
        return self.mock

    def show(self, name: str, document: Document) -> None:
        """Keep a step of the data flow."""
        self.shown.setdefault(name, document.text)


class Alone(Graph):
    """A graph of one state, whatever follows it."""

    __slots__ = ("_probe", "_variables")

    def __init__(self, state: State, probe: Probe, variables: dict[str, Json]) -> None:
        """The variables are there when it is entered."""
        super().__init__(state, {})
        self._probe = probe
        self._variables = variables

    async def run(self, line: Line, document: Document) -> Document:
        """Visit the state; what follows is kept, not visited.

        Raises:
            StateFailure: the state failed, and did not catch it.
        """
        line.variables = self._variables
        output, self._probe.next = await self.start.run(line, document)
        return output


@dataclass(frozen=True, slots=True)
class StateTest:
    """The parameters of TestState."""

    definition: str
    input: str = "{}"
    level: str = "INFO"
    role_arn: str = ""
    state_name: str | None = None
    variables: str = "{}"
    mock: dict[str, Any] | None = None
    configuration: dict[str, Any] = field(default_factory=dict)

    def start(self, runtime: Runtime, account: str) -> tuple[Execution, Probe]:
        """An execution of the state; nobody else knows it.

        Raises:
            InvalidDefinition: the state is not well formed.
            InvalidExecutionInput: the input or the variables are no JSON.
            ValidationException: the mock is none.
        """
        probe = Probe(_read_mock(self.mock), int(self.configuration.get("retrierRetryCount", 0)))
        name, state = self._build()
        variables = _read(self.variables)
        arn = f"arn:aws:states:{runtime.region}:{account}:stateMachine:test"
        machine = Machine(
            arn,
            "test",
            self.definition,
            self.role_arn,
            Alone(state, probe, variables if isinstance(variables, dict) else {}),
            LONGEST_SECONDS,
            runtime.scheduler.clock.time(),
        )
        document = Document(_read(self.input), self.input)
        execution = Execution(f"{arn}:{name}", name, machine, document, runtime, _ignore)
        execution.probe = probe
        execution.mocks = None if probe.mock is None else probe
        execution.start()
        return execution, probe

    def answer(self, execution: Execution, probe: Probe) -> dict[str, Any]:
        """The answer of TestState, once the execution has ended."""
        answer: dict[str, Any] = {"status": _status(execution, probe)}
        given = {
            "output": execution.output,
            "error": execution.error or probe.shown.pop("error", None),
            "cause": execution.cause or probe.shown.pop("cause", None),
            "nextState": probe.next,
        }
        answer |= {name: text for name, text in given.items() if text is not None}
        if self.level != "INFO":
            answer["inspectionData"] = {"input": self.input, **probe.shown}
        return answer

    def _build(self) -> tuple[str, State]:
        try:
            value = loads(self.definition)
        except ValueError as error:
            raise InvalidDefinition(f"INVALID_JSON_DESCRIPTION: {error}") from None
        name, language = self.state_name or NAME, "JSONPath"
        if self.state_name is not None and isinstance(value, dict):
            language = value.get("QueryLanguage", language)
            value = value.get("States", {}).get(self.state_name)
        try:
            return name, build_state(name, value, language)
        except DefinitionError as error:
            reason = f"SCHEMA_VALIDATION_FAILED: {error.message} at {error.pointer or '/'}"
            raise InvalidDefinition(reason) from None


def _status(execution: Execution, probe: Probe) -> str:
    if probe.is_retriable:
        return "RETRIABLE"
    if execution.status != "SUCCEEDED":
        return "FAILED"
    return "CAUGHT_ERROR" if probe.is_caught else "SUCCEEDED"


def _read(text: str) -> Json:
    try:
        return loads(text)
    except ValueError as error:
        raise InvalidExecutionInput(str(error)) from None


def _read_mock(mock: dict[str, Any] | None) -> Document | StateFailure | None:
    if mock is None:
        return None
    result, error = mock.get("result"), mock.get("errorOutput")
    if (result is None) == (error is None):
        raise ValidationException("a mock has either a result or an errorOutput")
    if isinstance(error, dict):
        return StateFailure(error.get("error"), error.get("cause"))
    return Document(_read(str(result)))


def _ignore(_: Execution) -> None:
    """Nobody is told of a test."""
