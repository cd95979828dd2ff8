"""An execution that ran elsewhere, as its history tells it, and its replay here.

Its tasks answer in a replay what they answered then, so that the replay takes the same path. A
Distributed Map is taken as one task: its children are not in the history.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sfn_local import Engine, FunctionError, InlineFunctions, VirtualClock, function_name
from sfn_local.document import Document, Json
from sfn_local.errors import StateFailure
from sfn_local.lint.model import Definition
from sfn_local.mocks import Answer, ListedMocks
from sfn_local.trace import ENDS, Step, details_of, logged_events, owners, stopped_in, trace

CASE = "Recorded"
OF_TASKS = ("Task", "LambdaFunction", "Activity")
FAILURES = ("Failed", "TimedOut")
TIMEOUT = "States.Timeout"
MOST_EVENTS = 24_999
REDRIVABLE_DAYS = 14
MAP_AS_TASK = "arn:aws:states:::aws-sdk:recorded:distributedMap"
OF_MAPS = ("ItemProcessor", "ItemReader", "ItemBatcher", "ItemSelector", "ResultWriter", "Label")
OF_DATA = (
    "ItemsPath",
    "Items",
    "ResultSelector",
    "ResultPath",
    "OutputPath",
    "Output",
    "InputPath",
)

Handler = Callable[[Json], Json]
EXPRESS = ":express:"
"""Part of the ARNs of an EXPRESS machine's executions."""


