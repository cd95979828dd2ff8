"""The common part of all schedulers."""

import heapq
import logging
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sfn_local.scheduler.clock import Clock, RealClock, VirtualClock
from sfn_local.scheduler.strands import Channel, Pending, Start, Strand
from sfn_local.scheduler.timers import Job, Timer

logger = logging.getLogger(__name__)

T = TypeVar("T")

TIMERS_WORTH_SWEEPING = 1000


class Scheduler(ABC):
    """Runs strands, timers and jobs; lock guards everything that they touch."""

    def __init__(self) -> None:
        """A scheduler with the real clock, until it is attached to another.

        Its random numbers are those that executions use: jitter, UUIDs, tokens.
        """
        self.lock = threading.RLock()
        self.clock: Clock = RealClock()
        self.random = random.Random()
        self._timers: list[Timer] = []
        self._timers_made = 0
        self._timers_cancelled = 0
        self._sleeps = 0

    def attach(self, clock: Clock) -> None:
        """Take the time from this clock."""
        self.clock = clock

    @abstractmethod
    def add(self, job: Job) -> None:
        """Run a job soon, without the lock; from any thread."""

    def add_blocking(self, job: Job) -> None:
        """Run a job that may wait for the network; it does not hold up the others."""
        self.add(job)

    def hand_in(self, job: Job) -> None:
        """Run a job with the lock, at once or soon; from a thread that does not have the lock."""
        with self.lock:
            job()

    async def outside(self, call: Callable[[], T]) -> T:
        """The answer of a call that may wait for the network; what it raises is raised here."""
        return await self.begin(call)

    def begin(self, call: Callable[[], T]) -> "Pending[T]":
        """Make a call that may wait for the network; its answer is there for whoever awaits it."""
        pending: Pending[T] = Pending()
        self.add_blocking(partial(self._call, call, pending))
        return pending

    @abstractmethod
    def run_until(self, reached: Callable[[], bool], limit: float | None = None) -> bool:
        """Run, or let run, until a goal is reached, for at most limit seconds; whether it was."""

    @abstractmethod
    def settle(self) -> None:
        """Run, or let run, what can run now."""

    def advance(self, clock: VirtualClock, seconds: float) -> None:
        """Move a virtual clock on, stopping at each timer to run what is due."""
        end = clock.time() + seconds
        self.settle()
        while True:
            with self.lock:
                due = self._next_due()
            if due is None or due > end:
                break
            clock.move_to(due)
            self.settle()
        clock.move_to(end)

    def after(self, seconds: float, job: Job, *, is_limit: bool = False) -> Timer:
        """Run a job later. Needs the lock."""
        self._timers_made += 1
        due = self.clock.time() + seconds
        timer = Timer(self, due, self._timers_made, job, is_limit)
        heapq.heappush(self._timers, timer)
        self._sleeps += not is_limit
        return timer

    def deliver_after(
        self, seconds: float, channel: Channel[T], item: T, *, is_limit: bool = False
    ) -> Timer:
        """Put an item into a channel later. Needs the lock."""
        return self.after(seconds, partial(self._deliver, channel, item), is_limit=is_limit)

    def spawn(self, start: Start) -> Strand:
        """Start a strand. Needs the lock."""
        return Strand(self, start)

    def timer_cancelled(self, timer: Timer) -> None:
        """Count it, and sweep cancelled timers out when most of them are."""
        self._timers_cancelled += 1
        self._sleeps -= not timer.is_limit
        if self._timers_cancelled > TIMERS_WORTH_SWEEPING + len(self._timers) // 2:
            self._timers = [timer for timer in self._timers if timer.job is not None]
            heapq.heapify(self._timers)
            self._timers_cancelled = 0

    def close(self) -> None:
        """Run nothing more."""
        with self.lock:
            self._timers.clear()

    def _deliver(self, channel: Channel[T], item: T) -> None:
        with self.lock:
            channel.put(item)

    def _call(self, call: Callable[[], T], pending: "Pending[T]") -> None:
        try:
            answer = call()
        except Exception as error:
            self._deliver(pending.channel, (None, error))
        else:
            self._deliver(pending.channel, (answer, None))

    def _next_due(self) -> float | None:
        while self._timers and self._timers[0].job is None:
            heapq.heappop(self._timers)
            self._timers_cancelled -= 1
        return self._timers[0].due if self._timers else None

    def _fire_due_timers(self) -> None:
        with self.lock:
            while (due := self._next_due()) is not None and due <= self.clock.time():
                timer = heapq.heappop(self._timers)
                job, timer.job = timer.job, None
                if job is not None:
                    self._sleeps -= not timer.is_limit
                    self.add(job)


def run_safely(job: Job) -> None:
    """Run a job; one that raises is logged and does not end the others."""
    try:
        job()
    except Exception:
        logger.exception("a job of the engine failed; this is a defect of the engine")
