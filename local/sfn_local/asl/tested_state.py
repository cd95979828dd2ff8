"""TestState: one state, run by itself, with or without a mock of its work.

Source: Step Functions API Reference, TestState; Developer Guide, "Testing state machines with
TestState API".
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sfn_local.asl.dataflow import JsonPathFlow
from sfn_local.asl.document import Document, Json, dumps, loads
from sfn_local.asl.errors import (
    DefinitionError,
    InvalidDefinition,
    InvalidExecutionInput,
    RuntimeFailure,
    StateFailure,
    ValidationException,
)
from sfn_local.asl.execution import Execution, Line, Runtime, Visit
from sfn_local.asl.flow import uses_jsonata
from sfn_local.asl.jsonata.flow import JsonataFlow
from sfn_local.asl.lint.model import Definition
from sfn_local.asl.machine import Machine
from sfn_local.asl.recovery import Retriers, find_catcher
from sfn_local.asl.states import Graph, build_graph
from sfn_local.asl.states.item_processor import compile_items, compile_selector
from sfn_local.asl.states.retrying import RetryingState
from sfn_local.asl.states.state import State

LONGEST_SECONDS = 300.0
NAME = "StateName"
MOCKABLE = ("Task", "Map", "Parallel")
NEEDS_MOCK = ("Map", "Parallel")
WAITING = (".sync", ".sync:2", ".waitForTaskToken")
ACTIVITY = ":activity:"
LIMITS = {
    "maxConcurrency": "MaxConcurrency",
    "toleratedFailureCount": "ToleratedFailureCount",
    "toleratedFailurePercentage": "ToleratedFailurePercentage",
}
TOO_MANY_FAILED = "States.ExceedToleratedFailureThreshold"


@dataclass(frozen=True, slots=True)
class Question:
    """What TestState is asked, parsed."""

    name: str
    definition: dict[str, Json]
    input: Document
    variables: dict[str, Json] = field(default_factory=dict)
    context: dict[str, Json] = field(default_factory=dict)
    mock: Document | StateFailure | None = None
    retries_made: int = 0
    failed_iterations: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of the state."""

    status: str = "FAILED"
    output: Document | None = None
    next: str | None = None
    failure: StateFailure | None = None
    result: Document | None = None
    details: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    def answer(self, level: str) -> dict[str, Any]:
        """The answer of TestState at an inspection level."""
        shown: dict[str, Any] = {"status": self.status}
        if self.output is not None:
            shown["output"] = self.output.text
        if self.next is not None:
            shown["nextState"] = self.next
        if self.failure is not None:
            shown |= self.failure.reasons()
        if level != "INFO":
            details = {"errorDetails": self.details} if self.details else {}
            shown["inspectionData"] = {**self.data, **details}
        return shown


def read_question(given: dict[str, Any]) -> Question:
    """The parameters of TestState, checked.

    Raises:
        InvalidDefinition: the definition has no such state.
        ValidationException: the parameters do not fit together, or one of them is no JSON.
    """
    name, state = _find_state(given["definition"], given["stateName"])
    configuration = given["stateConfiguration"] or {}
    mock = _read_mock(given["mock"])
    _check_mock(state, has_mock=mock is not None)
    if given["context"] is not None and mock is None:
        raise ValidationException("A context can only be specified together with a mock")
    return Question(
        name=name,
        definition=state,
        input=_input(given["input"] or "{}"),
        variables=_object(given["variables"], "variables"),
        context=_object(given["context"], "context"),
        mock=mock,
        retries_made=_count(configuration, "retrierRetryCount"),
        failed_iterations=_count(configuration, "mapIterationFailureCount"),
    )


