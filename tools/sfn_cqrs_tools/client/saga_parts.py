"""A declared saga as it was declared: its parts, each with what the log says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from sfn_cqrs.machines.saga.rules import EntryStatus, MoveKind
from sfn_local.graph import CAUGHT, FAILED, RUNNING, SUCCEEDED, Taken

TO_DO, IF_CHOSEN, NOT_CHOSEN, NOT_MADE = "to do", "if chosen", "not chosen", "not made"
COMPLETED = "COMPLETED"
"""The state that is drawn behind the last part; no step can have this name."""
Line = Mapping[str, Any]
_OUTCOMES: Final = {
    EntryStatus.DONE: SUCCEEDED,
    EntryStatus.REFUSED: CAUGHT,
    EntryStatus.FAILED: FAILED,
    EntryStatus.STARTED: RUNNING,
    "UNKNOWN": CAUGHT,
}


@dataclass(frozen=True)
class Part:
    """A step, a choice, a pause or a list; `line` and `undone` are of the log, if it has them."""

    name: str
    kind: MoveKind
    tries: int
    seconds: int
    undo: str | None
    choice: str | None
    arm: str | None
    each: str | None
    line: Line | None
    undone: Line | None
    is_decided: bool
    is_chosen: bool
    left: frozenset[str]
    goes_on: bool

    @property
    def state(self) -> str:
        """Return how it stands: as its line says, or whether it is still to be made."""
        if self.line is not None:
            return str(self.line["status"])
        if self.is_decided and not self.is_chosen:
            return NOT_CHOSEN
        if not self.goes_on:
            return NOT_MADE
        return TO_DO if self.name in self.left else IF_CHOSEN

    @property
    def undo_state(self) -> str:
        """Return how its compensation stands; empty if there is nothing to undo."""
        if self.undone is not None:
            return str(self.undone["status"])
        return TO_DO if self.undo in self.left else ""

    @property
    def waits(self) -> str:
        """Return how a part waits; empty if it does not."""
        return {MoveKind.PAUSE: "waits", MoveKind.WAIT: "waits up to"}.get(self.kind, "")

    @property
    def when(self) -> str:
        """Return in which arm of which choice it stands, or in which list; empty if in none."""
        if self.each is not None and (self.choice in (None, self.each)):
            return f"each of {self.each}"
        return "" if self.choice is None else f"{self.choice} = {self.arm}"

    @property
    def does(self) -> str:
        """Return what a part does that is neither a step nor waits; empty for these."""
        return {MoveKind.CHOICE: "chooses", MoveKind.EACH: "lists"}.get(self.kind, "")


def parts_of(found: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a saga, as the API shows it; none if it has a machine of its own."""
    order, left = found.get("order", []), frozenset(found["left"])
    lines = {line["name"]: line for line in found["log"]}
    goes_on = any(one["name"] in left for one in order)
    return [_part(one, lines, left, goes_on=goes_on) for one in order]


def _part(
    one: Mapping[str, Any], lines: Mapping[str, Line], left: frozenset[str], *, goes_on: bool
) -> Part:
    choice, arm, undo, each = (one.get(key) for key in ("choice", "arm", "compensation", "each"))
    decided = lines.get(choice or "", {}).get("result")
    return Part(
        name=one["name"],
        kind=MoveKind(one["kind"]),
        tries=one["tries"],
        seconds=one["seconds"],
        undo=undo,
        choice=choice,
        arm=arm,
        each=each,
        line=lines.get(one["name"]),
        undone=lines.get(undo or ""),
        is_decided=decided is not None,
        is_chosen=decided == arm,
        left=left,
        goes_on=goes_on,
    )


def definition_of(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the states of a machine that would make these parts, to be drawn like any other.

    What undoes a step is drawn beside it, as what catches its failure.
    """
    states: dict[str, Any] = {}
    for place, part in enumerate(parts):
        states[part.name] = _state(part, _after(parts, place), parts)
        if part.undo is not None:
            states[part.undo] = {"Type": "Task", "End": True}
    return {"StartAt": parts[0].name, "States": {**states, COMPLETED: {"Type": "Succeed"}}}


def _state(part: Part, after: str, parts: Sequence[Part]) -> dict[str, Any]:
    if part.kind is MoveKind.PAUSE:
        return {"Type": "Wait", "Seconds": part.seconds, "Next": after}
    has_arms = any(one.choice == part.name for one in parts)
    if part.kind is MoveKind.WAIT and not has_arms:
        return {"Type": "Wait", "Seconds": part.seconds, "Next": after}
    if part.kind is MoveKind.STEP or not has_arms:
        caught = [] if part.undo is None else [{"ErrorEquals": ["States.ALL"], "Next": part.undo}]
        return {"Type": "Task", "Next": after, "Catch": caught}
    firsts: dict[str, str] = {}
    for one in parts:
        if one.choice == part.name:
            firsts.setdefault(str(one.arm), one.name)
    choices = [
        {"Variable": part.name, "StringEquals": arm, "Next": first} for arm, first in firsts.items()
    ]
    return {"Type": "Choice", "Choices": choices, "Default": _behind(parts, part)}


def _after(parts: Sequence[Part], place: int) -> str:
    """Return what follows a step or a pause: the next of its arm, or what follows its choice."""
    part = parts[place]
    for one in parts[place + 1 :]:
        if (one.choice, one.arm) == (part.choice, part.arm):
            return one.name
    chosen = next((one for one in parts if one.name == part.choice), None)
    return COMPLETED if chosen is None else _behind(parts, chosen)


def _behind(parts: Sequence[Part], choice: Part) -> str:
    """Return what follows a choice, whichever arm was made."""
    return _after(parts, parts.index(choice))


def taken_by(found: Mapping[str, Any], parts: Sequence[Part]) -> Taken:
    """Return the path of a saga through these states, as its log says."""
    lines = {line["name"]: line for line in found["log"]}
    outcomes = {name: _OUTCOMES.get(line["status"], RUNNING) for name, line in lines.items()}
    made = ["", *(part.name for part in parts if part.line is not None)]
    if found["status"] == "COMPLETED":
        made.append(COMPLETED)
        outcomes[COMPLETED] = SUCCEEDED
    undone = [(part.name, str(part.undo), True) for part in parts if part.undone is not None]
    ways = frozenset([*((a, b, False) for a, b in pairwise(made)), *undone])
    return Taken(outcomes, {name: int(line["try"]) for name, line in lines.items()}, ways)
