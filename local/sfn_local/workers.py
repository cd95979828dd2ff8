"""Threads for invocations, and calls in the future; neither keeps the process alive."""

from __future__ import annotations

import heapq
import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

Task = Callable[[], None]


class Workers:
    """Daemon threads that run tasks in the order of their arrival, at most `limit` at once."""

    def __init__(self, limit: int | None = None) -> None:
        """Start no thread yet: each comes with the task that needs it."""
        self._limit = limit
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._free = 0  # threads without a task, less the tasks that wait for one
        self._closed = False

    def submit(self, task: Task) -> None:
        """Run a task as soon as a thread is free; after `close` it is dropped."""
        with self._lock:
            if self._closed:
                return
            self._free -= 1
            if self._free < 0 and (self._limit is None or self._threads < self._limit):
                self._threads += 1
                self._free += 1
                threading.Thread(target=self._run, daemon=True, name="invocation").start()
            self._tasks.put(task)

    def close(self) -> None:
        """Let every thread end after its present task."""
        with self._lock:
            self._closed = True
            for _ in range(self._threads):
                self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except Exception:
                logger.exception("a task failed")
            with self._lock:
                self._free += 1


class Timer:
    """A call that is yet to be made."""

    def __init__(self, call: Task) -> None:
        """Wrap the call."""
        self.call: Task | None = call

    def cancel(self) -> None:
        """Make the call never happen, unless it has begun."""
        self.call = None


class Timers:
    """Calls after a delay, all made by one thread: they must be short."""

    def __init__(self) -> None:
        """Start the thread."""
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._run, daemon=True, name="timers").start()

    def call_later(self, seconds: float, call: Task) -> Timer:
        """Call `call` after `seconds`."""
        timer = Timer(call)
        with self._changed:
            heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._order), timer))
            if self._heap[0][2] is timer:
                self._changed.notify()
        return timer

    def close(self) -> None:
        """Make no more calls."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while (timer := self._next()) is not None:
            call = timer.call
            if call is None:
                continue
            try:
                call()
            except Exception:
                logger.exception("a delayed call failed")

    def _next(self) -> Timer | None:
        with self._changed:
            while not self._closed:
                while self._heap and self._heap[0][2].call is None:
                    heapq.heappop(self._heap)
                wait = self._heap[0][0] - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait)
            return None
