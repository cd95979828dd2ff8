"""Strands: coroutines that wait for channels, and for nothing else."""

from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar, cast

from sfn_local.scheduler.timers import Job

Start = Callable[[], Coroutine[Any, None, None]]
T = TypeVar("T")


class Stepper(Protocol):
    """Takes the steps of strands."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """The lock on everything that strands touch."""

    def add(self, job: Job) -> None:
        """Run a job soon, without the lock."""


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
        """Return the answer, or raise the exception of the call."""
        answer, error = yield from self.channel.__await__()
        if error is not None:
            raise error
        return cast("T", answer)


class Strand:
    """A coroutine on its way."""

    __slots__ = ("_coroutine", "_scheduler", "_start")

    def __init__(self, scheduler: Stepper, start: Start) -> None:
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
