"""How an engine is run, and how its time passes."""

from collections.abc import Callable
from functools import partial

from sfn_local.engine.core import Core
from sfn_local.errors import ValidationException
from sfn_local.executions.runtime import Way
from sfn_local.scheduler import ManualScheduler
from sfn_local.scheduler.clock import VirtualClock


class RunControl(Core):
    """The methods that run an engine and move its clock."""

    def watch_ways(self, ways: set[Way]) -> None:
        """Add each way that an execution takes from now on: of all machines, by names of states."""
        self._runtime.ways = ways

    def run_until_idle(self) -> None:
        """Run all that can run now, without moving the clock; needs a ManualScheduler."""
        self._manual().settle()

    def run_until_waiting(self) -> None:
        """Run until all that is left waits for somebody outside; needs a ManualScheduler.

        Wait states and the pauses before retries pass; the time limits of tasks that wait for
        a token or a function do not.
        """
        self._manual().run_until_waiting()

    def run_until(self, goal: str | Callable[[], bool], limit: float | None = None) -> bool:
        """Run until an execution has ended, or a predicate holds; whether it came to that.

        With a ManualScheduler the virtual clock moves to the next timer whenever nothing else
        can run, and at most limit seconds in all. With a ThreadScheduler this only waits, at
        most limit real seconds.
        """
        reached = partial(self._has_ended, goal) if isinstance(goal, str) else goal
        return self.scheduler.run_until(reached, limit)

    def run_for(self, seconds: float) -> None:
        """Let that much virtual time pass, running whatever is due; needs a ManualScheduler."""
        self._manual().run_until(lambda: False, seconds)

    def advance(self, seconds: float) -> None:
        """Let virtual time pass, timer by timer, and run what is due.

        Raises:
            ValidationException: the clock is the real one, or the time would run backwards.
        """
        if not isinstance(self.clock, VirtualClock) or seconds < 0:
            raise ValidationException("only a virtual clock can be advanced, and only forward")
        self.scheduler.advance(self.clock, seconds)

    def close(self) -> None:
        """Run nothing more; with a data_dir, another engine may go on."""
        self.scheduler.close()
        with self._lock:
            persistence, self._persistence = self._persistence, None
            if persistence is not None:
                persistence.close()

    def _manual(self) -> ManualScheduler:
        if not isinstance(self.scheduler, ManualScheduler):
            raise TypeError("this engine has its own thread; pass scheduler=ManualScheduler()")
        return self.scheduler

    def _has_ended(self, arn: str) -> bool:
        with self._lock:
            return arn in self._executions.forgotten or not self._execution(arn).is_running
