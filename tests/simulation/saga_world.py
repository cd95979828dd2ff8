"""What a declared saga lives in, as a state that the model check copies.

The rules are the real ones: programs of `saga_programs`, writes of `rules`. A function is a program
with the answers that it was given. The machine is that of `saga.asl.json`: what it tries again,
and where its catchers lead.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulation.exploring import BrokenError, Fates, Situation, called, stepped

from sfn_cqrs.kernel import programs as all_programs
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import SagaStepError, SupersededError, TransientError, UnknownStepError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.keys import SagaKey
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga.rules import (
    MET,
    OTHERWISE,
    Begin,
    End,
    Ending,
    EntryStatus,
    Move,
    MoveKind,
    Retry,
    Saga,
)
from sfn_cqrs.machines.saga.saga_programs import Do, Next


class Items(list[str]):
    """A list that is part of a state."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TICK = timedelta(seconds=30)
TRIES = 2
DONE = EntryStatus.DONE
DIED, GONE, BUSY = Failure("Sandbox.Timedout", ""), UnknownStepError("book", []), TransientError("")
VOID = SupersededError("the step is undone")
NOTHING = Next(Do.FINISH)
RESULTS = {MoveKind.CHOICE: "heavy", MoveKind.WAIT: MET, MoveKind.EACH: Items("ab")}
Program = Generator[saga_programs.Call, Any, Any]
RUN, UNDO, TURN = "run_steps", "undo_steps", "turn"
LIVE = ("running", "pause")


class Log(dict[str, Any]):
    """A log that is part of a state."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


@dataclass(frozen=True, slots=True)
class Function:
    """A function at work; `given` is what its state was entered for, or what it goes on with.

    `has_ended`: it has itself recorded the end of that.
    """

    name: str
    attempt: int = 0
    given: Next = NOTHING
    tries: int = 0
    at: datetime = NOON
    answers: tuple[Any, ...] = ()
    is_orphan: bool = False
    goes_on: bool = False
    has_ended: bool = False

    @property
    def seq(self) -> int:
        return self.given.seq + (0 if self.goes_on else self.tries)


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of one attempt; `pauses` is what follows its pause."""

    attempt: int
    stage: str = "running"
    pauses: Next | None = None


@dataclass(frozen=True, slots=True)
class State(Situation):
    """All there is; of each step: whether it has its effect, and whether it can have it still."""

    saga: Saga
    made: frozenset[str] = frozenset()
    void: frozenset[str] = frozenset()
    records: tuple[int, ...] = (1,)
    executions: tuple[Execution, ...] = ()
    now: datetime = NOON


def first_state(order: tuple[Move, ...], faults: dict[str, int]) -> State:
    """A saga that has just been created."""
    saga = Saga(
        key=SagaKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A"),
        saga="courier",
        name="",
        input=Log(),
        log=Log(),
        created=Audit(""),
        opened_at=iso(NOON),
        order=order,
    )
    return State(saga=saga, to_come=tuple(sorted(faults.items())))


def moves(state: State) -> Iterator[tuple[str, State]]:
    """Everything that may happen next, but for the sweep that comes when nothing else does."""
    for attempt in sorted(set(state.records)):
        left = tuple(one for one in state.records if one != attempt)
        yield f"start {attempt}", _started(replace(state, records=left), attempt)
    for function in state.functions:
        yield from stepped(state, function, FATES, _replayed, _answered)
        yield from _accidents(state, function)
    for execution in state.executions:
        yield from _ends_of(state, execution)
    for name in ("retry", "sweep"):
        if state.may(name):
            yield name, state.after(name).begun(Function(name, at=state.now))
    if state.may("leap"):
        yield "time passes", replace(state.after("leap"), now=state.now + TICK)


def swept(state: State) -> State:
    """The sweep comes, when every pause is over."""
    later = state.now + 4 * TICK
    return replace(state, now=later).begun(Function("sweep", at=later))


