"""How a simulation has ended, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sfn_cqrs_tools.testing.simulation.calls import BrokenError
from sfn_cqrs_tools.testing.simulation.scene import Scene
from sfn_cqrs_tools.testing.simulation.schedule import FAULTS, Schedule


class SimulationError(AssertionError):
    """A schedule breaks a promise; the message is its story."""

    def __init__(self, story: str, kind: str, seed: str) -> None:
        """Take the story, what kind of mistake it is, and the seed that replays it."""
        super().__init__(story)
        self.kind = kind
        self.seed = seed


@dataclass(frozen=True)
class Simulated:
    """What was explored, and what was not."""

    schedules: int
    possible: float
    faults: int
    places: int
    functions: tuple[str, ...]
    left_out: int = 0
    without: tuple[str, ...] = ()
    """What has no model to make its input of."""

    def __str__(self) -> str:
        """Return it in words."""
        names, power = ", ".join(self.functions), math.floor(math.log10(self.possible))
        lines = [
            f"{names}: {self.schedules:,} schedules hold, drawn of about 10^{power}.",
            f"{self.faults} of {self.places} single faults were met: {len(FAULTS)} kinds at each"
            " call of each function.",
            "Not explored: two runs that stop in turn, a stop within a stop within a stop, a saga's"
            " function that goes on when its time is over, faults between the framework's own"
            " states, approvals, notices, PostgreSQL.",
        ]
        if self.without:
            names = ", ".join(self.without)
            lines.append(f"Left out, since they have no model to make input of: {names}.")
        if self.left_out:
            lines.append(
                f"{self.left_out} lists of changes were left out: nothing of them can be published."
            )
        return "\n".join(lines)


def told(
    schedule: Schedule,
    broken: BrokenError,
    lines: Sequence[str],
    scene: Scene | BrokenError | None,
    head: str,
) -> SimulationError:
    """Return the failure with its story."""
    text = [head, "", *_published(scene), *(f"  {line}" for line in lines)]
    text += ["", f"Wrong: {broken.what}"]
    if broken.advice:
        text.append(f"Mend it: {broken.advice}.")
    text += ["", f'Replay it, also in a debugger: simulate(…, seed="{schedule}")']
    return SimulationError("\n".join(text), broken.kind, str(schedule))


def _published(scene: Scene | BrokenError | None) -> list[str]:
    if not isinstance(scene, Scene):
        return []
    return ["Published, in this order:", *(f"  {each}" for each in scene.told), "", "Then:"]
