"""One run of a state machine."""

import logging
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sfn_local.document import Document
from sfn_local.errors import ExecutionNotRedrivable, HistoryFull, StateFailure
from sfn_local.executions.history import MOST_EVENTS, History, UnkeptHistory
from sfn_local.executions.machine import Machine
from sfn_local.executions.progress import Progress
from sfn_local.mocks import MockCase
from sfn_local.quotas import QUOTAS
from sfn_local.scheduler import Scheduler, Strand, Timer

logger = logging.getLogger(__name__)

UNSUCCESSFUL = ("FAILED", "ABORTED", "TIMED_OUT")
REDRIVABLE_SECONDS = 14 * 24 * 3600.0
LONGEST_SECONDS = 365 * 24 * 3600.0


class MainLine(Protocol):
    """The line that goes from an execution's first state to its end."""

    last_event: int
    resume: Progress | None

    def stands(self) -> Progress | None:
        """Where it stands; None where it has not entered its first state. Needs the lock."""


class Host(Protocol):
    """The part of an engine that an execution needs."""

    @property
    def scheduler(self) -> Scheduler:
        """Where it runs."""

    @property
    def new_line(self) -> "Callable[[Execution, int], MainLine]":
        """Makes its line, whose next event follows the given one."""


@dataclass(slots=True, eq=False, repr=False)
class Execution:
    """One run of a state machine; notify is called whenever its status changes."""

    arn: str
    name: str
    machine: Machine
    input: Document
    runtime: Host
    notify: Callable[["Execution"], None]
    keeps_history: InitVar[bool] = field(default=True, kw_only=True)
    status: str = "RUNNING"
    started: float = field(init=False)
    stopped: float | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    history: History = field(init=False)
    map_run_arn: str | None = None
    map_item_count: int = 0
    mocks: MockCase | None = None
    trace_header: str | None = None
    number: int = 0
    awaits_redrive: bool = False
    version_arn: str | None = None
    alias_arn: str | None = None
    redrive_count: int = 0
    redriven: float | None = None
    unfinished: dict[int, object] = field(default_factory=dict)
    """Map Runs, by the event of the state's entry."""
    progress: Progress | None = None
    _line: MainLine | None = None
    _strand: Strand | None = None
    _timeout: Timer | None = None
    _watchers: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self, keeps_history: bool) -> None:
        """An execution that has not started."""
        self.started = self.runtime.scheduler.clock.time()
        self.history = History() if keeps_history else UnkeptHistory()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status == "RUNNING"

    def start(self) -> None:
        """Enter the first state as soon as the scheduler gets to it. Needs the lock."""
        details = {"input": self.input.text, "roleArn": self.machine.role_arn}
        if self.version_arn is not None:
            details["stateMachineVersionArn"] = self.version_arn
        if self.alias_arn is not None:
            details["stateMachineAliasArn"] = self.alias_arn
        self.history.add(self.started, 0, "ExecutionStarted", details)
        self._go(self.started)
        self.notify(self)

    def redrive(self) -> None:
        """Go on with the state that did not succeed; time limits start again. Needs the lock.

        Raises:
            ExecutionNotRedrivable: AWS would not let it be redriven.
        """
        reason = self.not_redrivable_because
        if reason is not None:
            raise ExecutionNotRedrivable(reason)
        self.status = "RUNNING"
        self.awaits_redrive = False
        self.stopped = self.error = self.cause = None
        self.redrive_count += 1
        self.redriven = self.runtime.scheduler.clock.time()
        details = {"redriveCount": self.redrive_count}
        self.history.add(self.redriven, len(self.history), "ExecutionRedriven", details)
        if self.progress is not None:
            self.progress = self.progress.without_tokens()
        self._go(self.redriven)
        self.notify(self)

    def resume(self) -> None:
        """Go on from its progress after a restart. Needs the lock."""
        self._go(self.started if self.redriven is None else self.redriven)

    def stands(self) -> Progress | None:
        """Where it stands; None before it has entered a state. Needs the lock."""
        return self.progress if self._line is None else self._line.stands()

    def _go(self, since: float) -> None:
        """Run from its progress, or from the start; the time limit counts from a moment."""
        scheduler = self.runtime.scheduler
        if self.machine.timeout is not None:
            left = since + self.machine.timeout - scheduler.clock.time()
            self._timeout = scheduler.after(max(left, 0.0), self._time_out, is_limit=True)
        self._strand = scheduler.spawn(self._run)

    def stop(self, error: str | None, cause: str | None) -> None:
        """End it from outside. Needs the lock."""
        self.progress = self.stands()
        self._cancel()
        self._end("ABORTED", "ExecutionAborted", 0, error=error, cause=cause)

    def is_of(self, arn: str) -> bool:
        """Whether an ARN names its machine, or the version or alias that it was started with."""
        return arn in (self.machine.arn, self.version_arn, self.alias_arn)

    def when_ended(self, watcher: Callable[[], None]) -> None:
        """Call back once it has ended, now or later. Needs the lock."""
        if self.is_running:
            self._watchers.append(watcher)
        else:
            watcher()

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeExecution."""
        shown: dict[str, Any] = {
            **self.summary(),
            "input": self.input.text,
            "inputDetails": {"included": True},
            **self.redrive_status(),
        }
        if self.output is not None:
            shown |= {"output": self.output, "outputDetails": {"included": True}}
        texts = {"error": self.error, "cause": self.cause, "traceHeader": self.trace_header}
        return shown | {name: text for name, text in texts.items() if text is not None}

    def summary(self) -> dict[str, Any]:
        """Its entry in the answer of ListExecutions."""
        shown: dict[str, Any] = {
            "executionArn": self.arn,
            "stateMachineArn": self.machine.arn,
            "name": self.name,
            "status": "PENDING_REDRIVE" if self.awaits_redrive else self.status,
            "startDate": datetime.fromtimestamp(self.started, UTC),
            "redriveCount": self.redrive_count,
        }
        if self.version_arn is not None:
            shown["stateMachineVersionArn"] = self.version_arn
        if self.alias_arn is not None:
            shown["stateMachineAliasArn"] = self.alias_arn
        if self.redriven is not None:
            shown["redriveDate"] = datetime.fromtimestamp(self.redriven, UTC)
        if self.map_run_arn is not None:
            shown |= {"mapRunArn": self.map_run_arn, "itemCount": self.map_item_count}
        if self.stopped is not None:
            shown["stopDate"] = datetime.fromtimestamp(self.stopped, UTC)
        return shown

    @property
    def not_redrivable_because(self) -> str | None:
        """Why AWS would not let it be redriven; None if it would."""
        now = self.runtime.scheduler.clock.time()
        if self.status not in UNSUCCESSFUL:
            return f"Execution is {self.status} and cannot be redriven"
        if len(self.history) >= QUOTAS.history_events - 1:
            return "Execution history event limit exceeded"
        if now - self.started > LONGEST_SECONDS:
            return "Execution has exceeded the max execution time"
        if now - (self.stopped or now) > REDRIVABLE_SECONDS:
            return "Execution redrivable period exceeded"
        return None

    def redrive_status(self) -> dict[str, str]:
        """Whether it can be redriven now, and why not, as DescribeExecution shows it."""
        reason = self.not_redrivable_because
        if reason is not None:
            return {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
        by_map_run = "" if self.map_run_arn is None else "_BY_MAP_RUN"
        return {"redriveStatus": f"REDRIVABLE{by_map_run}"}

    async def _run(self) -> None:
        goes_on = self.progress is not None or self.redrive_count > 0
        line = self._line = self.runtime.new_line(self, len(self.history) if goes_on else 0)
        line.resume, self.progress = self.progress, None
        try:
            output = await self.machine.graph.run(line, self.input)
        except StateFailure as failure:
            self._fail(line, failure)
        except HistoryFull:
            cause = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
            self._fail(line, StateFailure("States.Runtime", cause))
        except Exception as error:
            logger.exception("the execution %s broke the engine", self.arn)
            cause = f"The engine failed: {type(error).__name__}: {error}"
            self._fail(line, StateFailure("States.Runtime", cause))
        else:
            self.output = output.text
            self._end("SUCCEEDED", "ExecutionSucceeded", line.last_event, output=output.text)

    def _fail(self, line: MainLine, failure: StateFailure) -> None:
        self.progress = line.stands()
        self._end(
            "FAILED",
            "ExecutionFailed",
            line.last_event,
            error=failure.error,
            cause=failure.cause,
        )

    def _time_out(self) -> None:
        with self.runtime.scheduler.lock:
            if self.is_running:
                self.progress = self.stands()
                self._cancel()
                self._end("TIMED_OUT", "ExecutionTimedOut", 0)

    def _cancel(self) -> None:
        if self._strand is not None:
            self._strand.cancel()

    def _end(self, status: str, event: str, previous: int, **details: str | None) -> None:
        self.status = status
        self.stopped = self.runtime.scheduler.clock.time()
        self.input.pack()
        self.error = details.get("error")
        self.cause = details.get("cause")
        self._line = self._strand = None
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None
        given = {name: text for name, text in details.items() if text is not None}
        self.history.end(self.stopped, previous, event, given)
        self.notify(self)
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher()
