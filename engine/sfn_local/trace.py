"""The steps of an execution, state by state, read from its history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sfn_local.executions.history import Event

ENTERED, EXITED = "StateEntered", "StateExited"
ATTEMPTS = ("TaskScheduled", "LambdaFunctionScheduled", "MapStateStarted", "ParallelStateStarted")
FAILURES = ("Failed", "TimedOut")
CONTAINERS = ("MapState", "MapIteration", "ParallelState")
ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}
"""The status of an execution, by its last event."""
PASSING_ON = ("ExecutionFailed", "MapStateFailed", "ParallelStateFailed", "EvaluationFailed")


@dataclass(eq=False)
class Step:
    """One visit of a state; exited is None where it failed or still lasts.

    After is the visit that led here, None at the start of a scope. Input, output and arguments
    are JSON texts; arguments are those of the last attempt.
    """

    name: str
    type: str
    entered: datetime
    parent: "Step | None" = None
    after: "Step | None" = None
    exited: datetime | None = None
    attempts: int = 0
    error: str | None = None
    cause: str | None = None
    has_failed: bool = False
    was_caught: bool = False
    input: str | None = None
    output: str | None = None
    arguments: str | None = None
    is_distributed: bool = False

    @property
    def depth(self) -> int:
        """In how many Map and Parallel states it is."""
        return 0 if self.parent is None else self.parent.depth + 1

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.exited is None else (self.exited - self.entered).total_seconds()


def logged_events(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """GetExecutionHistory's events of what an EXPRESS machine has logged of one execution."""
    numbered = sorted(lines, key=lambda line: int(line["id"]))
    return [
        Event(
            int(line["id"]),
            int(line["previous_event_id"]),
            int(line["event_timestamp"]) / 1000,
            line["type"],
            line["details"] or None,
        ).as_aws_shows_it()
        for line in numbered
    ]


def path_of(events: Iterable[dict[str, Any]]) -> list[str]:
    """Return the names of the states, in the order in which they were entered."""
    entered = (event.get("stateEnteredEventDetails") for event in events)
    return [details["name"] for details in entered if details]


def owners(events: Iterable[dict[str, Any]]) -> dict[int, Step | None]:
    """The visit that each event belongs to, by its number."""
    return _read(events)[1]


def trace(events: Iterable[dict[str, Any]]) -> list[Step]:
    """The visits of states in the order in which they began, from GetExecutionHistory's events."""
    steps, _ = _read(events)
    return steps


def stopped_in(events: Iterable[dict[str, Any]]) -> list[Step]:
    """The visits in which an execution failed, was ended from outside, or still is.

    These are the innermost ones; an execution that succeeded has none.
    """
    listed = list(events)
    steps, step_of = _read(listed)
    last = listed[-1] if listed else {"type": ""}
    if last["type"] == "ExecutionSucceeded":
        return []
    if last["type"] == "ExecutionFailed":
        step = step_of.get(_origin(last, {event["id"]: event for event in listed}))
        return [] if step is None else [_with_reasons(step, last)]
    parents = {id(step.parent) for step in steps if step.exited is None}
    return [step for step in steps if step.exited is None and id(step) not in parents]


def _read(events: Iterable[dict[str, Any]]) -> tuple[list[Step], dict[int, Step | None]]:
    """The visits, and the one that each event belongs to."""
    steps: list[Step] = []
    step_of: dict[int, Step | None] = {0: None}
    for event in events:
        previous = step_of.get(event["previousEventId"])
        if event["type"].endswith(ENTERED):
            step = _enter(event, previous)
            steps.append(step)
            step_of[event["id"]] = step
        else:
            owner = _owner(event, previous)
            step_of[event["id"]] = owner
            if owner is not None:
                _update(owner, event)
    return steps, step_of


def _origin(event: dict[str, Any], by_id: dict[int, dict[str, Any]]) -> int:
    """The event of the innermost state's failure, from that of the execution's."""
    while event["type"] in PASSING_ON and event["previousEventId"] in by_id:
        event = by_id[event["previousEventId"]]
    return int(event["id"])


def _with_reasons(step: Step, event: dict[str, Any]) -> Step:
    """The visit with the error that the execution ended with, where it has none of its own."""
    if step.error is None:
        details = details_of(event)
        step.error, step.cause = details.get("error"), details.get("cause")
    return step


def _enter(event: dict[str, Any], previous: Step | None) -> Step:
    """A visit that follows another one beside it, or is the first inside it."""
    is_first_inside = previous is not None and previous.exited is None and not previous.has_failed
    parent = previous if is_first_inside or previous is None else previous.parent
    details = event["stateEnteredEventDetails"]
    kind = event["type"].removesuffix(ENTERED)
    after = None if is_first_inside else previous
    return Step(
        details["name"], kind, event["timestamp"], parent, after, input=details.get("input")
    )


def _owner(event: dict[str, Any], previous: Step | None) -> Step | None:
    """The visit that an event is about."""
    if not event["type"].startswith(CONTAINERS):
        return previous
    kind = "Parallel" if event["type"].startswith("Parallel") else "Map"
    name = _name(event)
    owner = previous
    while owner is not None and not _is_about(owner, kind, name):
        owner = owner.parent
    return owner


def _is_about(step: Step, kind: str, name: str | None) -> bool:
    is_over = step.exited is not None or step.has_failed
    return step.type == kind and (step.name == name if name else not is_over)


def _name(event: dict[str, Any]) -> str | None:
    for details in event.values():
        if isinstance(details, dict) and "name" in details:
            return str(details["name"])
    return None


def details_of(event: dict[str, Any]) -> dict[str, Any]:
    """The details of an event."""
    return next((value for value in event.values() if isinstance(value, dict)), {})


def _update(step: Step, event: dict[str, Any]) -> None:
    kind: str = event["type"]
    details = details_of(event)
    if kind.endswith(EXITED):
        step.exited = event["timestamp"]
        step.was_caught, step.has_failed = step.has_failed, False
        step.output = details.get("output")
    elif kind == "MapRunStarted":
        step.is_distributed = True
    elif kind in ATTEMPTS:
        step.attempts += 1
        step.has_failed = False
        step.arguments = details.get("parameters", details.get("input"))
    elif kind.endswith(FAILURES) and not kind.startswith("MapIteration"):
        step.has_failed = True
        step.error = details.get("error", step.error)
        step.cause = details.get("cause", step.cause)