class StateTest:
    """One run of one state; its outcome is there when it is done."""

    def __init__(self, question: Question, runtime: Runtime, account: str) -> None:
        """Compile the state and start it. Needs the lock.

        Raises:
            InvalidDefinition: it is not well formed.
        """
        self._question = question
        self.outcome = Outcome()
        self.is_done = False
        state = _compile(question)
        if isinstance(state, RetryingState):
            self._prepare(state)
        arn = f"arn:aws:states:{runtime.region}:{account}"
        machine = Machine(
            arn=f"{arn}:stateMachine:TestState",
            name="TestState",
            definition="",
            role_arn=f"arn:aws:iam::{account}:role/local",
            graph=Graph(state, {question.name: state}),
            timeout=None,
            created=runtime.scheduler.clock.time(),
        )
        name = runtime.new_uuid()
        execution = Execution(
            f"{arn}:execution:TestState:{name}",
            name,
            machine,
            question.input,
            runtime,
            lambda _: None,
            keeps_history=False,
        )
        line = Line(execution, 0, variables=dict(question.variables))
        self._strand = runtime.scheduler.spawn(lambda: self._run(state, line))

    def cancel(self) -> None:
        """End it: it has lasted too long. Needs the lock."""
        self._strand.cancel()
        self.outcome.failure = StateFailure("States.Timeout", None)

    def _prepare(self, state: RetryingState) -> None:
        """Let the state report what it would do, instead of retrying; and mock its work."""
        state.retriers = _Probe(state.retriers, self._question.retries_made)
        attempt: Callable[[Visit], Awaitable[Document]] = state.attempt

        async def observed(visit: Visit) -> Document:
            mock = self._question.mock
            if mock is None:
                self.outcome.result = await attempt(visit)
                return self.outcome.result
            if state.type != "Map":
                state.flow.arguments(visit)
            self._check_tolerance()
            if isinstance(mock, StateFailure):
                raise mock
            self.outcome.result = mock
            return mock

        state.attempt = observed  # type: ignore[method-assign]

    def _check_tolerance(self) -> None:
        failed = self._question.failed_iterations
        tolerated = self._question.definition.get("ToleratedFailureCount", 0)
        if isinstance(tolerated, int) and failed > tolerated:
            cause = f"{failed} iterations failed, and {tolerated} may"
            raise StateFailure(TOO_MANY_FAILED, cause)

    async def _run(self, state: State, line: Line) -> None:
        visit = _TestedVisit(line, state, self._question)
        outcome = self.outcome
        try:
            outcome.output, outcome.next = await state.execute(visit)
            outcome.status = "SUCCEEDED"
        except _WouldRetryError as would:
            outcome.status, outcome.failure = "RETRIABLE", would.failure
            outcome.details = {
                "retryIndex": would.position,
                "retryBackoffIntervalSeconds": round(would.delay),
            }
        except RuntimeFailure as failure:
            outcome.failure = visit.explain(failure)
        except StateFailure as failure:
            outcome.failure = failure
        if isinstance(state, RetryingState) and state.retriers.last is not None:
            self._note_catch(state, state.retriers.last)
        self._inspect(visit)
        if outcome.output is not None:
            visit.exit(outcome.output)
        if line.variables:
            outcome.data["variables"] = dumps(line.variables)
        self.is_done = True

    def _note_catch(self, state: RetryingState, failure: StateFailure) -> None:
        """Where a catcher has led on from a failure."""
        catcher = find_catcher(state.catchers, failure)
        if self.outcome.status == "SUCCEEDED" and catcher is not None:
            self.outcome.status, self.outcome.failure = "CAUGHT_ERROR", failure
            self.outcome.details = {"catchIndex": state.catchers.index(catcher)}

    def _inspect(self, visit: Visit) -> None:
        """Note the stages of the data flow that were reached."""
        fields, outcome = self._question.definition, self.outcome
        note = _Notes(outcome.data)
        outcome.data["input"] = visit.input.text
        if uses_jsonata(fields):
            note("afterArguments", lambda: _jsonata(fields, "Arguments").arguments(visit))
            note("result", lambda: outcome.result)
            return
        note("afterInputPath", lambda: _flow(fields, "InputPath").input(visit))
        if fields["Type"] == "Map":
            self._inspect_map(visit, note)
        elif fields["Type"] in ("Task", "Parallel", "Pass"):
            arguments = _flow(fields, "InputPath", "Parameters")
            note("afterParameters", lambda: arguments.arguments(visit))
            if fields["Type"] == "Pass" and outcome.status == "SUCCEEDED":
                given = fields.get("Result")
                has_result = "Result" in fields
                outcome.result = Document(given) if has_result else arguments.arguments(visit)
        result = outcome.result
        if result is not None:
            note("result", lambda: result)
            selected = _flow(fields, "ResultSelector")
            note("afterResultSelector", lambda: selected.output(visit, result))
            placed = _flow(fields, "ResultSelector", "ResultPath")
            note("afterResultPath", lambda: placed.output(visit, result))

    def _inspect_map(self, visit: Visit, note: "_Notes") -> None:
        fields = self._question.definition
        for name, own in LIMITS.items():
            if isinstance(fields.get(own), (int, float)):
                self.outcome.data[name] = fields[own]
        document = _flow(fields, "InputPath").input(visit)
        if "ItemReader" in fields:
            return
        items = compile_items(fields)(visit, document)
        note("afterItemsPath", lambda: Document(items))
        selector = compile_selector(fields)
        if selector is not None and isinstance(items, list):
            selected = [
                selector(visit, document, {"Index": index, "Value": value})
                for index, value in enumerate(items)
            ]
            note("afterItemSelector", lambda: Document(selected))


