"""The world that the rules run in: three tables, one machine, and everything that may happen.

A state is a value. Every move is one call that takes effect, or one fault. Lambdas, the
stream, the sweep and operators are programs that wait for their next call's turn.

Faults: a Lambda dies before or after any call; a task is given up while its Lambda goes on
(a zombie); a projection raises; retries run out; a wait lasts too long; an execution is
aborted; a start is lost; a closed process item expires; an execution is described as it was a
moment ago; a call is made twice; the sweep and the stream come at any time. An operator
retries and skips. In the express lane also: a start makes two runs (twice), the service repeats
a run under its id (rerun), a run is gone and its Lambdas go on (silent), one dies before it
claims (early), a deploy starts it on the other machine, or on both (astray), and the lane is
shut: no start in it has an effect.

Kinds: a and e are published for the machine, e in the express lane; s is synchronous, i an
import's row, x is skipped, g is a gap.
"""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulation.programs import Programs, Raised
from tests.simulation.rules import Rules

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.machines.command.process import START

MACHINE = Path(__file__).parents[2] / "statemachine/command.asl.json"
KILLED = "Lambda.Unknown"
GIVEN_UP = "Lambda.ClientExecutionTimeoutException"
PREDECESSOR_FAILED = "PredecessorFailedError"
PASSING = "Passing"
PASSES = frozenset({KILLED, GIVEN_UP, "TransientError"})
STANDARD = "S"
OPENED = datetime(2026, 1, 1, tzinfo=UTC)
LATER, LATEST = OPENED + timedelta(minutes=10), OPENED + timedelta(minutes=40)
"""A sweep hands over whatever a run has claimed, or at last what none has: both always may be."""
PARKED = -1
DONE = -2
MANY_ATTEMPTS = 6
FAULTS = (
    "crash",
    "zombie",
    "repeat",
    "fail",
    "retry",
    "skip",
    "timeout",
    "abort",
    "lost",
    "expire",
    "sweep",
    "stale",
    "notify",
    "twice",
    "rerun",
    "silent",
    "early",
    "astray",
)
FAULT_NUMBER = {fault: number for number, fault in enumerate(FAULTS)}


class Task(NamedTuple):
    """One Lambda task of an execution: its place in its program, or PARKED or DONE."""

    function: str
    error: str
    tries: int
    place: int


class Execution(NamedTuple):
    """A running execution of the machine."""

    version: int
    attempt: int
    state: str
    tasks: tuple[Task, ...]
    run: str = ""
    """E1, E2 …: a run of the express machine; S: the standard machine."""


class Call(NamedTuple):
    """A Lambda that no task waits for; one that dies is begun again if `again` is a place."""

    role: str
    version: int
    place: int
    again: int = PARKED


class State(NamedTuple):
    """Everything. Sets of versions and of attempts are bit masks; see `attempt_bit`."""

    processes: tuple[int, ...]
    data: int
    view: int
    history: int
    stored: int
    starts: int
    begun: int
    applied: int
    failures: int
    executions: tuple[Execution, ...]
    calls: tuple[Call, ...]
    budget: tuple[int, ...]
    runs: tuple[int, ...]
    ran: tuple[frozenset[str], ...]


class BrokenError(Exception):
    """An invariant does not hold."""


Label = tuple[Any, ...]
Move = tuple[Label, State]


def attempt_bit(version: int, attempt: int) -> int:
    return 1 << (version * 8 + attempt)


@dataclass(frozen=True)
class Transact:
    """A synchronous publish's transaction: True, or False if a condition fails."""

    version: int
    data: int
    predecessor: int
    has_process: bool


def is_express(run: str) -> bool:
    """Whether an execution is a run of the express machine."""
    return run.startswith("E")


@dataclass(frozen=True)
class Project:
    """Bring a version into the read model, which guards itself."""

    version: int


@dataclass(frozen=True)
class CopyHistory:
    """Keep the data row as it is, unless this version or a later one is applied."""

    version: int


@cache
def retried_errors(is_hardened: bool) -> dict[str, frozenset[str]]:
    """What each state's Retry names; with `is_hardened` false, as if there were none."""
    states = json.loads(MACHINE.read_text(encoding="utf-8"))["States"]
    inner = states["sync_data_all"]["ItemProcessor"]["States"]
    return {
        name: frozenset(
            error
            for retry in (state.get("Retry", []) if is_hardened else [])
            for error in retry["ErrorEquals"]
        )
        for name, state in (states | inner).items()
    }


@dataclass(frozen=True)
class Lane:
    """What the functions do in the express lane, and a mutant does not.

    `polls`: a run looks again. `waits_long`: no run comes for half an hour.
    """

    polls: bool = False
    waits_long: bool = True
    claims_failures: bool = True
    ends_superseded: bool = True
    hands_over: bool = True
    leaves_what_passes: bool = True


