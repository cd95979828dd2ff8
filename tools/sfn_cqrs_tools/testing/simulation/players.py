"""What comes in a schedule, and what it may ask of the schedule that is played."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs_tools.testing.simulation.schedule import Step

Version = tuple[ItemKey, int]
Tell = Callable[[str], None]


class Player(Protocol):
    """What comes, again and again, until it is done."""

    @property
    def name(self) -> str:
        """Return it in words."""

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""

    @property
    def end(self) -> Any:
        """Return how it has ended, if that has to be as on a quiet day."""

    def why(self) -> str:
        """Say what keeps it from its end."""

    def come(self, step: Step) -> None:
        """Go as far as it goes."""


class Played(Protocol):
    """The schedule that is played."""

    tell: Tell
    is_quiet_day: bool
    is_inside: bool
    """Whether a function has stopped meanwhile."""
    skipped: set[Version]

    @property
    def was_refused(self) -> bool:
        """Whether a call of the function that has run was refused for good."""

    def version(self, key: ItemKey, number: int) -> Player:
        """Return the player of a version."""

    def has_open_child(self, id_: str) -> bool:
        """Whether a saga that this one has started is still to go on."""

    def pass_until(self, at: str) -> None:
        """Let time pass until something is due, if it is not yet."""

    def resume(self) -> None:
        """Let versions go on whose wait is over."""

    def inside(self, steps: tuple[Step, ...]) -> None:
        """Play some steps while a function has stopped."""

    def look(self, look: Callable[[Any], Any], kind: str) -> None:
        """Let the user assert what he sees."""
