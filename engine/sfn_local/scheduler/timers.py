"""Timers: jobs for later."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Job = Callable[[], None]


class TimerKeeper(Protocol):
    """Fires timers when they are due."""

    def timer_cancelled(self, timer: "Timer") -> None:
        """Count it."""


@dataclass(slots=True, eq=False)
class Timer:
    """A job for later: the end of a sleep, or of a time limit that one hopes to keep.

    Timers of one moment fire in the order of their numbers.
    """

    keeper: TimerKeeper
    due: float
    number: int
    job: Job | None
    is_limit: bool

    def cancel(self) -> None:
        """Forget the job. Needs the scheduler's lock."""
        if self.job is not None:
            self.job = None
            self.keeper.timer_cancelled(self)

    def __lt__(self, other: "Timer") -> bool:
        """The one that is due first."""
        return (self.due, self.number) < (other.due, other.number)