def _accidents(state: State, function: Function) -> Iterator[tuple[str, State]]:
    if state.may("die"):
        yield f"{function.name} dies", _died(state.after("die").without(function), function)
    if function.is_orphan or function.name in ("sweep", "retry"):
        return
    if state.may("outlive"):
        alone = state.after("outlive").exchanged(function, replace(function, is_orphan=True))
        yield f"{function.name} is given up", _died(alone, function)


def _ends_of(state: State, execution: Execution) -> Iterator[tuple[str, State]]:
    attempt = execution.attempt
    if execution.stage == "pause":
        yield "the pause is over", _woken(state, execution)
    if execution.stage not in LIVE:
        return
    if state.may("kill"):
        alone = state.after("kill").orphaned(lambda one: one.attempt == attempt)
        yield "the execution is stopped", _staged(alone, attempt, "dead")
    if state.may("crash"):
        dead = _staged(state.after("crash"), attempt, "dead")
        yield "everything dies", dead.with_functions(())


def _program(function: Function) -> Program:
    attempt, given = function.attempt, function.given
    match function.name:
        case "resume":
            return saga_programs.go_on(attempt)
        case "run_steps":
            step = (attempt, given.step, function.seq, function.at)
            return saga_programs.proceed(*step, is_ahead=function.goes_on)
        case "undo_steps":
            step = (attempt, given.step, function.seq)
            return saga_programs.compensate(*step, is_ahead=function.goes_on)
        case "turn":
            return saga_programs.turn(attempt, DIED)
        case "finish":
            return saga_programs.finish(attempt)
        case "park":
            return saga_programs.park(attempt, DIED)
        case "sweep":
            return saga_programs.sweep(function.at)
        case _:
            return saga_programs.retry()


def _replayed(function: Function) -> saga_programs.Call:
    """The next call; an exception of the last one ends the program."""
    *before, last = function.answers or (None,)
    try:
        if isinstance(last, Exception):
            called(_program(function), before)
            raise last
        call: saga_programs.Call = called(_program(function), function.answers)
    except TransientError:
        if not function.goes_on:
            raise
        raise StopIteration(function.given.another_try) from None
    except (SagaStepError, UnknownStepError) as error:
        raise SupersededError(str(error)) from error
    return call


def _answered(state: State, function: Function, call: Any) -> Iterator[tuple[str, State]]:
    for answer, after in _answers(state, function, call):
        has_ended = function.has_ended or (isinstance(call, End) and answer.done)
        told = replace(function, answers=(*function.answers, answer), has_ended=has_ended)
        yield f"{function.name} {call}", after.exchanged(function, told)


def _answers(state: State, function: Function, call: Any) -> Iterator[tuple[Any, State]]:
    match call:
        case saga_programs.Find():
            yield state.saga, state
        case saga_programs.Start(saga):
            yield None, _started(state, saga.attempt)
        case saga_programs.Describe(saga):
            found = [one for one in state.executions if one.attempt == saga.attempt]
            is_running = bool(found) and found[0].stage in LIVE
            yield all_programs.Execution(is_running) if found else None, state
        case saga_programs.Work(_, name, is_undo):
            yield from _undone(state, name) if is_undo else _made(state, function, name)
        case _:
            yield _written(state, call)


def _made(state: State, function: Function, name: str) -> Iterator[tuple[Any, State]]:
    """A step's effect, which no try has twice, nor any once it is void; or there is none."""
    move = next(each for each in state.saga.moves if each.step == name)
    _check_turn(state, function, move)
    if state.may("gone"):
        yield GONE, state.after("gone")
    if name in state.void:
        yield VOID, state
        return
    made = replace(state, made=state.made | {name})
    yield Ending(DONE, RESULTS.get(move.kind)), made
    if move.kind is MoveKind.WAIT and state.may("later"):
        yield Ending(DONE, ""), state.after("later")
    if state.may("refuse"):
        yield Ending(EntryStatus.REFUSED, error="no"), state.after("refuse")
    for what, answer in (("fail", Ending(EntryStatus.FAILED, error="Bug")), ("transient", BUSY)):
        if state.may(what):
            yield answer, state.after(what)
            yield answer, made.after(what)