class Functions:
    """The Lambda functions, as programs around the rules; the same lines as `functions/`."""

    def __init__(self, rules: Rules, lane: Lane, *, is_beside: bool) -> None:
        self.lane = lane
        self.is_beside = is_beside
        self.chain = rules.chain
        self.errors = rules.errors
        self.outcomes = rules.process.Outcome
        self.turns = rules.process.Turn

    def check_version(
        self, version: int, attempt: int, run: str, may_poll: bool
    ) -> Generator[Any, Any, str | None]:
        mine = yield from self.chain.begin(version, attempt, "", is_first=True, run=run)
        verdict = yield from self.chain.turn(mine)
        if verdict.turn is self.turns.WAIT and is_express(run):
            if may_poll:
                raise self.errors.NotYetError
            if self.lane.hands_over:
                yield from self.chain.leave(version, attempt, run)
            return ""
        if verdict.turn is self.turns.BLOCKED:
            raise self.errors.PredecessorFailedError
        if verdict.turn is self.turns.GAP:
            raise self.errors.VersionGapError
        return {0: "history_copy", -1: "mark_failed"}.get(verdict.turn.value, "wait_prev_command")

    def wait_prev_command(
        self, version: int, attempt: int, token: str, seq: int
    ) -> Generator[Any, Any, None]:
        yield from self.chain.wait(version, attempt, token, seq)

    def history_copy(self, version: int, attempt: int, run: str) -> Generator[Any, Any, str]:
        yield from self.chain.begin(version, attempt, "", run=run)
        yield CopyHistory(version)
        return "transform_data"

    def transform_data(self, version: int, attempt: int, run: str) -> Generator[Any, Any, str]:
        yield from self.chain.begin(version, attempt, "", run=run)
        if not self.is_beside:
            yield from self.chain.apply(version)
        return "sync_data_all"

    def dynamodb(self, version: int, _attempt: int) -> Generator[Any, Any, str]:
        yield from self.chain.apply(version)
        return "finish"

    def projection(self, version: int, _attempt: int) -> Generator[Any, Any, str]:
        yield Project(version)
        return "finish"

    def finish(self, version: int, attempt: int, run: str) -> Generator[Any, Any, None]:
        applied = self.outcomes.APPLIED
        outcome = yield from self.chain.close(version, attempt, applied, "", run=run)
        if outcome is not applied:
            raise self.errors.SupersededError

    def mark_failed(
        self, version: int, attempt: int, run: str, error: str
    ) -> Generator[Any, Any, None]:
        is_predecessors = error == PREDECESSOR_FAILED
        outcome = self.outcomes.BLOCKED if is_predecessors else self.outcomes.FAILED
        claim = run if self.lane.claims_failures else None
        if error == PASSING and is_express(run) and self.lane.leaves_what_passes:
            yield from self.chain.leave(version, attempt, claim)
            return
        try:
            yield from self.chain.close(version, attempt, outcome, "", run=claim)
        except self.errors.SupersededError:
            return

    def notify(self, version: int) -> Generator[Any, Any, None]:
        yield from self.chain.wake(version)
        yield from self.chain.wake_next(version)

    def publish_sync(self, version: int, has_process: bool) -> Generator[Any, Any, None]:
        predecessor = yield from self.chain.previous(version)
        if predecessor.outcome not in (None, self.outcomes.APPLIED):
            return
        data = yield self.chain.FindData()
        if data.version < predecessor.version:
            return
        stored = yield Transact(version, data.version, predecessor.version, has_process)
        if not stored:
            return
        try:
            yield Project(version)
            if has_process:
                yield from self.chain.close(version, 1, self.outcomes.APPLIED, "")
        except self.errors.SupersededError:
            return
        except self.errors.SyncHandlerError:
            yield from self.chain.restart(version, 1)


_FIELDS = attrgetter(*State._fields)


class Scratch:
    """A state that is being changed."""

    __slots__ = State._fields

    def __init__(self, state: State) -> None:
        (
            self.processes,
            self.data,
            self.view,
            self.history,
            self.stored,
            self.starts,
            self.begun,
            self.applied,
            self.failures,
            self.executions,
            self.calls,
            self.budget,
            self.runs,
            self.ran,
        ) = state

    def state(self) -> State:
        return State._make(_FIELDS(self))

    def spend(self, fault: str) -> "Scratch":
        number = FAULT_NUMBER[fault]
        budget = self.budget
        self.budget = (*budget[:number], budget[number] - 1, *budget[number + 1 :])
        return self

    def put_process(self, version: int, number: int) -> None:
        self.processes = (*self.processes[: version - 1], number, *self.processes[version:])

    def put_execution(self, old: Execution | None, new: Execution | None) -> None:
        others = list(self.executions)
        if old in others:
            others.remove(old)
        self.executions = tuple(sorted([*others, new])) if new else tuple(others)

    def put_call(self, old: Call | None, new: Call | None) -> None:
        calls = list(self.calls)
        if old is not None:
            calls.remove(old)
        if new is not None:
            calls.append(new)
            calls.sort()
        self.calls = tuple(calls)


