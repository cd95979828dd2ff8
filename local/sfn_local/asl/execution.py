"""An execution at run time: the record, its lines, and the visits of states.

An execution has one line, and a further one for each branch of a Parallel state and each
iteration of a Map state. A line is in one state at a time; being there is a visit.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from sfn_local.asl.activities import Activities
from sfn_local.asl.document import Document, Json, dumps
from sfn_local.asl.errors import (
    ExecutionNotRedrivable,
    HistoryFull,
    RuntimeFailure,
    SizeFailure,
    StateFailure,
)
from sfn_local.asl.functions import FunctionError
from sfn_local.asl.history import MOST_EVENTS, History, UnkeptHistory
from sfn_local.asl.progress import Progress, progress_of
from sfn_local.asl.quotas import QUOTAS
from sfn_local.asl.scheduler import Channel, Scheduler, Strand, Timer
from sfn_local.asl.tokens import Tokens

if TYPE_CHECKING:
    from sfn_local.asl.distributed.children import Unfinished
    from sfn_local.asl.distributed.map_run import MapRuns
    from sfn_local.asl.functions import Answer, FunctionInvoker
    from sfn_local.asl.integrations.attempt import Attempt
    from sfn_local.asl.machine import Machine
    from sfn_local.asl.mocks import MockCase
    from sfn_local.asl.services import Services
    from sfn_local.asl.states.state import State

logger = logging.getLogger(__name__)

UNSUCCESSFUL = ("FAILED", "ABORTED", "TIMED_OUT")
REDRIVABLE_SECONDS = 14 * 24 * 3600.0
LONGEST_SECONDS = 365 * 24 * 3600.0
NO_LINES: dict[int, "Progress | Document"] = {}  # of a visit that does not resume; stays empty


class Runtime:
    """What the engine offers to its executions."""

    def __init__(
        self,
        scheduler: Scheduler,
        functions: "FunctionInvoker",
        services: "Services",
        map_runs: "MapRuns",
        region: str,
    ) -> None:
        """One for each engine."""
        self.scheduler = scheduler
        self.functions = functions
        self.services = services
        self.map_runs = map_runs
        self.region = region
        self.activities = Activities(scheduler.lock)
        self.start_execution: Callable[[str, str | None, str], Execution] = _nowhere
        self.find_execution: Callable[[str], Execution] = _nowhere
        self.random = scheduler.random.random
        self.wait_time_scale = 1.0
        self.tokens: Tokens[Attempt] = Tokens(scheduler.random.randbytes(32))

    def invoke(self, function: str, payload: bytes, done: Callable[["Answer"], None]) -> None:
        """Call a function; done is called with the lock held, once. Needs the lock."""
        self.scheduler.add(partial(self._submit, function, payload, done))

    def new_uuid(self) -> str:
        """A random UUID."""
        return str(uuid.UUID(int=self.scheduler.random.getrandbits(128), version=4))

    def _submit(self, function: str, payload: bytes, done: Callable[["Answer"], None]) -> None:
        def deliver(answer: "Answer") -> None:
            with self.scheduler.lock:
                done(answer)

        try:
            self.functions.submit(function, payload, deliver)
        except Exception as error:
            logger.exception("the function %s could not be called", function)
            deliver(FunctionError("Lambda.Unknown", str(error)))


def _nowhere(*_: str | None) -> NoReturn:
    raise LookupError("no engine has said how executions are started and found")


class Execution:
    """One run of a state machine."""

    __slots__ = (
        "_line",
        "_strand",
        "_timeout",
        "_watchers",
        "alias_arn",
        "arn",
        "awaits_redrive",
        "cause",
        "error",
        "history",
        "input",
        "machine",
        "map_item_count",
        "map_run_arn",
        "mocks",
        "name",
        "notify",
        "number",
        "output",
        "progress",
        "redrive_count",
        "redriven",
        "runtime",
        "started",
        "status",
        "stopped",
        "trace_header",
        "unfinished",
        "version_arn",
    )

    def __init__(
        self,
        arn: str,
        name: str,
        machine: "Machine",
        document: Document,
        runtime: Runtime,
        notify: Callable[["Execution"], None],
        *,
        keeps_history: bool = True,
    ) -> None:
        """An execution that has not started; notify is called whenever its status changes."""
        self.arn = arn
        self.name = name
        self.machine = machine
        self.input = document
        self.runtime = runtime
        self.status = "RUNNING"
        self.started = runtime.scheduler.clock.time()
        self.stopped: float | None = None
        self.output: str | None = None
        self.error: str | None = None
        self.cause: str | None = None
        self.history: History = History() if keeps_history else UnkeptHistory()
        self.map_run_arn: str | None = None
        self.map_item_count = 0
        self.mocks: MockCase | None = None
        self.trace_header: str | None = None
        self.number = 0
        self.awaits_redrive = False
        self.version_arn: str | None = None
        self.alias_arn: str | None = None
        self.redrive_count = 0
        self.redriven: float | None = None
        self.unfinished: dict[int, Unfinished] = {}  # Map Runs, by the event of the state's entry
        self.progress: Progress | None = None
        self.notify = notify
        self._line: Line | None = None
        self._strand: Strand | None = None
        self._timeout: Timer | None = None
        self._watchers: list[Callable[[], None]] = []

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status == "RUNNING"

    def start(self) -> None:
        """Enter the first state as soon as the scheduler gets to it. Needs the lock."""
        details = {"input": self.input.text, "roleArn": self.machine.role_arn}
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
        return self.progress if self._line is None else progress_of(self._line)

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
        line = self._line = Line(self, last_event=len(self.history) if goes_on else 0)
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

    def _fail(self, line: "Line", failure: StateFailure) -> None:
        self.progress = progress_of(line)
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


class Line:
    """One line of control; its events form a chain."""

    __slots__ = ("execution", "item", "last_event", "resume", "variables", "visit")

    def __init__(
        self,
        execution: Execution,
        last_event: int,
        item: dict[str, Json] | None = None,
        variables: dict[str, Json] | None = None,
    ) -> None:
        """A line whose next event follows the given one; item is `$$.Map.Item`.

        It sees the variables of the line that it branches off, and keeps its own to itself.
        """
        self.execution = execution
        self.last_event = last_event
        self.item = item
        self.variables: dict[str, Json] = variables or {}
        self.visit: Visit | None = None
        self.resume: Progress | None = None

    def record(self, event_type: str, details: dict[str, Any] | None = None) -> int:
        """Keep an event that follows this line's last one; its number."""
        self.last_event = self.record_aside(event_type, details)
        return self.last_event

    def record_aside(self, event_type: str, details: dict[str, Any] | None = None) -> int:
        """Keep an event that the line's next one does not follow; its number."""
        execution = self.execution
        moment = execution.runtime.scheduler.clock.time()
        return execution.history.add(moment, self.last_event, event_type, details)