class _WouldRetryError(Exception):
    def __init__(self, failure: StateFailure, position: int, delay: float) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.position = position
        self.delay = delay


class _Probe(Retriers):
    """Retriers that say what they would do; last is the failure that they were asked about."""

    def __init__(self, retriers: Retriers, made: int) -> None:
        super().__init__(retriers.entries)
        self._made = made

    def delay(self, visit: Visit, failure: StateFailure, attempts: dict[int, int]) -> float | None:
        self.last = failure
        counted = dict.fromkeys(range(len(self.entries)), self._made)
        delay = super().delay(visit, failure, counted)
        if delay is None:
            return None
        position = next(index for index, made in counted.items() if made != self._made)
        attempts.update(counted)
        raise _WouldRetryError(failure, position, delay)


class _TestedVisit(Visit):
    """A visit whose context object the caller may have given."""

    __slots__ = ("_given",)

    def __init__(self, line: Line, state: State, question: Question) -> None:
        self._given = question.context
        super().__init__(line, state, question.input)

    def context(self, item: Json = None) -> dict[str, Json]:
        context: dict[str, Json] = _merged(super().context(item), self._given)
        return context


class _Notes:
    """Notes the stages of a data flow until one of them fails."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._has_failed = False

    def __call__(self, name: str, make: Callable[[], Document | None]) -> None:
        if self._has_failed:
            return
        try:
            document = make()
        except StateFailure:
            self._has_failed = True
            return
        if document is not None:
            self._data[name] = document.text


def _flow(fields: dict[str, Json], *names: str) -> JsonPathFlow:
    """A data flow with some of a state's fields."""
    return JsonPathFlow({name: fields[name] for name in names if name in fields})


def _jsonata(fields: dict[str, Json], *names: str) -> JsonataFlow:
    return JsonataFlow({name: fields[name] for name in names if name in fields})


def _merged(base: Json, given: Json) -> Json:
    if not isinstance(base, dict) or not isinstance(given, dict):
        return given
    return {**base, **{name: _merged(base.get(name), value) for name, value in given.items()}}


def _find_state(text: str, name: str | None) -> tuple[str, dict[str, Json]]:
    try:
        definition = loads(text)
    except ValueError as error:
        raise InvalidDefinition(f"the definition is no JSON: {error}") from None
    if not isinstance(definition, dict):
        raise InvalidDefinition("the definition must be a JSON object")
    if name is None:
        language = definition.get("QueryLanguage", "JSONPath")
        return NAME, {**definition, "QueryLanguage": language}
    for state in Definition(definition).states:
        if state.name == name:
            return name, {**state.fields, "QueryLanguage": state.language}
    raise InvalidDefinition(f"State not found: {name}")


def _compile(question: Question) -> State:
    """The state, in a graph in which each of its targets is a Succeed state."""
    definition = question.definition
    wrapped = {question.name: definition}
    targets = Definition({"StartAt": question.name, "States": wrapped}).scopes[0].states
    for _, target in targets[question.name].targets():
        wrapped.setdefault(target, {"Type": "Succeed"})
    try:
        return build_graph({"StartAt": question.name, "States": wrapped}).start
    except DefinitionError as error:
        pointer = error.pointer.removeprefix(f"/States/{question.name}")
        reason = f"SCHEMA_VALIDATION_FAILED: {error.message} at {pointer or '/'}"
        raise InvalidDefinition(reason) from None


def _read_mock(mock: Json) -> Document | StateFailure | None:
    if mock is None:
        return None
    result, error = mock.get("result"), mock.get("errorOutput")
    if (result is None) == (error is None):
        raise ValidationException("A mock must have either a result or an errorOutput")
    if isinstance(result, str):
        return _input(result)
    name = error.get("error") if isinstance(error, dict) else None
    if not isinstance(name, str):
        raise ValidationException("mock.errorOutput must have an error")
    cause = error.get("cause")
    return StateFailure(name, None if cause is None else str(cause))


def _check_mock(state: dict[str, Json], *, has_mock: bool) -> None:
    kind, resource = state.get("Type"), str(state.get("Resource", ""))
    if has_mock and kind not in MOCKABLE:
        raise ValidationException(f"State type '{kind}' is not supported when a mock is specified")
    if has_mock:
        return
    if kind in NEEDS_MOCK:
        raise InvalidDefinition(f"State type '{kind}' is only supported when a mock is specified")
    if kind == "Task" and (resource.endswith(WAITING) or ACTIVITY in resource):
        raise InvalidDefinition(f"Resource {resource} is only supported when a mock is specified")


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


def _count(configuration: dict[str, Json], name: str) -> int:
    value = configuration.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValidationException(f"{name} must be an integer of at least 0")
    return value
