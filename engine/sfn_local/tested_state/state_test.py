"""The run of one state."""

from collections.abc import Awaitable, Callable

from sfn_local.dataflow.flow import compile_flow, uses_jsonata
from sfn_local.dataflow.recovery import Retriers, find_catcher, handles
from sfn_local.document import Document, Json, dumps
from sfn_local.errors import DefinitionError, InvalidDefinition, RuntimeFailure, StateFailure
from sfn_local.executions.counts import ThresholdFailure, Tolerance
from sfn_local.executions.execution import Execution
from sfn_local.executions.line import Line, Visit
from sfn_local.executions.machine import Machine
from sfn_local.executions.runtime import Runtime
from sfn_local.lint.model import Definition
from sfn_local.states import Graph, build_graph
from sfn_local.states.item_processor import compile_items, not_iterable, processor_config
from sfn_local.states.retrying import RetryingState
from sfn_local.states.state import State
from sfn_local.tested_state.inspection import inspect
from sfn_local.tested_state.outcome import Outcome
from sfn_local.tested_state.question import Question

LONGEST_SECONDS = 300.0


class StateTest:
    """One run of one state; its outcome is there when it is done."""

    def __init__(self, question: Question, runtime: Runtime, account: str) -> None:
        """Compile the state and start it. Needs the lock.

        Raises:
            InvalidDefinition: it is not well formed.
        """
        self._question = question
        self.outcome = Outcome()
        self.is_done = False
        state = _compile(question)
        if isinstance(state, RetryingState):
            self._prepare(state)
        name, machine_name = runtime.new_uuid(), runtime.new_uuid()
        arn = f"arn:aws:states:{runtime.region}:{account}"
        machine = Machine(
            arn=f"{arn}:stateMachine:{machine_name}",
            name=machine_name,
            definition="",
            role_arn=question.role_arn or f"arn:aws:iam::{account}:role/local",
            graph=Graph(state, {question.name: state}),
            timeout=None,
            created=runtime.scheduler.clock.time(),
            type="EXPRESS",
        )
        execution = Execution(
            f"{arn}:express:{machine_name}:{name}",
            name,
            machine,
            question.input,
            runtime,
            lambda _: None,
            keeps_history=False,
        )
        line = Line(runtime, execution, 0, variables=dict(question.variables))
        self._strand = runtime.scheduler.spawn(lambda: self._run(state, line))

    def cancel(self) -> None:
        """End it: it has lasted too long. Needs the lock."""
        self._strand.cancel()
        self.outcome.failure = StateFailure("States.Timeout", None)

    def _prepare(self, state: RetryingState) -> None:
        """Let the state report what it would do, instead of retrying; and mock its work."""
        state.retriers = _Probe(state.retriers, self._question.retries_made)
        attempt: Callable[[Visit], Awaitable[Document]] = state.attempt

        async def observed(visit: Visit) -> Document:
            mock = self._question.mock
            if mock is None:
                self.outcome.result = await attempt(visit)
                return self.outcome.result
            if state.type == "Map":
                self._check_items(visit)
            else:
                state.flow.arguments(visit)
            if isinstance(mock, StateFailure):
                raise mock
            self._check_tolerance(mock)
            self.outcome.result = mock
            return mock

        state.attempt = observed  # type: ignore[method-assign]

    def _check_items(self, visit: Visit) -> None:
        """See that a Map whose work is mocked has items.

        Raises:
            StateFailure: its input has none.
        """
        fields = self._question.definition
        if "ItemReader" in fields:
            return
        document = visit.input
        if not uses_jsonata(fields):
            document = compile_flow(fields).input(visit)
        items = compile_items(fields)(visit, document)
        is_distributed = processor_config(fields).get("Mode") == "DISTRIBUTED"
        if not isinstance(items, (list, dict) if is_distributed else list):
            raise not_iterable(fields, visit, items)

    def _check_tolerance(self, mock: Document) -> None:
        """Fail a Map whose tolerance, where it has one, the mocked failures exceed.

        Raises:
            ThresholdFailure: they do.
        """
        fields = self._question.definition
        count, share = fields.get("ToleratedFailureCount"), fields.get("ToleratedFailurePercentage")
        tolerance = Tolerance(
            count if isinstance(count, int) else None,
            share if isinstance(share, (int, float)) else None,
        )
        if tolerance == Tolerance():
            return
        iterations = len(mock.value) if isinstance(mock.value, list) else None
        if tolerance.is_exceeded(self._question.failed_iterations, iterations):
            raise ThresholdFailure

    async def _run(self, state: State, line: Line) -> None:
        visit = TestedVisit(line, state, self._question)
        outcome = self.outcome
        try:
            outcome.output, outcome.next = await state.execute(visit)
            outcome.status = "SUCCEEDED"
        except _WouldRetryError as would:
            outcome.status, outcome.failure = "RETRIABLE", would.failure
            outcome.details = {
                "retryIndex": would.position,
                "retryBackoffIntervalSeconds": round(would.delay),
            }
        except RuntimeFailure as failure:
            outcome.failure = visit.explain(failure)
        except StateFailure as failure:
            outcome.failure = failure
        if isinstance(state, RetryingState) and state.retriers.last is not None:
            self._note_retrier(state, state.retriers.last)
            self._note_catch(state, state.retriers.last)
        inspect(self._question, visit, outcome)
        outcome.exchange = visit.exchange
        if outcome.output is not None:
            visit.exit(outcome.output)
        if line.variables:
            outcome.data["variables"] = dumps(line.variables)
        self.is_done = True

    def _note_retrier(self, state: RetryingState, failure: StateFailure) -> None:
        """Which retrier has no attempt left for a failure."""
        handling = (
            index
            for index, retrier in enumerate(state.retriers.entries)
            if handles(retrier.errors, failure)
        )
        index = next(handling, None)
        if self.outcome.status == "FAILED" and index is not None:
            self.outcome.details = {"retryIndex": index}

    def _note_catch(self, state: RetryingState, failure: StateFailure) -> None:
        """Where a catcher has led on from a failure."""
        catcher = find_catcher(state.catchers, failure)
        if self.outcome.status == "SUCCEEDED" and catcher is not None:
            self.outcome.status, self.outcome.failure = "CAUGHT_ERROR", failure
            self.outcome.details = {"catchIndex": state.catchers.index(catcher)}