class Visit:
    """A line's stay in a state."""

    __slots__ = (
        "_assigned",
        "_previous",
        "_resumed",
        "due",
        "earlier",
        "entered",
        "event",
        "fork",
        "input",
        "is_resumed",
        "is_submitted",
        "left",
        "line",
        "retries",
        "state",
        "token",
    )

    def __init__(self, line: Line, state: "State", document: Document) -> None:
        """Enter the state, or be in it again where the line resumes.

        Fork holds the lines of a Map or Parallel state, left those of an attempt that failed,
        earlier what is known of them from before the line resumed.
        """
        self.line = line
        self.state = state
        self.input = document
        self.retries = 0
        self.token: str | None = None
        self.fork: Any = None
        self.left: Any = None
        self.is_submitted = False
        self.due: float | None = None
        self.entered = line.execution.runtime.scheduler.clock.time()
        self.event = 0
        resumed, line.resume = line.resume, None
        self._resumed = resumed
        self.is_resumed = resumed is not None
        self.earlier = NO_LINES if resumed is None else dict(resumed.lines)
        line.visit = self
        self._assigned: dict[str, Json] = {}
        self._previous = line.last_event
        if resumed is not None and (state.can_retry or resumed.is_exact):
            self.entered, self.event = resumed.entered, resumed.event
        else:
            details = {"input": document.text, "name": state.name}
            self.event = line.record(state.entered, details)

    @property
    def runtime(self) -> Runtime:
        """What the engine offers."""
        return self.line.execution.runtime

    def random(self) -> float:
        """A number in [0, 1)."""
        return self.runtime.random()

    def assign(self, variables: dict[str, Json]) -> None:
        """Give variables these values when the state is left.

        Raises:
            SizeFailure: they are too large.
        """
        if Document(variables).is_too_large:
            raise SizeFailure(self.state.name)
        self._assigned = variables

    def exit(self, output: Document) -> None:
        """Leave the state."""
        details: dict[str, Any] = {"name": self.state.name, "output": output.text}
        if self._assigned:
            shown = {name: dumps(value) for name, value in self._assigned.items()}
            details["assignedVariables"] = shown
            self.line.variables = {**self.line.variables, **self._assigned}
        self.line.record(self.state.exited, details)
        self.line.visit = None

    def explain(self, failure: RuntimeFailure) -> StateFailure:
        """The failure with the sentence that AWS puts before its cause."""
        return StateFailure(failure.error, self._explain(failure.cause))

    def query_failure(
        self, cause: str, location: str | None = None, *, follows: int | None = None
    ) -> StateFailure:
        """An expression that failed, recorded; location is the field with it.

        The event follows the one before the state's entry, as AWS has it, unless told otherwise.
        """
        failure = StateFailure("States.QueryEvaluationError", self._explain(cause))
        details = {**failure.reasons(), "state": self.state.name}
        if location is not None:
            details["location"] = location
        self.line.last_event = self._previous if follows is None else follows
        self.line.record("EvaluationFailed", details)
        return failure

    def _explain(self, cause: str | None) -> str:
        sentence = (
            f"An error occurred while executing the state '{self.state.name}' "
            f"(entered at the event id #{self.event})."
        )
        return f"{sentence} {cause}"

    def take_up(self) -> Progress | None:
        """What is known of the visit from before a restart; the second time nothing."""
        resumed, self._resumed = self._resumed, None
        return resumed if resumed is not None and resumed.is_exact else None

    def note_exchange(self, request: dict[str, str], response: dict[str, str]) -> None:
        """An HTTP task has sent and received these; only a tested state keeps them."""

    async def sleep(self, seconds: float) -> None:
        """Wait without a thread; after a restart, only for what is left."""
        channel: Channel[None] = Channel()
        scheduler = self.runtime.scheduler
        resumed = self.take_up()
        self.due = scheduler.clock.time() + seconds * self.runtime.wait_time_scale
        if resumed is not None and resumed.due is not None and not self.state.can_retry:
            self.due = resumed.due
        seconds = max(self.due - scheduler.clock.time(), 0.0)
        timer = scheduler.deliver_after(seconds, channel, None)
        try:
            await channel
        finally:
            timer.cancel()
            self.due = None

    def context(self, item: Json = None) -> dict[str, Json]:
        """The context object, `$$`; item is that of an iteration about to start."""
        execution = self.line.execution
        state: dict[str, Json] = {"EnteredTime": timestamp(self.entered), "Name": self.state.name}
        if self.state.can_retry:
            state["RetryCount"] = self.retries
        context: dict[str, Json] = {
            "Execution": {
                "Id": execution.arn,
                "Input": execution.input.value,
                "Name": execution.name,
                "RoleArn": execution.machine.role_arn,
                "StartTime": timestamp(execution.started),
            },
            "State": state,
            "StateMachine": {"Id": execution.machine.arn, "Name": execution.machine.name},
        }
        if not execution.machine.is_express:
            context["Execution"]["RedriveCount"] = execution.redrive_count
        if execution.redriven is not None:
            context["Execution"]["RedriveTime"] = timestamp(execution.redriven)
        if self.token is not None:
            context["Task"] = {"Token": self.token}
        item = item or self.line.item
        if item is not None:
            context["Map"] = {"Item": item}
        return context


def timestamp(moment: float) -> str:
    """A moment as the context object shows it: UTC, in milliseconds."""
    return f"{datetime.fromtimestamp(moment, UTC).isoformat(timespec='milliseconds')[:-6]}Z"
