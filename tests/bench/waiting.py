"""How benchmarks wait for a stack."""

import time
from collections.abc import Callable

from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.testing.faults import Watch

PATIENCE_SECONDS = 120
QUIET_SECONDS = 6
"""Longer than any batching window of a queue or a stream."""


def until(is_true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds.

    Raises:
        RuntimeError: it does not for so long.
    """
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise RuntimeError("the stack does not come to rest")
        time.sleep(0.02)


def reached(watch: Watch, code: str) -> float:
    """Wait until a handler has seen the first version of an item; answer when that was."""
    until(lambda: (code, 1) in watch.reached)
    return watch.reached[code, 1]


def until_quiet(recorder: Recorder) -> None:
    """Wait until no function has been invoked for a while."""
    until(lambda: _is_quiet(recorder))


def _is_quiet(recorder: Recorder) -> bool:
    before = len(recorder.invocations)
    time.sleep(QUIET_SECONDS)
    return len(recorder.invocations) == before
