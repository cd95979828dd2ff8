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
        self._changed = threading.Condition()
        self._threads = 0
        self._free = 0  # threads without a task, less the tasks that wait for one
        self._closed = False

    def submit(self, task: Task) -> bool:
        """Run a task as soon as a thread is free; False if nothing is run any more."""
        with self._changed:
            if self._closed:
                return False
            self._free -= 1
            self._tasks.put(task)
            self._grow()
            return True

    def abandon(self) -> None:
        """Let another thread take the place of one whose task may never end."""
        with self._changed:
            if self._limit is not None:
                self._limit += 1
                self._grow()

    def close(self, patience: float) -> None:
        """Run nothing more, and wait at most `patience` seconds for what still runs."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            while not self._tasks.empty():
                self._tasks.get()
                self._free += 1
            for _ in range(self._threads):
                self._tasks.put(None)
            self._changed.wait_for(lambda: self._free >= self._threads, patience)

    def _grow(self) -> None:
        if self._free < 0 and (self._limit is None or self._threads < self._limit):
            self._threads += 1
            self._free += 1
            threading.Thread(target=self._run, daemon=True, name="invocation").start()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except Exception:
                logger.exception("a task failed")
            with self._changed:
                self._free += 1
                self._changed.notify_all()


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
