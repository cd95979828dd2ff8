"""One attempt of a task: its token, its time limits, and whoever reports its end first."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from functools import partial
from typing import Any, Self

from sfn_local.calls.functions import NO_HEADERS, Answer
from sfn_local.document import Document, Json
from sfn_local.errors import HeartbeatFailure, StateFailure, TaskTimedOut
from sfn_local.executions.line import Visit
from sfn_local.integrations.permissions import check_role
from sfn_local.scheduler import Channel, Timer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Returned:
    """The function or service has answered, or failed."""

    outcome: Document | StateFailure


@dataclass(frozen=True, slots=True)
class Reported:
    """Somebody sent the token back, with an output or a failure."""

    outcome: Document | StateFailure


@dataclass(frozen=True, slots=True)
class Expired:
    """A time limit has passed."""

    outcome: StateFailure


@dataclass(frozen=True, slots=True)
class Taken:
    """A worker of an activity has taken the task."""

    worker: str | None


NOTHING = Document({})
Outcome = Document | StateFailure
Ending = Returned | Reported | Expired
News = Ending | Taken


@dataclass(slots=True, eq=False, repr=False)
class Attempt:
    """One attempt of a task; leaving the context ends its token and its timers.

    Limits are in seconds. A token is only made where somebody may send it back, which with_token
    says; it may be one from before a restart.
    """

    visit: Visit
    timeout: int | None
    heartbeat: int | None
    with_token: InitVar[bool] = field(kw_only=True)
    token: InitVar[str | None] = field(default=None, kw_only=True)
    credentials: dict[str, Json] | None = field(default=None, kw_only=True)
    arguments: Document = NOTHING
    _news: Channel[News] = field(default_factory=Channel)
    _offered: Document | None = None
    _over: bool = False
    _timer: Timer | None = None
    _heartbeat_timer: Timer | None = None

    def __post_init__(self, with_token: bool, token: str | None) -> None:
        """Make its token."""
        visit = self.visit
        visit.token = visit.runtime.tokens.issue(self, token) if with_token else None

    def __enter__(self) -> Self:
        """Start the time limits."""
        self._timer = self._limit(self.timeout, StateFailure("States.Timeout", None))
        self._heartbeat_timer = self._limit(self.heartbeat, HeartbeatFailure())
        return self

    def __exit__(self, *_: object) -> None:
        """End the token and the timers."""
        self._over = True
        self.visit.is_submitted = False
        token, self.visit.token = self.visit.token, None
        if token is not None:
            self.visit.runtime.tokens.close(token)
        for timer in (self._timer, self._heartbeat_timer):
            if timer is not None:
                timer.cancel()

    @property
    def machine(self) -> str:
        """The ARN of the state machine."""
        return self.visit.line.execution.machine.arn

    @property
    def is_over(self) -> bool:
        """Whether the task has its end."""
        return self._over

    def terms(self) -> dict[str, Any]:
        """The time limits and the role of Credentials, as events show them."""
        terms: dict[str, Any] = {}
        if self.timeout is not None:
            terms["timeoutInSeconds"] = self.timeout
        if self.heartbeat is not None:
            terms["heartbeatInSeconds"] = self.heartbeat
        if self.credentials is not None:
            terms["taskCredentials"] = {"roleArn": self.credentials.get("RoleArn")}
        return terms

    def record(self, event_type: str, details: dict[str, Any] | None = None) -> None:
        """Keep an event of the attempt."""
        self.visit.is_submitted |= event_type == "TaskSubmitted"
        self.visit.line.record(event_type, details)

    def refusal(
        self, service: str, action: str, arguments: Document, error: str
    ) -> StateFailure | None:
        """Return the failure of a call that the role may not make; None if it may."""
        role = (self.credentials or {}).get("RoleArn")
        return check_role(self.visit, role, service, action, arguments.value, error)

    def invoke(
        self,
        function: str,
        payload: str,
        read: Callable[[Answer], Outcome] | None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        """Call a function; its answer, once read, will be news, unless nobody waits for it."""

        def done(answer: Answer) -> None:
            if read is not None:
                self.answer(read(answer))

        execution = self.visit.line.execution
        trace, is_child = execution.trace_header, execution.map_run_arn is not None
        body = payload.encode()
        self.visit.runtime.invoke(function, body, done, trace, headers, is_child=is_child)

    def call(self, call: Callable[[], Outcome]) -> None:
        """Make a call that may wait for the network; what it answers will be news."""
        scheduler = self.visit.runtime.scheduler

        def work() -> None:
            try:
                outcome = call()
            except Exception as error:  # a task that nobody answers would wait for ever
                logger.exception("a call of %s failed", self.visit.state.name)
                outcome = StateFailure("States.TaskFailed", f"{type(error).__name__}: {error}")
            scheduler.hand_in(partial(self.answer, outcome))

        scheduler.add_blocking(work)

    def call_after(self, seconds: float, call: Callable[[], Outcome]) -> Timer:
        """Make such a call later."""
        scheduler = self.visit.runtime.scheduler
        return scheduler.after(
            seconds * self.visit.runtime.wait_time_scale, lambda: self.call(call)
        )

    def answer(self, outcome: Outcome) -> None:
        """The function or service has answered. Needs the lock."""
        self._news.put(Returned(outcome))

    def offer(self, document: Document) -> None:
        """Wait for a worker to take the task with this input; until then no heartbeat is due."""
        self._offered = document
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()

    def take(self, worker: str | None) -> dict[str, str]:
        """A worker takes the task: its token and its input. Needs the lock."""
        self._news.put(Taken(worker))
        self.beat()
        offered = "" if self._offered is None else self._offered.text
        return {"taskToken": self.visit.token or "", "input": offered}

    async def news(self) -> News:
        """Wait for the next news of the task."""
        return await self._news

    async def ending(self) -> Ending:
        """Wait for the next news of a task that no worker takes."""
        while isinstance(news := await self._news, Taken):
            continue
        return news

    def conclude(self, news: Ending, kind: str) -> Document:
        """The result of a task of some kind, recorded as its event: `ActivitySucceeded`.

        Raises:
            StateFailure: it failed, or did not end in time.
        """
        outcome = news.outcome
        if isinstance(outcome, StateFailure):
            ending = "TimedOut" if isinstance(news, Expired) else "Failed"
            self.record(f"{kind}{ending}", outcome.reasons())
            raise outcome
        self.record(f"{kind}Succeeded", {"output": outcome.text})
        return outcome

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

    def _limit(self, seconds: int | None, failure: StateFailure) -> Timer | None:
        if seconds is None:
            return None
        scheduler = self.visit.runtime.scheduler
        return scheduler.deliver_after(seconds, self._news, Expired(failure), is_limit=True)
