"""Timers: jobs for later."""

from collections.abc import Callable
from typing import Protocol

Job = Callable[[], None]


class TimerKeeper(Protocol):
    """Fires timers when they are due."""

    def timer_cancelled(self, timer: "Timer") -> None:
        """Count it."""


class Timer:
    """A job for later: the end of a sleep, or of a time limit that one hopes to keep."""

    __slots__ = ("_keeper", "due", "is_limit", "job", "number")

    def __init__(
        self, keeper: TimerKeeper, due: float, number: int, job: Job, *, is_limit: bool
    ) -> None:
        """Timers of one moment fire in the order of their numbers."""
        self._keeper = keeper
        self.due = due
        self.number = number
        self.job: Job | None = job
        self.is_limit = is_limit

    def cancel(self) -> None:
        """Forget the job. Needs the scheduler's lock."""
        if self.job is not None:
            self.job = None
            self._keeper.timer_cancelled(self)

    def __lt__(self, other: "Timer") -> bool:
        """The one that is due first."""
        return (self.due, self.number) < (other.due, other.number)
