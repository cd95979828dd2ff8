"""Runs coroutines without a thread for each.

A Strand is a coroutine that waits for items of Channels, and for nothing else; while it waits it
costs only its frames. Jobs are plain callables: the next step of a strand, a function call, a
notification. ThreadScheduler runs them on one thread of its own; ManualScheduler runs them when
told to, in an order that a seed decides, and moves a virtual clock from timer to timer.
"""

import heapq
import logging
import queue
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, TypeVar, cast

from sfn_local.asl.clock import Clock, RealClock, VirtualClock

logger = logging.getLogger(__name__)

Job = Callable[[], None]
Start = Callable[[], Coroutine[Any, None, None]]
T = TypeVar("T")

TIMERS_WORTH_SWEEPING = 1000
BLOCKING_CALLS_AT_ONCE = 32
LONGEST_SETTLING = 10.0


class Channel(Generic[T]):
    """Items for one strand; put() is called with the scheduler's lock held."""

    __slots__ = ("_items", "reader")

    def __init__(self) -> None:
        """An empty channel."""
        self._items: list[T] = []
        self.reader: Strand | None = None

    def put(self, item: T) -> None:
        """Hand over an item, and wake the strand that waits for it."""
        self._items.append(item)
        if self.reader is not None:
            reader, self.reader = self.reader, None
            reader.wake()

    def __await__(self) -> Generator["Channel[T]", None, T]:
        """The next item, as soon as there is one."""
        while not self._items:
            yield self
        return self._items.pop(0)


class Pending(Generic[T]):
    """A call on another thread; a strand that ends before it may leave the answer to another."""

    __slots__ = ("channel",)

    def __init__(self) -> None:
        """Not answered yet."""
        self.channel: Channel[tuple[T | None, Exception | None]] = Channel()

    def __await__(self) -> Generator[Any, None, T]:
        """The answer; what the call raised is raised here."""
        answer, error = yield from self.channel.__await__()
        if error is not None:
            raise error
        return cast("T", answer)


class Strand:
    """A coroutine on its way."""

    __slots__ = ("_coroutine", "_scheduler", "_start")

    def __init__(self, scheduler: "Scheduler", start: Start) -> None:
        """Start the coroutine as soon as the scheduler gets to it."""
        self._scheduler = scheduler
        self._start: Start | None = start
        self._coroutine: Coroutine[Any, None, None] | None = None
        self.wake()

    def wake(self) -> None:
        """Let the scheduler take the next step."""
        self._scheduler.add(self._step)

    def cancel(self) -> None:
        """End it where it waits; its finally blocks run now. Needs the scheduler's lock."""
        self._start = None
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is not None:
            coroutine.close()

    def _step(self) -> None:
        with self._scheduler.lock:
            if self._start is not None:
                self._coroutine, self._start = self._start(), None
            if self._coroutine is None:
                return
            try:
                channel: Channel[Any] = self._coroutine.send(None)
            except StopIteration:
                self._coroutine = None
            else:
                channel.reader = self


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


class Scheduler(ABC):
    """What strands, timers and jobs need; lock guards everything that they touch."""

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
        timer = Timer(self, due, self._timers_made, job, is_limit=is_limit)
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


class ThreadScheduler(Scheduler):
    """Runs jobs as they come, on one thread of its own."""

    def __init__(self) -> None:
        """The thread starts with the first job."""
        super().__init__()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._progress = threading.Condition(self.lock)
        self._watchers = 0
        self._pool: ThreadPoolExecutor | None = None

    def add(self, job: Job) -> None:
        """Run a job soon, without the lock; from any thread."""
        self._jobs.put(job)
        if self._thread is None:
            self._start()

    def add_blocking(self, job: Job) -> None:
        """Run a job that may wait for the network on a thread of a pool."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(BLOCKING_CALLS_AT_ONCE, "sfn-engine-call")
        self._pool.submit(run_safely, job)

    def after(self, seconds: float, job: Job, *, is_limit: bool = False) -> Timer:
        """Run a job later. Needs the lock."""
        timer = super().after(seconds, job, is_limit=is_limit)
        if self._timers[0] is timer and threading.current_thread() is not self._thread:
            self.add(_nothing)  # the thread may be waiting for a later timer
        return timer

    def run_until(self, reached: Callable[[], bool], limit: float | None = None) -> bool:
        """Wait until a goal is reached, for at most limit real seconds; asked after each job."""
        with self._progress:
            self._watchers += 1
            try:
                return self._progress.wait_for(reached, limit)
            finally:
                self._watchers -= 1

    def settle(self) -> None:
        """Wait until no job is left; calls that run on other threads are not waited for."""
        while True:
            passed = threading.Event()
            self.add(self._fire_due_timers)
            self.add(passed.set)
            passed.wait(LONGEST_SETTLING)
            if self._jobs.empty():
                return

    def close(self) -> None:
        """Run nothing more, and wait for the job that is running."""
        super().close()
        self._closed = True
        self._jobs.put(None)
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _start(self) -> None:
        with self.lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="sfn-engine", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closed:
            try:
                job = self._jobs.get(timeout=self._seconds_to_wait())
            except queue.Empty:
                self._fire_due_timers()
                continue
            if job is not None:
                run_safely(job)
            if self._watchers:
                with self._progress:
                    self._progress.notify_all()

    def _seconds_to_wait(self) -> float | None:
        with self.lock:
            due = self._next_due()
        if due is None:
            return None
        seconds = due - self.clock.time()
        if seconds <= 0:
            self._fire_due_timers()
        return min(max(seconds, 0.0), threading.TIMEOUT_MAX)


def _nothing() -> None:
    """A job that only wakes the thread."""


class ManualScheduler(Scheduler):
    """Runs jobs on the caller's thread, and only while it is told to.

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
        self.run_until_idle()

    def run_until_idle(self) -> None:
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
