"""Deliberate faults: records out of order and twice, and a handler that fails."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING

from sfn_cqrs.machines.command import handlers

if TYPE_CHECKING:
    from sfn_cqrs.kernel.command import Command
    from sfn_cqrs.machines.command.handlers import SyncHandler
    from sfn_cqrs_tools.runtime.streams import Record
    from sfn_cqrs_tools.stack.local_stack import LocalStack

CONSUMER = "StreamOnProcessChangedFunction"


class Shuffler:
    """Turns the batches of a stream around, and puts some of their records in twice.

    Streams keep the order per item and deliver at least once; versions of one item are
    different items, so any order of theirs is one that AWS may give.
    """

    def __init__(self, seed: int = 1) -> None:
        """Choose by a seed."""
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.duplicates = 0

    @contextmanager
    def installed(self, stack: LocalStack) -> Iterator[None]:
        """Stand in front of the consumer of commands while entered."""
        mapping = stack.stream_of(CONSUMER)
        mapping.reordered = self
        try:
            yield
        finally:
            mapping.reordered = list

    def __call__(self, batch: Sequence[Record]) -> list[Record]:
        """Return the batch in the order of delivery, perhaps with repeated records."""
        records = list(reversed(batch))
        with self._lock:
            if self._random.random() < 1 / 3:
                records.append(self._random.choice(records))
                self.duplicates += 1
        return records


class Watch:
    """Wraps the handlers of a type: takes the time when a version has reached them all."""

    def __init__(self, type_: str) -> None:
        """Watch a type."""
        self._type = type_
        self._names = handlers.names_of(type_)
        self._left: dict[tuple[str, int], set[str]] = {}
        self._lock = threading.Lock()
        self.reached: dict[tuple[str, int], float] = {}
        self.failing_code: str | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand in front of the handlers while entered."""
        originals = {name: handlers.find(self._type, name) for name in self._names}
        register = handlers.sync_handler(self._type)
        for handler in originals.values():
            register(self._watched(handler))
        try:
            yield
        finally:
            for handler in originals.values():
                register(handler)

    def _watched(self, handler: SyncHandler) -> Callable[[Command], None]:
        @wraps(handler)
        def watched(command: Command) -> None:
            if command.key.code == self.failing_code and handler.__name__ == self._names[-1]:
                raise ValueError("this handler fails on purpose")
            handler(command)
            self._reach(command.key.code, command.version, handler.__name__)

        return watched

    def _reach(self, code: str, version: int, name: str) -> None:
        with self._lock:
            left = self._left.setdefault((code, version), set(self._names))
            left.discard(name)
            if not left:
                self.reached.setdefault((code, version), time.perf_counter())