class RecordingError(ValueError):
    """A text is not a history."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A history, read; answers are by state, in the order of the calls."""

    events: list[dict[str, Any]]
    steps: list[Step]
    stopped: list[Step]
    answers: dict[str, list[Answer]]
    is_express: bool = False

    @property
    def input(self) -> str:
        """The execution's input, a JSON text."""
        return str(details_of(self.events[0]).get("input", "{}"))

    @property
    def status(self) -> str:
        """How it ended; RUNNING where it has not."""
        return ENDS.get(self.events[-1]["type"], "RUNNING")

    @property
    def error(self) -> str | None:
        """The error that it ended with."""
        return details_of(self.events[-1]).get("error")

    @property
    def cause(self) -> str | None:
        """The cause of that error."""
        return details_of(self.events[-1]).get("cause")

    @property
    def caught(self) -> list[Step]:
        """The visits whose error a Catch has taken, so that the execution went on."""
        return [step for step in self.steps if step.was_caught]

    def not_redrivable_because(self, now: datetime) -> str | None:
        """Why AWS would not redrive it; None if it would."""
        ended = _moment(self.events[-1]["timestamp"])
        if self.is_express:
            return "its machine is EXPRESS; start it again with the same input"
        if self.status not in ("FAILED", "TIMED_OUT", "ABORTED"):
            return f"it is {self.status}"
        if len(self.events) >= MOST_EVENTS:
            return f"it has {len(self.events):,} events; up to {MOST_EVENTS - 1:,} can be redriven"
        if (now - ended).days >= REDRIVABLE_DAYS:
            return f"it ended more than {REDRIVABLE_DAYS} days ago"
        return None


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a replay."""

    described: dict[str, Any]
    events: list[dict[str, Any]]

    def difference(self, recording: Recording) -> str | None:
        """Where its path or data first differ from what was recorded; None if they do not."""
        steps = trace(self.events)
        for number, (then, now) in enumerate(zip(recording.steps, steps, strict=False), start=1):
            if then.name != now.name:
                return f"step {number} is {now.name}, and was {then.name}"
            if not _same(then.input, now.input):
                return f"the input of {now.name} is {now.input}, and was {then.input}"
        if len(steps) != len(recording.steps):
            is_now = len(steps) > len(recording.steps)
            longer = steps if is_now else recording.steps
            first = longer[min(len(steps), len(recording.steps))]
            return f"only {'now' if is_now else 'then'} it came to {first.name}"
        return None


def read(text: str) -> Recording:
    """The recording in the JSON of GetExecutionHistory, or in the lines of an EXPRESS log.

    Raises:
        RecordingError: it is neither.
    """
    try:
        events, is_express = _events(text)
        if events[0]["type"] != "ExecutionStarted":
            raise RecordingError("the history does not begin with ExecutionStarted")
        return Recording(events, trace(events), stopped_in(events), _answers(events), is_express)
    except (AttributeError, IndexError, KeyError, TypeError, json.JSONDecodeError) as error:
        message = f"this is not an answer of GetExecutionHistory ({type(error).__name__}: {error})"
        raise RecordingError(message) from None


def _answers(events: list[dict[str, Any]]) -> dict[str, list[Answer]]:
    """Return the answers of each state's tasks, in the order of their calls.

    A failure that a redrive has overtaken is left out.
    """
    by_id, owner = {event["id"]: event for event in events}, owners(events)
    found: dict[str, list[tuple[int, Answer]]] = defaultdict(list)
    for position, event in enumerate(events):
        answer, step = _answer(event), owner.get(event["id"])
        if answer is not None and step is not None:
            found[step.name].append((_scheduled(event, by_id), answer))
        if event["type"] == "ExecutionRedriven":
            for stopped in stopped_in(events[:position]):
                if found[stopped.name] and isinstance(found[stopped.name][-1][1], StateFailure):
                    found[stopped.name].pop()
    answers = {
        name: [answer for _, answer in sorted(listed, key=lambda each: each[0])]
        for name, listed in found.items()
    }
    for step in trace(events):
        if step.is_distributed:
            answers.setdefault(step.name, []).append(_map_answer(step))
    return answers


def _scheduled(event: dict[str, Any], by_id: dict[int, dict[str, Any]]) -> int:
    """The event with which the call began whose end this one is."""
    while not event["type"].endswith("Scheduled") and event["previousEventId"] in by_id:
        event = by_id[event["previousEventId"]]
    return int(event["id"])


def mock_configuration(machine: str, recording: Recording) -> dict[str, Json]:
    """A MockConfigFile.json with one test case, Recorded: the tasks answer as they did."""
    responses = {
        f"{state}_{CASE}": {str(call): _mocked(answer) for call, answer in enumerate(answers)}
        for state, answers in recording.answers.items()
    }
    case = {state: f"{state}_{CASE}" for state in recording.answers}
    return {
        "StateMachines": {machine: {"TestCases": {CASE: case}}},
        "MockedResponses": responses,
    }


def file_case(name: str, recording: Recording) -> dict[str, Json]:
    """Return the recording as a case of `sfn-local test`: the same answers, path and ending."""
    expected: dict[str, Json] = {"status": recording.status}
    if recording.status == "SUCCEEDED":
        expected["output"] = json.loads(details_of(recording.events[-1]).get("output", "null"))
    elif recording.error is not None:
        expected["error"] = recording.error
    expected["path"] = [step.name for step in recording.steps]
    mocks = {
        state: [_mocked(answer) for answer in answers]
        for state, answers in recording.answers.items()
    }
    return {"name": name, "input": json.loads(recording.input), "mocks": mocks, "expect": expected}


def replay(
    definition: Json, recording: Recording, handlers: Mapping[str, Handler] | None = None
) -> Replay:
    """Run a definition on the recorded answers, under a virtual clock.

    What a function of the handlers failed with last is not repeated: it is called instead. So is
    whatever a mended definition calls beyond what was recorded.

    Raises:
        ApiError: the definition or the input is refused.
    """
    handlers = handlers or {}

    def call(function: str, payload: bytes) -> bytes:
        name = function_name(function)
        if name not in handlers:
            raise FunctionError("NotRecorded", f"nothing was recorded for this call of {name}")
        return json.dumps(handlers[name](json.loads(payload))).encode()

    clock = VirtualClock(_moment(recording.events[0]["timestamp"]))
    mocks = ListedMocks(_without_failures(definition, recording.answers, handlers), goes_on=True)
    engine = Engine(functions=InlineFunctions(call), clock=clock, mocks=mocks)
    arn = engine.create_state_machine("replay", _with_maps_as_tasks(definition))
    execution = engine.start_execution(f"{arn}#{CASE}", "replay", recording.input)
    engine.run_until(execution)
    return Replay(engine.describe_execution(execution), engine.history(execution))


def _without_failures(
    definition: Json, answers: dict[str, list[Answer]], handlers: Mapping[str, Handler]
) -> dict[str, list[Answer]]:
    """The answers but the last failures of the functions that are called instead."""
    kept = dict(answers)
    for state in Definition(definition).of_type("Task"):
        given = state.fields.get("Parameters", state.fields.get("Arguments"))
        named = given.get("FunctionName") if isinstance(given, dict) else state.resource
        if state.name in kept and function_name(str(named)) in handlers:
            listed = list(kept[state.name])
            while listed and isinstance(listed[-1], StateFailure):
                listed.pop()
            kept[state.name] = listed
    return kept


def _with_maps_as_tasks(definition: Json) -> Json:
    """Distributed Maps as tasks, whose recorded answer is the output of the state."""
    changed = deepcopy(definition)
    for state in Definition(changed).of_type("Map"):
        if state.is_distributed:
            for name in list(state.fields):
                if name in (*OF_MAPS, *OF_DATA) or name.startswith(("MaxConcurrency", "Tolerated")):
                    del state.fields[name]
            state.fields |= {"Type": "Task", "Resource": MAP_AS_TASK}
    return changed


def _events(text: str) -> tuple[list[dict[str, Any]], bool]:
    """The events, and whether they are those of an EXPRESS machine."""
    try:
        value = json.loads(text)
    except ValueError:
        value = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(value, dict) and "previous_event_id" in value:
        value = [value]
    is_logged = isinstance(value, list) and value and "previous_event_id" in value[0]
    events = logged_events(value) if is_logged else value
    events = events.get("events") if isinstance(events, dict) else events
    if not isinstance(events, list) or not events:
        raise RecordingError("there are no events; it is the answer of get-execution-history")
    arn = str(value.get("executionArn", "")) if isinstance(value, dict) else ""
    moved = [{**event, "timestamp": _moment(event["timestamp"])} for event in events]
    return moved, bool(is_logged) or EXPRESS in arn


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value))


def _answer(event: dict[str, Any]) -> Answer | None:
    """Return the answer of a task in an event; None if the event is about something else."""
    kind: str = event["type"]
    if not kind.startswith(OF_TASKS) or kind.startswith("TaskState"):
        return None
    details = details_of(event)
    if kind.endswith("Succeeded"):
        return Document.parse(details.get("output", "null"))
    if kind.endswith(FAILURES):
        timed_out = TIMEOUT if kind.endswith("TimedOut") else None
        return StateFailure(details.get("error", timed_out), details.get("cause"))
    return None


def _map_answer(step: Step) -> Answer:
    if step.output is not None and not step.was_caught:
        return Document.parse(step.output)
    return StateFailure(step.error, step.cause)


def _mocked(answer: Answer) -> Json:
    if isinstance(answer, StateFailure):
        return {"Throw": {"Error": answer.error or "", "Cause": answer.cause or ""}}
    return {"Return": answer.value}


def _same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or bool(json.loads(one) == json.loads(other))
