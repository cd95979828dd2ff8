"""The path that an execution took through its graph."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sfn_local.trace import Step, stopped_in, trace

SUCCEEDED, CAUGHT, FAILED, RUNNING, NOT_TAKEN = "succeeded", "caught", "failed", "running", "idle"
RANKS = (SUCCEEDED, CAUGHT, RUNNING, FAILED)

Way = tuple[str, str, bool]  # from, to, and whether a Catch led there


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of each visited state, how often it was visited, and which ways were taken.

    Of several visits of a state the worst outcome counts. A start is a way from "".
    """

    outcomes: Mapping[str, str]
    visits: Mapping[str, int]
    ways: frozenset[Way]

    def outcome(self, state: str) -> str:
        """Return the result of a state; idle if it was never entered."""
        return self.outcomes.get(state, NOT_TAKEN)

    def has(self, source: str, target: str, *, is_catch: bool = False) -> bool:
        """Whether a way was taken."""
        return (source, target, is_catch) in self.ways


def taken(events: Iterable[dict[str, Any]]) -> Taken:
    """The path in the events of GetExecutionHistory.

    Raises:
        ValueError: they are no such events.
    """
    listed = list(events)
    try:
        steps = trace(listed)
        stops = {id(step) for step in stopped_in(listed)}
    except (AttributeError, KeyError, TypeError) as error:
        message = f"these are not events of GetExecutionHistory ({type(error).__name__}: {error})"
        raise ValueError(message) from None
    has_ended = any(event["type"].startswith("Execution") for event in listed[1:])
    outcomes: dict[str, str] = {}
    for step in steps:
        outcome = _outcome(step, has_ended=has_ended)
        if id(step) in stops:
            outcome = FAILED if has_ended else RUNNING
        outcomes[step.name] = max(outcome, outcomes.get(step.name, SUCCEEDED), key=RANKS.index)
    return Taken(outcomes, Counter(step.name for step in steps), frozenset(_ways(steps)))


def _outcome(step: Step, *, has_ended: bool) -> str:
    if step.exited is not None:
        return CAUGHT if step.was_caught else SUCCEEDED
    return FAILED if has_ended else RUNNING


def _ways(steps: list[Step]) -> Iterable[Way]:
    for step in steps:
        before, name = step.after, step.name
        yield ("", name, False) if before is None else (before.name, name, before.was_caught)
