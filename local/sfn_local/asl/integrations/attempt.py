"""One attempt of a task: its token, its time limits, and whoever reports its end first."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sfn_local.asl.document import Document
from sfn_local.asl.errors import HeartbeatFailure, StateFailure, TaskTimedOut
from sfn_local.asl.execution import Visit
from sfn_local.asl.functions import Answer
from sfn_local.asl.scheduler import Channel, Timer


@dataclass(frozen=True, slots=True)
class Returned:
    """The function has returned, or failed; without an answer, it was only asked to run."""

    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Reported:
    """Somebody sent the token back, with an output or a failure."""

    outcome: Document | StateFailure


@dataclass(frozen=True, slots=True)
class Expired:
    """A time limit has passed."""

    outcome: StateFailure


News = Returned | Reported | Expired


class Attempt:
    """One attempt of a task; leaving the context ends its token and its timers."""

    __slots__ = ("_heartbeat_timer", "_news", "_over", "_timer", "heartbeat", "timeout", "visit")

    def __init__(
        self, visit: Visit, timeout: int | None, heartbeat: int | None, *, with_token: bool
    ) -> None:
        """Limits in seconds; a token is only made where the task waits for one."""
        self.visit = visit
        self.timeout = timeout
        self.heartbeat = heartbeat
        self._news: Channel[News] = Channel()
        self._over = False
        self._timer: Timer | None = None
        self._heartbeat_timer: Timer | None = None
        visit.token = visit.runtime.tokens.issue(self) if with_token else None

    def __enter__(self) -> Self:
        """Start the time limits."""
        self._timer = self._limit(self.timeout, StateFailure("States.Timeout", None))
        self._heartbeat_timer = self._limit(self.heartbeat, HeartbeatFailure())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the token and the timers."""
        self._over = True
        token, self.visit.token = self.visit.token, None
        if token is not None:
            self.visit.runtime.tokens.close(token)
        for timer in (self._timer, self._heartbeat_timer):
            if timer is not None:
                timer.cancel()

    def limits(self) -> dict[str, int]:
        """The time limits as events show them."""
        limits = {"timeoutInSeconds": self.timeout, "heartbeatInSeconds": self.heartbeat}
        return {name: seconds for name, seconds in limits.items() if seconds is not None}

    def record(self, event_type: str, details: dict[str, Any] | None = None) -> None:
        """Keep an event of the attempt."""
        self.visit.line.record(event_type, details)

    def invoke(self, function: str, payload: str, *, detached: bool = False) -> None:
        """Call a function; its end will be news, or when detached, that it was called."""
        self.visit.runtime.invoke(
            function, payload.encode(), _ignore if detached else self._returned
        )
        if detached:
            self._news.put(Returned(None))

    async def news(self) -> News:
        """What happened next."""
        return await self._news

    def report(self, outcome: Document | StateFailure) -> None:
        """Somebody sends the token back. Needs the lock.

        Raises:
            TaskTimedOut: somebody else was first.
        """
        if self._over:
            raise TaskTimedOut
        self._over = True
        self._news.put(Reported(outcome))

    def beat(self) -> None:
        """Somebody shows that the task is alive. Needs the lock.

        Raises:
            TaskTimedOut: the task is over.
        """
        if self._over:
            raise TaskTimedOut
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()
            self._heartbeat_timer = self._limit(self.heartbeat, HeartbeatFailure())

    def _returned(self, answer: Answer) -> None:
        self._news.put(Returned(answer))

    def _limit(self, seconds: int | None, failure: StateFailure) -> Timer | None:
        if seconds is None:
            return None
        scheduler = self.visit.runtime.scheduler
        return scheduler.deliver_after(seconds, self._news, Expired(failure), is_limit=True)


def _ignore(_: Answer) -> None:
    """Nobody waits for the answer."""