def _check_turn(state: State, function: Function, move: Move) -> None:
    log = state.saga.log
    if move.choice is not None and log[move.choice].result != move.arm:
        raise BrokenError(f"S3: {move.step} is made, which was not chosen")
    for before in state.saga.moves[: state.saga.moves.index(move)]:
        is_chosen = before.choice is None or log[before.choice].result == before.arm
        if is_chosen and (before.step not in log or log[before.step].status is not DONE):
            raise BrokenError(f"S3: {move.step} is made before {before.step}")
    if function.is_orphan:
        return
    if state.saga.is_undoing:
        raise BrokenError(f"S2: {move.step} is made, and the saga has turned")


def _undone(state: State, name: str) -> Iterator[tuple[Any, State]]:
    order = state.saga.moves
    move = next(each for each in order if each.compensation == name)
    for later in order[order.index(move) + 1 :]:
        is_left = later.step in state.saga.log and later.compensation is not None
        entry = state.saga.log.get(str(later.compensation))
        if is_left and (entry is None or entry.status is not DONE):
            raise BrokenError(f"S4: {move.step} is undone before {later.step}")
    undone = replace(state, made=state.made - {move.step}, void=state.void | {move.step})
    yield Ending(DONE), undone
    for what, status in (
        ("undo fails", EntryStatus.FAILED),
        ("undo is refused", EntryStatus.REFUSED),
    ):
        if state.may(what):
            yield Ending(status, error="no"), state.after(what)


def _written(state: State, call: Any) -> tuple[Any, State]:
    saga = state.saga
    after = call.on(saga, iso(state.now))
    if after is None:
        return Written(done=False, record=saga), state
    _check_write(state, call, after)
    after = replace(after, log=Log(after.log))
    is_next = after.attempt > saga.attempt
    records = (*state.records, after.attempt) if is_next else state.records
    return Written(done=True, record=after), replace(state, saga=after, records=records)


def _check_write(state: State, call: Any, after: Saga) -> None:
    saga = state.saga
    if call.attempt != saga.attempt:
        raise BrokenError(f"S7: attempt {call.attempt} writes a saga of attempt {saga.attempt}")
    if not saga.status.is_open and not isinstance(call, Retry):
        raise BrokenError(f"S7: the saga was {saga.status} and is {after.status}")
    if saga.is_undoing and not after.is_undoing:
        raise BrokenError("S2: the saga has turned twice")
    if isinstance(call, Begin | End):
        _check_line(state, call, after)


def _check_line(state: State, call: Begin | End, after: Saga) -> None:
    saga = state.saga
    entry, move = saga.log.get(call.name), _move_of(saga, call.name)
    if saga.is_undoing and not call.is_undo:
        raise BrokenError(f"S2: {call.name} begins or ends after the saga has turned")
    if isinstance(call, End) and entry and entry.owner != call.owner:
        raise BrokenError(f"S7: {call.owner} ends what {entry.owner} owns")
    if move.lasts and entry is not None:
        _check_pause(state, call, move, entry.began_at, after)


def _check_pause(state: State, call: Begin | End, move: Move, began_at: str, after: Saga) -> None:
    if began_at != after.log[call.name].began_at:
        raise BrokenError("S6: a pause has begun again")
    over = datetime.fromisoformat(began_at) + timedelta(seconds=move.seconds)
    gives_up = isinstance(call, End) and call.ending in (Ending(DONE), Ending(DONE, OTHERWISE))
    if gives_up and state.now < over:
        raise BrokenError("S6: a pause ends before its time")


def _move_of(saga: Saga, name: str) -> Move:
    return next(move for move in saga.moves if name in (move.step, move.compensation))


