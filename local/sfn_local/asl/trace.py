"""What an execution did, state by state, read from its history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ENTERED, EXITED = "StateEntered", "StateExited"
ATTEMPTS = ("TaskScheduled", "LambdaFunctionScheduled", "MapStateStarted", "ParallelStateStarted")
FAILURES = ("Failed", "TimedOut")
CONTAINERS = ("MapState", "MapIteration", "ParallelState")


@dataclass
class Step:
    """One visit of a state; exited is None where it failed or still lasts."""

    name: str
    type: str
    entered: datetime
    parent: "Step | None" = None
    exited: datetime | None = None
    attempts: int = 0
    error: str | None = None
    has_failed: bool = False

    @property
    def depth(self) -> int:
        """In how many Map and Parallel states it is."""
        return 0 if self.parent is None else self.parent.depth + 1

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.exited is None else (self.exited - self.entered).total_seconds()


def trace(events: Iterable[dict[str, Any]]) -> list[Step]:
    """The visits of states in the order in which they began, from GetExecutionHistory's events."""
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
    return steps


def _enter(event: dict[str, Any], previous: Step | None) -> Step:
    """A visit that follows another one beside it, or is the first inside it."""
    is_first_inside = previous is not None and previous.exited is None and not previous.has_failed
    parent = previous if is_first_inside or previous is None else previous.parent
    details = event["stateEnteredEventDetails"]
    kind = event["type"].removesuffix(ENTERED)
    return Step(details["name"], kind, event["timestamp"], parent)


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


def _update(step: Step, event: dict[str, Any]) -> None:
    kind: str = event["type"]
    if kind.endswith(EXITED):
        step.exited = event["timestamp"]
        step.has_failed = False
    elif kind in ATTEMPTS:
        step.attempts += 1
    elif kind.endswith(FAILURES) and not kind.startswith("MapIteration"):
        step.has_failed = True
        details = next((value for value in event.values() if isinstance(value, dict)), {})
        step.error = details.get("error", step.error)
