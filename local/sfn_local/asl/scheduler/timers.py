"""Timers: jobs for later."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfn_local.asl.scheduler.base import Scheduler

Job = Callable[[], None]


class Timer:
    """A job for later: the end of a sleep, or of a time limit that one hopes to keep."""

    __slots__ = ("_scheduler", "due", "is_limit", "job", "number")

    def __init__(
        self, scheduler: "Scheduler", due: float, number: int, job: Job, *, is_limit: bool
    ) -> None:
        """Timers of one moment fire in the order of their numbers."""
        self._scheduler = scheduler
        self.due = due
        self.number = number
        self.job: Job | None = job
        self.is_limit = is_limit

    def cancel(self) -> None:
        """Forget the job. Needs the scheduler's lock."""
        if self.job is not None:
            self.job = None
            self._scheduler.timer_cancelled(self)

    def __lt__(self, other: "Timer") -> bool:
        """The one that is due first."""
        return (self.due, self.number) < (other.due, other.number)
