"""A scheduler that runs on the caller's thread, during a call."""

import random
import threading
from collections.abc import Callable

from sfn_local.scheduler.base import Scheduler, run_safely
from sfn_local.scheduler.clock import VirtualClock
from sfn_local.scheduler.timers import Job


class ManualScheduler(Scheduler):
    """Runs jobs on the caller's thread, and only during a call.

    With a seed, it decides which of the runnable jobs is next: the same seed, the same run.
    Without one the order is first in, first out.
    """

    def __init__(self, seed: int | None = None, *, patience: float = 0.0) -> None:
        """Wait up to patience real seconds for other threads before moving a virtual clock."""
        super().__init__()
        self._jobs: list[Job] = []
        self._guard = threading.Lock()
        self._order = None if seed is None else random.Random(seed)
        self.random = random.Random(seed or 0)
        self._patience = patience
        self._arrived = threading.Event()

    def add(self, job: Job) -> None:
        """Run a job soon, without the lock; from any thread."""
        with self._guard:
            self._jobs.append(job)
        self._arrived.set()

    def settle(self) -> None:
        """Run all that can run now, without moving the clock."""
        self._run_jobs(lambda: False)

    def run_until_waiting(self) -> None:
        """Run until all that is left waits for somebody outside: sleeps pass, limits do not."""
        self._run_jobs(lambda: False)
        while self._sleeps and self._move_clock(None):
            self._run_jobs(lambda: False)

    def run_until(self, reached: Callable[[], bool], limit: float | None = None) -> bool:
        """Run until the goal is reached, moving a virtual clock on whenever all else waits.

        At most limit seconds of clock time pass. Whether the goal was reached.
        """
        end = None if limit is None else self.clock.time() + limit
        while not self._run_jobs(reached):
            if self._wait_for_other_threads():
                continue
            if not self._move_clock(end):
                return reached()
        return True

    def _run_jobs(self, reached: Callable[[], bool]) -> bool:
        while not reached():
            self._fire_due_timers()
            if not self._jobs:
                return False
            run_safely(self._take())
        return True

    def _take(self) -> Job:
        with self._guard:
            if self._order is None:
                return self._jobs.pop(0)
            chosen = self._order.randrange(len(self._jobs))
            self._jobs[chosen], self._jobs[-1] = self._jobs[-1], self._jobs[chosen]
            return self._jobs.pop()

    def _wait_for_other_threads(self) -> bool:
        if self._patience <= 0:
            return bool(self._jobs)
        self._arrived.clear()
        return bool(self._jobs) or self._arrived.wait(self._patience)

    def _move_clock(self, end: float | None) -> bool:
        """Move to the next timer within the limit; False where there is none."""
        if not isinstance(self.clock, VirtualClock):
            raise TypeError("ManualScheduler moves a VirtualClock; with a RealClock, wait instead")
        with self.lock:
            due = self._next_due()
        if end is not None and (due is None or due > end):
            self.clock.move_to(end)
            return False
        if due is None:
            return False
        self.clock.move_to(due)
        return True
