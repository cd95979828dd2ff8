"""Two executions side by side: the states that each entered, how long, and where data differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sfn_cqrs_tools.console.differences import Difference
from sfn_cqrs_tools.console.paths import changes
from sfn_cqrs_tools.console.waterfall import Place, nested, place_of, verdict
from sfn_local.trace import Step, trace


@dataclass(frozen=True)
class Side:
    """The visits of a state in one of two executions; `step` is the number of the first one."""

    visits: int
    outcome: str
    seconds: float | None
    step: int | None
    first: Step | None


@dataclass(frozen=True)
class Pair:
    """A state in both executions; a side that never entered it has no visits."""

    name: str
    depth: int
    before: Side
    after: Side

    @property
    def is_same_way(self) -> bool:
        """Return whether both entered it as often, and it ended alike."""
        sides = (self.before, self.after)
        return len({(side.visits, side.outcome) for side in sides}) == 1

    @property
    def slower(self) -> float | None:
        """Return how many seconds more the later one took."""
        if self.before.seconds is None or self.after.seconds is None:
            return None
        return self.after.seconds - self.before.seconds

    def changed(self, what: str) -> list[Difference]:
        """Return what differs in the `input` or `output` of its first visits."""
        before, after = self.before.first, self.after.first
        if before is None or after is None:
            return []
        found = changes(getattr(before, what), getattr(after, what))
        return [one for one in found if one.kind != "same"]


Events = Sequence[Mapping[str, Any]]


def paired(before: Events, after: Events, *, are_running: tuple[bool, bool]) -> list[Pair]:
    """Return the states of two histories, each in its place, as the later one entered them."""
    sides = [_by_place(list(events)) for events in (before, after)]
    order = nested({**sides[1], **{k: v for k, v in sides[0].items() if k not in sides[1]}})
    return [_pair(place, sides, are_running) for place in order]


def _by_place(events: list[Mapping[str, Any]]) -> dict[Place, list[tuple[int, Step]]]:
    found: dict[Place, list[tuple[int, Step]]] = {}
    for number, step in enumerate(trace([dict(event) for event in events])):
        found.setdefault(place_of(step), []).append((number, step))
    return found


def _pair(
    place: Place,
    sides: list[dict[Place, list[tuple[int, Step]]]],
    are_running: tuple[bool, bool],
) -> Pair:
    before, after = (
        _side(side.get(place, []), is_running=is_running)
        for side, is_running in zip(sides, are_running, strict=True)
    )
    return Pair(place[1].rpartition("\0")[2], place[0], before, after)


def _side(visits: list[tuple[int, Step]], *, is_running: bool) -> Side:
    if not visits:
        return Side(0, "", None, None, None)
    outcomes = Counter(verdict(step, is_running=is_running) for _, step in visits)
    worst = next(one for one in ("failed", "stopped", "running", *outcomes) if outcomes[one])
    spent = [step.seconds for _, step in visits if step.seconds is not None]
    seconds = sum(spent) if len(spent) == len(visits) else None
    return Side(len(visits), worst, seconds, *visits[0])
