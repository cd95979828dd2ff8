"""Fails the test that waits for real time and does not say why.

A wait of 0.2 seconds or more that ends because its time is over is one: `time.sleep` anywhere
in the process, a timeout of `threading` in the main thread, a timer of an engine with threads.
Shorter ones are looks at what others do. `@pytest.mark.real_time("reason")` says why.
On a stack a run in the express lane looks again after a second if its predecessor is not done,
what was busy is tried again after a random part of a second, and commands and the API look ever
more rarely at what they wait for: that is the load of the machine, and nobody's fault.
"""

import sys
import threading
import time
from collections.abc import Callable, Generator
from functools import partialmethod
from typing import Any

import pytest

from sfn_cqrs.machines.command import waiting
from sfn_cqrs_tools.client import pauses
from sfn_local.scheduler import ThreadScheduler

LONG_SECONDS = 0.2
LOOKS_AGAIN = "a timer of 1 s"
TRIES_AGAIN = "a timer of 0."
WHO_LOOK = frozenset({pauses.__name__, waiting.__name__})
"""The modules that sleep while a stack does what a command or a request waits for."""
A_LOOK = "a look after"
_sleep, _wait, _after = time.sleep, threading.Condition.wait, ThreadScheduler.after


class Waits:
    """The long waits that began and ended in the test that runs."""

    def __init__(self) -> None:
        self.of_test: list[str] = []

    def begin(self) -> None:
        """Forget those before; those that are still going on are nobody's."""
        self.of_test = []

    def sleep(self, seconds: float) -> None:
        """Sleep, and note it."""
        noted = self.of_test
        is_look = sys._getframe(1).f_globals.get("__name__") in WHO_LOOK
        _sleep(seconds)
        if seconds >= LONG_SECONDS:
            noted.append(f"{A_LOOK} {seconds:g} s" if is_look else f"time.sleep({seconds:g})")

    def wait(self, condition: threading.Condition, timeout: float | None = None) -> bool:
        """Wait for a condition, and note it if its time is over."""
        noted = self.of_test
        is_met = _wait(condition, timeout)
        is_ours = threading.current_thread() is threading.main_thread()
        if not is_met and is_ours and timeout is not None and timeout >= LONG_SECONDS:
            noted.append(f"a timeout of {timeout:g} s")
        return is_met

    def after(
        self, scheduler: ThreadScheduler, seconds: float, job: Callable[[], None], **kind: bool
    ) -> Any:
        """Run a job later, and note that it was run."""
        noted, began = self.of_test, time.monotonic()

        def noting() -> None:
            if time.monotonic() - began >= seconds * 0.9:  # or its clock was moved
                noted.append(f"a timer of {seconds:.3g} s")
            job()

        return _after(scheduler, seconds, noting if seconds >= LONG_SECONDS else job, **kind)


def _observed(owner: Any, observe: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return observe(owner, *args, **options)


class RealTime:
    """The pytest plugin."""

    def __init__(self) -> None:
        self.waits = Waits()

    def install(self) -> None:
        """Observe this process: before anything takes `time.sleep` for itself."""
        time.sleep = self.waits.sleep
        threading.Condition.wait = partialmethod(_observed, self.waits.wait)  # type: ignore[assignment]
        ThreadScheduler.after = partialmethod(_observed, self.waits.after)  # type: ignore[assignment]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, Any, Any]:
        self.waits.begin()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        result = yield
        marker = item.get_closest_marker("real_time")
        allowed = (LOOKS_AGAIN, TRIES_AGAIN, A_LOOK) if item.get_closest_marker("stack") else ()
        waits = [one for one in self.waits.of_test if not one.startswith(allowed)]
        if waits and not (marker and marker.args):
            pytest.fail(
                f"it waits for real time: {', '.join(waits)};"
                ' give it a clock, or say why: @pytest.mark.real_time("the reason")'
            )
        return result
