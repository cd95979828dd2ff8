"""Where an execution is: its lines, and their visits of states.

An execution has one line, and a further one for each branch of a Parallel state and each
iteration of a Map state. A line is in one state at a time; being there is a visit.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from sfn_local.document import Document, Json, dumps
from sfn_local.errors import RuntimeFailure, SizeFailure, StateFailure
from sfn_local.executions.execution import Execution
from sfn_local.executions.progress import Progress
from sfn_local.executions.runtime import Runtime
from sfn_local.scheduler import Channel
from sfn_local.timestamps import timestamp

NO_LINES: dict[int, Progress | Document] = {}  # of a visit that does not resume; stays empty


class VisitedState(Protocol):
    """The part of a state that a visit needs; entered, exited and aborted are types of events."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def can_retry(self) -> bool:
        """Whether it may have retriers."""

    @property
    def entered(self) -> str:
        """A visit begins."""

    @property
    def exited(self) -> str:
        """A visit ends with an output."""

    @property
    def aborted(self) -> str | None:
        """A visit is ended from outside; None where that has no event."""


@dataclass(slots=True, eq=False, repr=False)
class Line:
    """One line of control; its events form a chain, and the next one follows last_event.

    Item is `$$.Map.Item`. It sees the variables of the line that it branches off, and keeps its own
    to itself.
    """

    runtime: Runtime
    execution: Execution
    last_event: int
    item: dict[str, Json] | None = None
    variables: dict[str, Json] = field(default_factory=dict)
    visit: "Visit | None" = None
    resume: Progress | None = None

    def record(self, event_type: str, details: dict[str, Any] | None = None) -> int:
        """Keep an event that follows this line's last one; its number."""
        self.last_event = self.record_aside(event_type, details)
        return self.last_event

    def record_aside(self, event_type: str, details: dict[str, Any] | None = None) -> int:
        """Keep an event that the line's next one does not follow; its number."""
        moment = self.runtime.scheduler.clock.time()
        return self.execution.history.add(moment, self.last_event, event_type, details)

    def stands(self) -> Progress | None:
        """Where it stands; None where it has not entered its first state. Needs the lock."""
        visit = self.visit
        return self.resume if visit is None else visit.progress()


@dataclass(slots=True, eq=False, repr=False)
class Visit:
    """A line's stay in a state.

    Attempts counts the retries of each entry of Retry. Fork holds the lines of a Map or Parallel
    state, left those of an attempt that failed, earlier what is known of them from before the line
    resumed.
    """

    line: Line
    state: VisitedState
    input: Document
    retries: int = 0
    attempts: dict[int, int] = field(default_factory=dict)
    token: str | None = None
    fork: Any = None
    left: Any = None
    is_submitted: bool = False
    due: float | None = None
    entered: float = field(init=False)
    event: int = 0
    is_resumed: bool = field(init=False)
    earlier: dict[int, Progress | Document] = field(init=False)
    _resumed: Progress | None = field(init=False)
    _previous: int = field(init=False)
    _assigned: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Enter the state, or be in it again where the line resumes."""
        line, state = self.line, self.state
        self.entered = line.runtime.scheduler.clock.time()
        resumed, line.resume = line.resume, None
        self._resumed = resumed
        self.is_resumed = resumed is not None
        self.earlier = NO_LINES if resumed is None else dict(resumed.lines)
        line.visit = self
        self._previous = line.last_event
        if resumed is not None and (state.can_retry or resumed.is_exact):
            self.entered, self.event = resumed.entered, resumed.event
            if resumed.is_exact:
                self.retries, self.attempts = resumed.retries, dict(resumed.attempts)
        else:
            details = {"input": self.input.text, "name": state.name}
            self.event = line.record(state.entered, details)

    @property
    def runtime(self) -> Runtime:
        """The services of the engine."""
        return self.line.runtime

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

    def progress(self) -> Progress:
        """Return the progress that a restart goes on from. Needs the lock."""
        fork = self.fork or self.left
        lines: dict[int, Progress | Document] = dict(self.earlier)
        if fork is not None:
            lines |= fork.outputs
            for index, inner in {**fork.running, **fork.failed}.items():
                stands = inner.stands()
                if stands is not None:
                    lines[index] = stands
        return Progress(
            self.state.name,
            self.input,
            self.event,
            self.entered,
            self.line.variables,
            lines,
            self.token,
            self.is_submitted,
            self.due,
            self.retries,
            self.attempts,
        )

    @property
    def is_between_attempts(self) -> bool:
        """Whether a restart came while a retry was waited for."""
        resumed = self._resumed
        return resumed is not None and resumed.is_exact and resumed.due is not None

    def take_up(self) -> Progress | None:
        """Return the visit's progress from before a restart; None the second time."""
        resumed, self._resumed = self._resumed, None
        return resumed if resumed is not None and resumed.is_exact else None

    def note_exchange(self, request: dict[str, str], response: dict[str, str]) -> None:
        """An HTTP task has sent and received these; only a tested state keeps them."""

    async def retry_after(self, seconds: float) -> None:
        """Wait without a thread, and begin the next attempt: nothing is left of the last one."""
        await self.sleep(seconds)
        self.retries += 1
        self.is_resumed = False
        self.earlier = NO_LINES

    async def sleep(self, seconds: float) -> None:
        """Wait without a thread; after a restart, only for what is left."""
        channel: Channel[None] = Channel()
        scheduler = self.runtime.scheduler
        resumed = self.take_up()
        self.due = scheduler.clock.time() + seconds * self.runtime.wait_time_scale
        if resumed is not None and resumed.due is not None:
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