class World:
    """The moves of one scenario.

    Kinds of versions: a async, s synchronous, i a row of a synchronous import, which has no
    process item, x one that was given up before, g a gap: a version that was never stored.
    """

    def __init__(
        self,
        rules: Rules,
        kinds: str,
        faults: dict[str, int],
        *,
        tries: int = 1,
        sweeps: bool = True,
        data_is_conditional: bool = True,
        retries: bool = True,
        merges: bool = True,
        reduces: bool = True,
        is_beside: bool = False,
        is_former: bool = False,
        is_strict: bool = False,
        allowed: int | None = None,
        **lane: bool,
    ) -> None:
        self.rules = rules
        self.is_strict = is_strict
        self.allowed = allowed
        self.lane = Lane(**lane)
        self._is_former = is_former
        self._branches = ("dynamodb", "projection") if is_beside else ("projection",)
        self.reduces = reduces
        self.kinds = kinds
        self.faults = faults
        self.tries = tries
        self.sweeps = sweeps
        self.programs = Programs(merges=merges)
        self._functions = Functions(rules, self.lane, is_beside=is_beside)
        self._data_is_conditional = data_is_conditional
        self._retried = retried_errors(retries)
        self._versions = range(1, len(kinds) + 1)
        self._processes: list[Any] = [None]
        self._process_numbers: dict[Any, int] = {}
        self._written: dict[Any, Any] = {}
        self._effects = self._effects_by_call()
        self._commuting = self._commuting_by_call()
        self._reads = (rules.chain.FindProcess, rules.chain.FindData)
        outcome = rules.process.Outcome
        self.open = (outcome.OPEN, outcome.WAITING)
        self.broken = (outcome.FAILED, outcome.BLOCKED)
        self.settled = (outcome.APPLIED, outcome.SKIPPED)

    def first(self) -> State:
        processes, stored = [], 0
        for version, kind in enumerate(self.kinds, start=1):
            process = self._new_process(version, "ASYNC", "STANDARD")
            given_up = replace(process, outcome=self.rules.process.Outcome.SKIPPED)
            processes.append(self._number(given_up) if kind == "x" else 0)
            stored |= (kind in "xg") << version
        budget = tuple(self.faults.get(fault, 0) for fault in FAULTS)
        return State(
            tuple(processes),
            0,
            0,
            0,
            stored,
            0,
            0,
            0,
            0,
            (),
            (),
            budget,
            (0,) * len(self.kinds),
            (frozenset(),) * len(self.kinds),
        )

    def _is_gap(self, version: int) -> bool:
        return self.kinds[version - 1] == "g"

    def process(self, state: State | Scratch, version: int) -> Any:
        """The process item of a version; None if it has none."""
        return self._processes[state.processes[version - 1]]

    def only_moves(self, state: State) -> list[Move]:
        """The moves of one task or call whose step commutes with all that others may do.

        Looking at these alone loses nothing: whatever else may happen may as well happen
        afterwards. Empty if there is no such task or call.
        """
        if state.starts and self._starts_commute(state):
            return list(self._stream(state))[:1]
        for call in state.calls:
            if self._commutes(state, call.place):
                return list(self._call_moves(state, call))
        for execution in state.executions:
            for number, task in enumerate(execution.tasks):
                if task.place >= 0 and self._commutes(state, task.place):
                    return list(self._task_moves(state, execution, number, task))
        return []

    def _is_inert(self, place: int) -> bool:
        """Whether a Lambda that nobody listens to will only read from here on."""
        found = self.programs.places[place]
        begins = isinstance(found.call, self.rules.chain.Begin)
        if found.is_done:
            return True
        is_check = found.program == self._functions.check_version
        return is_check and not begins and not is_express(found.args[2])

    def _commutes(self, state: State, place: int) -> bool:
        """Whether a call changes nothing, and answers the same whenever it is made."""
        call = self.programs.places[place].call
        rule = self._commuting.get(type(call))
        return rule is not None and bool(rule(state, call))

    def moves(self, state: State) -> Iterator[Move]:
        """What can happen next but for `idle_moves`."""
        yield from self._publishes(state)
        yield from self._stream(state)
        for execution in state.executions:
            for number, task in enumerate(execution.tasks):
                if task.place >= 0:
                    yield from self._task_moves(state, execution, number, task)
        for call in dict.fromkeys(state.calls):
            yield from self._call_moves(state, call)

    def idle_moves(self, state: State) -> Iterator[Move]:
        """What may happen but need not: the world may rest without it."""
        for version in self._versions:
            yield from self._synchronous_publishes(state, version)
            yield from self._operator(state, version)
            yield from self._expires(state, version)
            yield from self._extra_calls(state, version)
        for execution in state.executions:
            yield from self._ends_early(state, execution)

    def sweep_moves(self, state: State) -> Iterator[Move]:
        """At rest, the sweeps that would change something."""
        for version in self._versions:
            for now in self._sweeps(state, version):
                place = self.programs.start(self.rules.chain.sweep, version, now)
                if self.ran_alone(state, place) != state:
                    yield self._called(state, "sweep", version, place)

    def _sweeps(self, state: State, version: int) -> Iterator[datetime]:
        """When a version is swept: late, and very late where that makes a difference."""
        process = self.process(state, version)
        if process is not None:
            yield LATER
            is_unclaimed = process.is_in_the_express_lane and process.run is None
            if is_unclaimed and self.lane.waits_long:
                yield LATEST

    def ran_alone(self, state: State, place: int) -> State:
        """The state after a program has run with nothing happening in between."""
        scratch = Scratch(state)
        while not self.programs.places[place].is_done:
            place = self._step(scratch, place)
        return scratch.state()

    def _publishes(self, state: State) -> Iterator[Move]:
        for version in self._versions:
            if self.kinds[version - 1] not in "ae" or not self._is_next(state, version):
                continue
            scratch = Scratch(state)
            scratch.stored |= 1 << version
            lane = "EXPRESS" if self.kinds[version - 1] == "e" else "STANDARD"
            scratch.put_process(version, self._number(self._new_process(version, "ASYNC", lane)))
            scratch.starts |= attempt_bit(version, 1)
            yield ("publish", version), scratch.state()

    def _is_next(self, state: State, version: int) -> bool:
        """Whether all versions before are stored, and this one is not."""
        below = (1 << version) - 2
        return state.stored & below == below and not state.stored >> version & 1

    def _synchronous_publishes(self, state: State, version: int) -> Iterator[Move]:
        kind = self.kinds[version - 1]
        if kind in "ae" or not self._is_next(state, version):
            return
        if any(call.role == "publisher" for call in state.calls):
            return
        place = self.programs.start(self._functions.publish_sync, version, kind == "s")
        yield self._called(state, "publisher", version, place)

    def _stream(self, state: State) -> Iterator[Move]:
        for version in self._versions:
            starts = state.starts >> (version * 8) & 0xFF
            for attempt in range(1, 8):
                if not starts >> attempt & 1:
                    continue
                bit = attempt_bit(version, attempt)
                scratch = Scratch(state)
                scratch.starts &= ~bit
                self._start(scratch, version, attempt)
                yield ("start", version, attempt), scratch.state()
                if state.budget[FAULT_NUMBER["astray"]] and self._is_express(version, attempt):
                    astray = Scratch(state).spend("astray")
                    astray.starts &= ~bit
                    self._start_standard(astray, version, attempt)
                    yield ("start", version, attempt, "on the standard machine"), astray.state()
                    self._start_express(astray, version, attempt)
                    yield ("start", version, attempt, "on both machines"), astray.state()
                for fault in ("twice", "rerun"):
                    if state.budget[FAULT_NUMBER[fault]] and self._is_express(version, attempt):
                        more = Scratch(state).spend(fault)
                        more.starts &= ~bit
                        self._start(more, version, attempt)
                        self._start_express(more, version, attempt, is_again=fault == "rerun")
                        yield ("start", version, attempt, fault), more.state()
                if state.budget[FAULT_NUMBER["lost"]]:
                    lost = Scratch(state).spend("lost")
                    lost.starts &= ~bit
                    yield ("lost start", version, attempt), lost.state()

    def _task_moves(
        self, state: State, execution: Execution, number: int, task: Task
    ) -> Iterator[Move]:
        label = (execution.version, execution.attempt, task.function)
        if self._projects(task.place) and state.budget[FAULT_NUMBER["fail"]]:
            scratch = Scratch(state).spend("fail")
            failed = self.programs.advance(task.place, Raised(self.rules.errors.SyncHandlerError))
            self._go_on(scratch, execution, number, failed)
            yield (*label, "raises"), scratch.state()
        scratch = Scratch(state)
        self._check_order(scratch, task.place)
        self._check_runs(scratch, execution, task.place)
        place = self._step(scratch, task.place)
        current = self._current(scratch, execution)
        if current is None:
            self._put_zombie(scratch, execution.version, place)
        else:
            self._go_on(scratch, current, number, place)
        yield (*label, self._told(task.place)), scratch.state()
        is_done = self.programs.places[place].is_done
        is_read = isinstance(self._told(task.place), self._reads)
        if is_done or not is_read or not self._commutes(state, task.place):
            yield from self._task_faults(state, execution, number, task, is_done)

    def _task_faults(
        self, state: State, execution: Execution, number: int, task: Task, ends: bool
    ) -> Iterator[Move]:
        label = (execution.version, execution.attempt, task.function)
        if state.budget[FAULT_NUMBER["early"]] and self._claims(task.place):
            scratch = Scratch(state).spend("early")
            self._failed(scratch, execution, number, KILLED)
            yield (*label, execution.run, "is killed before it claims"), scratch.state()
        if state.budget[FAULT_NUMBER["crash"]]:
            scratch = Scratch(state).spend("crash")
            self._failed(scratch, execution, number, KILLED)
            yield (*label, "is killed"), scratch.state()
            if ends:
                scratch = Scratch(state).spend("crash")
                self._step(scratch, task.place)
                current = self._current(scratch, execution)
                if current is not None:
                    self._failed(scratch, current, number, KILLED)
                yield (*label, self._told(task.place), "then is killed"), scratch.state()
        if state.budget[FAULT_NUMBER["repeat"]] and self._writes(task.place):
            scratch = Scratch(state).spend("repeat")
            self._step(scratch, task.place)
            yield (*label, self._told(task.place), "and makes the call again"), scratch.state()
        if state.budget[FAULT_NUMBER["zombie"]]:
            scratch = Scratch(state).spend("zombie")
            self._failed(scratch, execution, number, GIVEN_UP)
            self._put_zombie(scratch, execution.version, task.place)
            yield (*label, "is given up and goes on"), scratch.state()

    def _call_moves(self, state: State, call: Call) -> Iterator[Move]:
        label = (call.role, call.version)
        if self._projects(call.place) and state.budget[FAULT_NUMBER["fail"]]:
            scratch = Scratch(state).spend("fail")
            failed = self.programs.advance(call.place, Raised(self.rules.errors.SyncHandlerError))
            self._call_goes_on(scratch, call, failed)
            yield (*label, "raises"), scratch.state()
        scratch = Scratch(state)
        if call.role == "publisher":
            self._check_order(scratch, call.place)
        place = self._step(scratch, call.place)
        self._call_goes_on(scratch, call, place)
        yield (*label, self._told(call.place)), scratch.state()
        if state.budget[FAULT_NUMBER["stale"]] and self._describes(call.place):
            for answer in (None, self.rules.chain.Execution(is_running=True)):
                scratch = Scratch(state).spend("stale")
                self._call_goes_on(scratch, call, self.programs.advance(call.place, answer))
                yield (*label, self._told(call.place), "on old news", answer), scratch.state()
        if state.budget[FAULT_NUMBER["crash"]]:
            scratch = Scratch(state).spend("crash")
            again = None if call.again == PARKED else call._replace(place=call.again)
            scratch.put_call(call, again)
            yield (*label, "is killed"), scratch.state()

    def _call_goes_on(self, scratch: Scratch, call: Call, place: int) -> None:
        is_over = self.programs.places[place].is_done
        if call.role == "zombie":
            is_over = self._is_inert(place)
        scratch.put_call(call, None if is_over else call._replace(place=place))

    def _operator(self, state: State, version: int) -> Iterator[Move]:
        process = self.process(state, version)
        if process is None or process.outcome not in self.broken:
            return
        for role in ("retry", "skip"):
            if state.budget[FAULT_NUMBER[role]]:
                program = getattr(self.rules.chain, role)
                spent = Scratch(state).spend(role).state()
                yield self._called(spent, role, version, self.programs.start(program, version))

    def _expires(self, state: State, version: int) -> Iterator[Move]:
        process = self.process(state, version)
        if state.budget[FAULT_NUMBER["expire"]] and process and process.outcome.may_expire:
            scratch = Scratch(state).spend("expire")
            scratch.put_process(version, 0)
            yield ("expire", version), scratch.state()

    def _extra_calls(self, state: State, version: int) -> Iterator[Move]:
        process = self.process(state, version)
        if process is None:
            return
        if state.budget[FAULT_NUMBER["sweep"]]:
            spent = Scratch(state).spend("sweep").state()
            for now in self._sweeps(state, version):
                place = self.programs.start(self.rules.chain.sweep, version, now)
                yield self._called(spent, "sweep", version, place)
        if state.budget[FAULT_NUMBER["notify"]] and process.outcome not in self.open:
            spent = Scratch(state).spend("notify").state()
            place = self.programs.start(self._functions.notify, version)
            yield self._called(spent, "stream", version, place, again=place)

    def _ends_early(self, state: State, execution: Execution) -> Iterator[Move]:
        label = (execution.version, execution.attempt)
        if execution.state == "wait_prev_command" and state.budget[FAULT_NUMBER["timeout"]]:
            scratch = Scratch(state).spend("timeout")
            self._leave(scratch, execution, 0)
            self._enter(scratch, execution, "mark_failed", "Error")
            yield (*label, "has waited for a day"), scratch.state()
        if is_express(execution.run) and state.budget[FAULT_NUMBER["silent"]]:
            scratch = Scratch(state).spend("silent")
            for number in range(len(execution.tasks)):
                self._leave(scratch, execution, number)
            scratch.put_execution(execution, None)
            yield (*label, execution.run, "is gone in silence"), scratch.state()
        if state.budget[FAULT_NUMBER["abort"]] and not is_express(execution.run):
            scratch = Scratch(state).spend("abort")
            for number in range(len(execution.tasks)):
                self._leave(scratch, execution, number)
            scratch.put_execution(execution, None)
            yield (*label, "is aborted"), scratch.state()

    def _called(
        self, state: State, role: str, version: int, place: int, again: int = PARKED
    ) -> Move:
        scratch = Scratch(state)
        scratch.put_call(None, Call(role, version, place, again))
        return (role, version, "begins"), scratch.state()

    def _current(self, scratch: Scratch, execution: Execution) -> Execution | None:
        """The execution, unless the call that was made has ended its wait."""
        return execution if execution in scratch.executions else None

    def _start(self, scratch: Scratch, version: int, attempt: int) -> None:
        if self._is_express(version, attempt):
            self._start_express(scratch, version, attempt)
        else:
            self._start_standard(scratch, version, attempt)

    def _is_express(self, version: int, attempt: int) -> bool:
        """What the stream's consumer reads off the record; attempts that are gone look the same."""
        lane = "EXPRESS" if self.kinds[version - 1] == "e" else "STANDARD"
        process = self._new_process(version, "ASYNC", lane)
        return bool(replace(process, attempt=attempt).is_express)

    def _start_standard(self, scratch: Scratch, version: int, attempt: int) -> None:
        bit = attempt_bit(version, attempt)
        if not scratch.begun & bit:
            scratch.begun |= bit
            self._enter(scratch, Execution(version, attempt, "", (), STANDARD), "check_version")

    def _start_express(
        self, scratch: Scratch, version: int, attempt: int, *, is_again: bool = False
    ) -> None:
        """Start a run: each start is another run, but what the service repeats has one id."""
        if "shut" in self.faults:
            return
        number = scratch.runs[version - 1] + (not is_again)
        if number > MANY_ATTEMPTS:
            raise BrokenError(f"I4: version {version} is started without end")
        scratch.runs = (*scratch.runs[: version - 1], number, *scratch.runs[version:])
        self._enter(scratch, Execution(version, attempt, "", (), f"E{number}"), "check_version")

    def _check_runs(self, scratch: Scratch, execution: Execution, place: int) -> None:
        """I8: of one express attempt, one run's tasks run the handlers."""
        version = execution.version
        is_its = is_express(execution.run) or (self.is_strict and self.kinds[version - 1] == "e")
        if not self._projects(place) or not is_its:
            return
        ran = scratch.ran[version - 1] | {execution.run}
        if len(ran) > 1:
            raise BrokenError(f"I8: two runs of version {version} project")
        scratch.ran = (*scratch.ran[: version - 1], ran, *scratch.ran[version:])

    def _enter(self, scratch: Scratch, execution: Execution, state: str, error: str = "") -> None:
        """Let an execution enter a state, or end."""
        if not state:
            scratch.put_execution(execution, None)
            return
        functions = self._branches if state == "sync_data_all" else (state,)
        tasks = tuple(self._task(execution, function, error, 0) for function in functions)
        entered = Execution(execution.version, execution.attempt, state, tasks, execution.run)
        scratch.put_execution(execution, entered)

    def _task(self, execution: Execution, function: str, error: str, tries: int) -> Task:
        version, attempt = execution.version, execution.attempt
        program = getattr(self._functions, function)
        arguments: tuple[Any, ...] = ()
        if function == "wait_prev_command":
            arguments = (f"{version}.{attempt}.{tries}", tries)
        elif function == "mark_failed":
            arguments = (execution.run, error)
        elif function == "check_version":
            arguments = (execution.run, self.lane.polls and tries < self.tries)
        elif function in ("history_copy", "transform_data", "finish"):
            arguments = (execution.run,)
        place = self.programs.start(program, version, attempt, *arguments)
        return Task(function, error, tries, place)

    def _go_on(self, scratch: Scratch, execution: Execution, number: int, place: int) -> None:
        """Let an execution go on where one of its tasks has made a call."""
        found = self.programs.places[place]
        if not found.is_done:
            self._put_task(scratch, execution, number, place)
        elif found.error is not None:
            self._failed(scratch, execution, number, found.error)
        elif execution.state == "wait_prev_command":
            self._put_task(scratch, execution, number, PARKED)
        elif all(
            task.place == DONE for other, task in enumerate(execution.tasks) if other != number
        ):
            error = "Error" if found.value == "mark_failed" else ""
            self._enter(scratch, execution, found.value or "", error)
        else:
            self._put_task(scratch, execution, number, DONE)

    def _failed(self, scratch: Scratch, execution: Execution, number: int, error: str) -> None:
        """Retry a task, or go where the state's Catch leads."""
        task = execution.tasks[number]
        inner = "sync_data" if execution.state == "sync_data_all" else execution.state
        is_transient = error == "TransientError"
        is_retried = error in self._retried[inner] or error == "NotYetError"
        if is_retried and (is_transient or task.tries < self.tries):
            tries = task.tries if is_transient else task.tries + 1
            again = self._task(execution, task.function, task.error, tries)
            tasks = (*execution.tasks[:number], again, *execution.tasks[number + 1 :])
            scratch.put_execution(execution, execution._replace(tasks=tasks))
            return
        for other in range(len(execution.tasks)):
            if other != number:
                self._leave(scratch, execution, other)
        is_last = execution.state == "mark_failed"
        if self.lane.ends_superseded and is_express(execution.run) and error == "SupersededError":
            is_last = True
        known = error if error == PREDECESSOR_FAILED else "Error"
        if is_express(execution.run) and error in PASSES:
            known = PASSING
        self._enter(scratch, execution, "" if is_last else "mark_failed", known)

    def _leave(self, scratch: Scratch, execution: Execution, number: int) -> None:
        """Let a task's Lambda go on alone."""
        place = execution.tasks[number].place
        if place >= 0:
            self._put_zombie(scratch, execution.version, place)

    def _put_zombie(self, scratch: Scratch, version: int, place: int) -> None:
        if not self._is_inert(place):
            scratch.put_call(None, Call("zombie", version, place))

    def _put_task(self, scratch: Scratch, execution: Execution, number: int, place: int) -> None:
        task = execution.tasks[number]._replace(place=place)
        tasks = (*execution.tasks[:number], task, *execution.tasks[number + 1 :])
        scratch.put_execution(execution, execution._replace(tasks=tasks))

    def _projects(self, place: int) -> bool:
        return isinstance(self.programs.places[place].call, Project)

    def _claims(self, place: int) -> bool:
        return getattr(self.programs.places[place].call, "is_first", False)

    def _describes(self, place: int) -> bool:
        return isinstance(self.programs.places[place].call, self.rules.chain.Describe)

    def _writes(self, place: int) -> bool:
        return isinstance(self.programs.places[place].call, self.rules.chain.OfAttempt)

    def _told(self, place: int) -> Any:
        return self.programs.places[place].call

    def _check_order(self, scratch: Scratch, place: int) -> None:
        if not self._projects(place):
            return
        projected = self.programs.places[place].call.version
        for version in range(1, projected):
            process = self.process(scratch, version)
            if process is not None and process.outcome not in self.settled:
                raise BrokenError(
                    f"I1: version {projected} projects while version {version} is {process.outcome}"
                )
            if self._is_gap(version):
                raise BrokenError(f"I1: version {projected} projects over the gap {version}")

    # The calls that commute with every other.

    def _commuting_by_call(self) -> dict[type, Any]:
        chain = self.rules.chain
        return {
            chain.FindProcess: lambda state, call: self._is_final(state, call.version),
            chain.FindData: lambda state, _: state.data == len(self.kinds),
            chain.Begin: self._begin_commutes,
            chain.Park: self._is_stale,
            chain.Close: self._is_stale,
            chain.Restart: self._is_stale,
            chain.Skip: self._is_stale,
            chain.Leave: self._is_stale,
            chain.Renew: self._is_stale,
            chain.Succeed: lambda state, call: not self._waits(state, call.token),
            chain.Reject: lambda state, call: not self._waits(state, call.token),
            Project: self._is_in_order,
            CopyHistory: lambda state, call: state.data >= call.version,
        }

    def _starts_commute(self, state: State) -> bool:
        if any(state.budget[FAULT_NUMBER[fault]] for fault in ("twice", "rerun", "astray")):
            return False
        may_sweep = state.budget[FAULT_NUMBER["sweep"]] or state.budget[FAULT_NUMBER["lost"]]
        return not may_sweep and all(call.role != "sweep" for call in state.calls)

    def _begin_commutes(self, state: State, call: Any) -> bool:
        """Nobody else can write this version, and the item is as this write would leave it."""
        if self._is_stale(state, call):
            return True
        process = self.process(state, call.version)
        others = ("zombie", "sweep", "publisher")
        return (
            process is not None
            and process.attempt == call.attempt
            and process.outcome == "OPEN"
            and process.token is None
            and process.run == (call.run or process.run)
            and sum(other.version == call.version for other in state.executions) == 1
            and not state.budget[FAULT_NUMBER["sweep"]]
            and all(
                other.version != call.version or other.role not in others for other in state.calls
            )
        )

    def _waits(self, state: State, token: str) -> bool:
        version, attempt, tries = map(int, token.split("."))
        return any(
            each[:3] == (version, attempt, "wait_prev_command") and each.tasks[0].tries <= tries
            for each in state.executions
        )

    def _is_in_order(self, state: State, call: Any) -> bool:
        earlier = [self.process(state, version) for version in range(1, call.version)]
        return all(each is None or each.outcome in self.settled for each in earlier)

    def _is_final(self, state: State, version: int) -> bool:
        if version > len(self.kinds):
            return True
        process = self.process(state, version)
        if process is None:
            return self.kinds[version - 1] in "ig"
        if process.outcome == "APPLIED":
            return not state.budget[FAULT_NUMBER["expire"]]
        return bool(process.outcome == "SKIPPED")

    def _is_stale(self, state: State, call: Any) -> bool:
        process = self.process(state, call.version)
        return process is not None and call.attempt < process.attempt

    # The calls: what each does to the tables and the machine, and what it answers.

    def _effects_by_call(self) -> dict[type, Any]:
        chain = self.rules.chain
        return {
            chain.FindProcess: self._find_process,
            chain.FindData: self._find_data,
            chain.WriteData: self._write_data,
            chain.Begin: self._write_process,
            chain.Park: self._write_process,
            chain.Close: self._write_process,
            chain.Restart: self._write_process,
            chain.Skip: self._write_process,
            chain.Leave: self._write_process,
            chain.Renew: self._write_process,
            chain.Succeed: self._end_wait,
            chain.Reject: self._end_wait,
            chain.Start: self._start_execution,
            chain.Describe: self._describe,
            chain.IsOurs: lambda _, __, place: self.programs.advance(place, True),
            Transact: self._transact,
            Project: self._project,
            CopyHistory: self._copy_history,
        }

    def _step(self, scratch: Scratch, place: int) -> int:
        """Make a program's next call; answers where it is then."""
        call = self.programs.places[place].call
        number: int = self._effects[type(call)](scratch, call, place)
        return number

    def _find_process(self, scratch: Scratch, call: Any, place: int) -> int:
        known = 1 <= call.version <= len(self.kinds)
        number = scratch.processes[call.version - 1] if known else 0
        return self.programs.advance(place, self._processes[number])

    def _find_data(self, scratch: Scratch, _call: Any, place: int) -> int:
        return self.programs.advance(place, self._data_version(scratch))

    def _write_data(self, scratch: Scratch, call: Any, place: int) -> int:
        if self._data_is_conditional and scratch.data != call.expected:
            return self.programs.advance(place, False)
        if scratch.data < call.version:
            self._check_history(scratch)
        self._move_data(scratch, call.version)
        return self.programs.advance(place, True)

    def _check_history(self, scratch: Scratch) -> None:
        """What a skipped version's late writer left behind is not a state worth keeping."""
        before = scratch.data
        if before == 0 or scratch.history >> before & 1:
            return
        process = self.process(scratch, before)
        if process is None or process.outcome != "SKIPPED":
            raise BrokenError(f"I6: the history lacks version {before}")

    def _move_data(self, scratch: Scratch, version: int) -> None:
        if version < scratch.data:
            raise BrokenError(f"I2: data goes from version {scratch.data} back to {version}")
        scratch.data = version

    def _write_process(self, scratch: Scratch, call: Any, place: int) -> int:
        before = scratch.processes[call.version - 1]
        key = (place, before)
        if key not in self._written:
            found = self._processes[before]
            after = self._after(call, found) if found is not None else None
            done = after is not None
            written = self.rules.chain.Written(done, after if done else found)
            number = self._number(after) if done else before
            self._written[key] = (done, number, self.programs.advance(place, written))
        done, number, then = self._written[key]
        if done:
            self._check_restart(self._processes[before], call, place)
            scratch.put_process(call.version, number)
            self._notice(scratch, call)
        return int(then)

    def _after(self, call: Any, found: Any) -> Any:
        """The item after a conditional write, without texts; None if the condition refuses."""
        after = call.on(found)
        if after is None or after.status == START:
            return after
        return replace(after, status="", error=None, cause=None)

    def _check_restart(self, before: Any, call: Any, place: int) -> None:
        is_restart = isinstance(call, self.rules.chain.Restart | self.rules.chain.Leave)
        is_retry = self.programs.places[place].program is self.rules.chain.retry
        if is_restart and before.outcome == "FAILED" and not is_retry:
            raise BrokenError(f"I7: version {call.version} runs again though it has failed")

    def _notice(self, scratch: Scratch, call: Any) -> None:
        """What follows a write of a process item: the stream's start, and the invariants."""
        chain = self.rules.chain
        version = call.version
        if isinstance(call, chain.Restart | chain.Leave | chain.Renew):
            attempt = self.process(scratch, version).attempt
            if attempt > MANY_ATTEMPTS:
                raise BrokenError(f"I4: version {version} is restarted without end")
            scratch.starts |= attempt_bit(version, attempt)
        elif isinstance(call, chain.Close) and call.outcome == "FAILED":
            scratch.failures += 1
        elif isinstance(call, chain.Close) and call.outcome == "APPLIED":
            if scratch.applied >> version & 1:
                raise BrokenError(f"I2: version {version} is applied twice")
            scratch.applied |= 1 << version

    def _end_wait(self, scratch: Scratch, call: Any, place: int) -> int:
        version, attempt, tries = map(int, call.token.split("."))
        for execution in scratch.executions:
            is_its = execution[:3] == (version, attempt, "wait_prev_command")
            if is_its and execution.tasks[0].tries == tries:
                own = execution.tasks[0].place == place
                if not own:
                    self._leave(scratch, execution, 0)
                if isinstance(call, self.rules.chain.Succeed):
                    self._enter(scratch, execution, "history_copy")
                else:
                    known = call.error if call.error == PREDECESSOR_FAILED else "Error"
                    self._enter(scratch, execution, "mark_failed", known)
        return self.programs.advance(place, True)

    def _start_execution(self, scratch: Scratch, call: Any, place: int) -> int:
        has_begun = scratch.begun & attempt_bit(call.version, call.attempt)
        self._start(scratch, call.version, call.attempt)
        return self.programs.advance(
            place, not has_begun or self._runs(scratch, call.version, call.attempt)
        )

    def _describe(self, scratch: Scratch, call: Any, place: int) -> int:
        if not scratch.begun & attempt_bit(call.version, call.attempt):
            return self.programs.advance(place, None)
        is_running = self._runs(scratch, call.version, call.attempt)
        return self.programs.advance(place, self.rules.chain.Execution(is_running))

    def _runs(self, scratch: Scratch, version: int, attempt: int) -> bool:
        return any(
            each[:2] == (version, attempt) and not is_express(each.run)
            for each in scratch.executions
        )

    def _transact(self, scratch: Scratch, call: Transact, place: int) -> int:
        before = self.process(scratch, call.predecessor) if call.predecessor else None
        is_settled = before is None or before.outcome == "APPLIED"
        if scratch.data != call.data or scratch.stored >> call.version & 1 or not is_settled:
            return self.programs.advance(place, False)
        scratch.stored |= 1 << call.version
        scratch.history |= 1 << scratch.data
        self._move_data(scratch, call.version)
        if call.has_process:
            process = self._new_process(call.version, "SYNC", "STANDARD")
            scratch.put_process(call.version, self._number(process))
        return self.programs.advance(place, True)

    def _project(self, scratch: Scratch, call: Project, place: int) -> int:
        if scratch.data < call.version and not self._is_former:
            raise BrokenError(
                f"I10: a handler of version {call.version} finds its item at {scratch.data}"
            )
        scratch.view = max(scratch.view, call.version)
        return self.programs.advance(place, None)

    def _copy_history(self, scratch: Scratch, call: CopyHistory, place: int) -> int:
        if scratch.data < call.version:
            scratch.history |= 1 << scratch.data
        return self.programs.advance(place, None)

    def _data_version(self, scratch: Scratch) -> Any:
        version = scratch.data
        return self.rules.process.DataVersion(version, f"c{version}" if version else "")

    def _new_process(self, version: int, mode: str, lane: str) -> Any:
        process = self.rules.process
        return process.Process(
            key=None,
            version=version,
            mode=process.Mode(mode),
            lane=process.Lane(lane),
            command_id=f"c{version}",
            status=process.START,
            updated_at=iso(OPENED),
        )

    def _number(self, process: Any) -> int:
        if process not in self._process_numbers:
            self._process_numbers[process] = len(self._processes)
            self._processes.append(process)
        return self._process_numbers[process]
