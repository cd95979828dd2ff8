"""A scheduler with a thread of its own."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sfn_local.scheduler.base import Scheduler, run_safely
from sfn_local.scheduler.timers import Job, Timer

BLOCKING_CALLS_AT_ONCE = 32
LONGEST_SETTLING = 10.0


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

    def hand_in(self, job: Job) -> None:
        """Run a job with the lock, on the scheduler's thread.

        Here, the job would wake that thread while this one still holds the lock, for nothing.
        """
        self.add(partial(self._with_lock, job))

    def _with_lock(self, job: Job) -> None:
        with self.lock:
            job()

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