def _returned(state: State, function: Function, result: Any) -> State:
    alone = state.without(function)
    if not isinstance(result, Next):
        ends = {"finish": "succeeded", "park": "dead"}
        has_ended = function.name in ends and not function.is_orphan
        return _staged(alone, function.attempt, ends[function.name]) if has_ended else alone
    do = {RUN: Do.RUN, UNDO: Do.UNDO}.get(function.name)
    if do is not None and result.follows(do):
        if not function.has_ended:
            raise BrokenError(f"S8: a late function runs ahead to {result.step}")
        if not state.may("slow"):
            return _going_on(alone, function, result)
    return alone if function.is_orphan else _directed(alone, function.attempt, result)


def _going_on(state: State, function: Function, following: Next) -> State:
    told = replace(function, given=following, at=state.now, answers=())
    return state.begun(replace(told, goes_on=True, has_ended=False))


def _directed(state: State, attempt: int, following: Next) -> State:
    """What the machine does with an answer."""
    if all(one.attempt != attempt or one.stage not in LIVE for one in state.executions):
        return state
    if following.do is Do.PAUSE:
        return _staged(state, attempt, "pause", following)
    name = {Do.RUN: RUN, Do.UNDO: UNDO, Do.FINISH: "finish"}[following.do]
    return state.begun(Function(name, attempt, replace(following, is_fresh=False), at=state.now))


def _woken(state: State, execution: Execution) -> State:
    assert execution.pauses is not None
    over = datetime.fromisoformat(execution.pauses.until)
    woken = replace(state, now=max(state.now, over))
    again = replace(execution.pauses, do=Do.RUN)
    return _directed(_staged(woken, execution.attempt, "running"), execution.attempt, again)


def _died(state: State, function: Function) -> State:
    """It has died, or seems to: the machine calls it again, or takes the catcher."""
    if function.is_orphan or function.name in ("sweep", "retry"):
        return state
    if function.tries + 1 < TRIES:
        return state.begun(_first_try(function, state.now))
    return _caught(state, function, TURN if function.name == RUN else "park")


def _first_try(function: Function, at: datetime) -> Function:
    """The next call of the state: it was entered for its first step, which the log has."""
    again = replace(function, answers=(), goes_on=False, has_ended=False, is_orphan=False)
    return replace(again, tries=function.tries + 1, at=at)


def _tried_again(state: State, function: Function) -> State:
    """It asks for another try; nothing is undone, however often."""
    if function.tries + 1 < TRIES:
        return state.begun(_first_try(function, state.now))
    return _caught(state, function, "park")


def _gave_up(state: State, function: Function) -> State:
    """An error that nobody tries again."""
    state = state.without(function)
    if function.is_orphan or function.name in ("sweep", "retry"):
        return state
    is_gone = any(isinstance(answer, UnknownStepError) for answer in function.answers)
    if function.name == RUN and not is_gone:
        if function.attempt == state.saga.attempt and not state.saga.is_undoing:
            raise BrokenError("S5: the machine turns back a saga of which no step has failed")
        return _caught(state, function, TURN)
    return _caught(state, function, "park")


def _caught(state: State, function: Function, name: str) -> State:
    if function.name in ("finish", "park"):
        return _staged(state, function.attempt, "dead")
    return state.begun(Function(name, function.attempt, at=state.now))


def _started(state: State, attempt: int) -> State:
    if any(one.attempt == attempt for one in state.executions):
        return state
    started = replace(state, executions=(*state.executions, Execution(attempt)))
    return started.begun(Function("resume", attempt))


def _staged(state: State, attempt: int, stage: str, pauses: Next | None = None) -> State:
    executions = tuple(
        replace(one, stage=stage, pauses=pauses)
        if one.attempt == attempt and one.stage in LIVE
        else one
        for one in state.executions
    )
    return replace(state, executions=executions)


FATES = Fates(_returned, _tried_again, _gave_up)