class _WouldRetryError(Exception):
    def __init__(self, failure: StateFailure, position: int, delay: float) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.position = position
        self.delay = delay


class _Probe(Retriers):
    """Retriers that say what they would do; last is the failure that they were asked about."""

    def __init__(self, retriers: Retriers, made: int) -> None:
        super().__init__(retriers.entries)
        self._made = made

    def delay(self, visit: Visit, failure: StateFailure) -> float | None:
        self.last = failure
        visit.attempts = dict.fromkeys(range(len(self.entries)), self._made)
        delay = super().delay(visit, failure)
        if delay is None:
            return None
        made = visit.attempts.items()
        position = next(entry for entry, count in made if count != self._made)
        raise _WouldRetryError(failure, position, delay)


class TestedVisit(Visit):
    """A visit whose context object the caller may have given, and which keeps its HTTP exchange."""

    __slots__ = ("_given", "_role_arn", "exchange")

    def __init__(self, line: Line, state: State, question: Question) -> None:
        """Enter the state with the question's input."""
        self._given = question.context
        self._role_arn = question.role_arn
        self.exchange: dict[str, dict[str, str]] = {}
        super().__init__(line, state, question.input)

    def context(self, item: Json = None) -> dict[str, Json]:
        """The context object that the caller has given, or the one of an EXPRESS execution."""
        if self._given is not None:
            return self._given
        context = super().context(item)
        context["Execution"]["RoleArn"] = self._role_arn
        return context

    def note_exchange(self, request: dict[str, str], response: dict[str, str]) -> None:
        """Keep what went over the wire."""
        self.exchange = {"request": request, "response": response}


def _compile(question: Question) -> State:
    """The state, in a graph in which each of its targets is a Succeed state."""
    definition = question.definition
    wrapped = {question.name: definition}
    targets = Definition({"StartAt": question.name, "States": wrapped}).scopes[0].states
    for _, target in targets[question.name].targets():
        wrapped.setdefault(target, {"Type": "Succeed"})
    try:
        return build_graph({"StartAt": question.name, "States": wrapped}).start
    except DefinitionError as error:
        pointer = error.pointer.removeprefix(f"/States/{question.name}")
        reason = f"SCHEMA_VALIDATION_FAILED: {error.message} at {pointer or '/'}"
        raise InvalidDefinition(reason) from None
