"""What a task lives in, as a state that the model check copies: tables, queues, machine, functions.

The rules are the real ones: programs of `task_programs`, writes and predicates of `task`. A
function is a program with the answers that it was given; to take its next step, it is run
again from its beginning.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tests.simulation.exploring import BrokenError, Fates, Situation, called, stepped

from sfn_cqrs.kernel import programs as all_programs
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.kernel.keys import TaskKey, TaskKind
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task.rules import Ending, Item, Retry, Task, TaskStatus, TryAgain

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LEASED = int(NOW.timestamp()) + 1
TRIES = 2
CONCURRENCY = 2
Program = Generator[task_programs.Call, Any, Any]
AGAIN = TryAgain("busy")
_DONE, _FAILED = Ending(TaskStatus.COMPLETED), Ending(TaskStatus.FAILED, error="ValueError")


@dataclass(frozen=True, slots=True)
class Function:
    """A function at work: its program's name and arguments, and the answers given so far.

    Nobody waits for an orphan: the machine has given it up, or its execution has died.
    """

    name: str
    attempt: int = 0
    index: int = -1
    seq: int = 0
    answers: tuple[Any, ...] = ()
    is_orphan: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of one attempt; `stage` is map, final, succeeded or dead."""

    attempt: int
    waiting: tuple[int, ...]
    running: int = 0
    abandoned: tuple[int, ...] = ()
    stage: str = "map"


@dataclass(frozen=True, slots=True)
class State(Situation):
    """All there is."""

    task: Task
    items: tuple[Item | None, ...]
    records: tuple[int, ...] = ()
    messages: tuple[int, ...] = ()
    executions: tuple[Execution, ...] = ()
    successes: tuple[int, ...] = ()


def first_state(kind: TaskKind, items: int, faults: dict[str, int]) -> State:
    """A task that has just been created."""
    key = TaskKey("tenant1", "RESIZE", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A", kind)
    task = Task(
        key=key,
        name="",
        total=items,
        left=items,
        input=tuple(range(items)),
        created=Audit(""),
        opened_at="",
        updated_at="",
    )
    return State(
        task,
        (None,) * items,
        records=(1,),
        to_come=tuple(sorted(faults.items())),
        successes=(0,) * items,
    )


def moves(state: State) -> Iterator[tuple[str, State]]:
    """Everything that may happen next, but for the sweep that comes when nothing else does."""
    yield from _deliveries(state)
    for function in state.functions:
        yield from stepped(state, function, FATES, _replayed, _next)
        yield from _accidents(state, function)
    for execution in state.executions:
        if execution.stage in ("map", "final"):
            yield from _ends_of(state, execution)
    for name in ("cancel", "retry", "sweep"):
        if state.may(name):
            yield name, state.after(name).begun(Function(name))
    for position, item in enumerate(state.items):
        if item is not None and item.lease_until and not _is_anybody_at(state, position):
            freed = replace(item, lease_until=0)
            yield "a lease ends", replace(state, items=_put(state.items, position, freed))


def _accidents(state: State, function: Function) -> Iterator[tuple[str, State]]:
    if state.may("die"):
        yield f"{function.name} dies", FATES.died(state.after("die"), function)
    if function.is_orphan:
        return
    if state.may("late") and function.name == "iterate" and not function.answers:
        yield "iterate is late", _returned(state.after("late"), function, None)
    if state.may("outlive") and function.name in ("iterate", "finalize"):
        orphan = replace(function, is_orphan=True)
        alone = state.after("outlive").exchanged(function, orphan)
        yield f"{function.name} is given up", _tried_again(alone, function)


def _ends_of(state: State, execution: Execution) -> Iterator[tuple[str, State]]:
    if state.may("kill"):
        yield "the execution times out", _killed(state.after("kill"), execution)
    if state.may("crash"):
        dead = _killed(state.after("crash"), execution)
        alive = tuple(one for one in dead.functions if not one.is_orphan)
        yield "everything dies", replace(dead, functions=alive)


def swept(state: State) -> State:
    """The sweep comes."""
    return state.begun(Function("sweep"))


def _is_anybody_at(state: State, index: int) -> bool:
    """Whether a function may be alive that a lease of this item was given to."""
    return any(one.index == index or one.name == "execute" for one in state.functions)


def _deliveries(state: State) -> Iterator[tuple[str, State]]:
    for queue, name in (("records", "enqueue"), ("messages", "execute")):
        waiting: tuple[int, ...] = getattr(state, queue)
        for attempt in sorted(set(waiting)):
            function = Function(name, attempt)
            if sum(one == function for one in state.functions):
                continue
            taken = list(waiting)
            taken.remove(attempt)
            yield f"{name} {attempt}", replace(state, **{queue: tuple(taken)}).begun(function)
            if state.may("twice"):
                yield f"{name} {attempt} twice", state.after("twice").begun(function)


def _next(
    state: State, function: Function, call: task_programs.Call
) -> Iterator[tuple[str, State]]:
    for answer, after in _answers(state, function, call):
        told = replace(function, answers=(*function.answers, answer))
        yield f"{function.name} {call}", after.exchanged(function, told)


def _program(function: Function) -> Program:
    attempt = function.attempt
    programs: dict[str, Callable[[], Program]] = {
        "enqueue": lambda: task_programs.enqueue(attempt),
        "execute": lambda: task_programs.execute(attempt, LEASED),
        "iterate": lambda: task_programs.work(attempt, function.index, function.seq, LEASED),
        "iterate fast": lambda: task_programs.work(
            attempt, function.index, function.seq, LEASED, fails_fast=True
        ),
        "finalize": lambda: task_programs.finalize(attempt),
        "sweep": lambda: task_programs.sweep(NOW),
        "cancel": task_programs.cancel,
        "retry": lambda: task_programs.retry(NOW.timestamp()),
    }
    return programs[function.name]()


def _replayed(function: Function) -> task_programs.Call:
    if function.name == "finalize":
        abandoned = dict.fromkeys(function.answers[0], "Sandbox.Timedout")
        program: Program = task_programs.finalize(function.attempt, abandoned, NOW.timestamp())
        answers = function.answers[1:]
    else:
        program, answers = _program(function), function.answers
    call: task_programs.Call = called(program, answers)
    return call


def _answers(
    state: State, function: Function, call: task_programs.Call
) -> Iterator[tuple[Any, State]]:
    match call:
        case task_programs.Find():
            yield state.task, state
        case task_programs.FindItems():
            yield tuple(item for item in state.items if item is not None), state
        case task_programs.PutItems(task):
            items = tuple(
                found or Item(key=task.key, index=index, input=index, updated_at="")
                for index, found in enumerate(state.items)
            )
            yield None, replace(state, items=items)
        case task_programs.Start(task):
            is_new = all(one.attempt != task.attempt for one in state.executions)
            started = Execution(task.attempt, task.items)
            executions = (*state.executions, started) if is_new else state.executions
            yield None, _driven(replace(state, executions=executions))
        case task_programs.Describe(task):
            found = [one for one in state.executions if one.attempt == task.attempt]
            is_running = bool(found) and found[0].stage in ("map", "final")
            yield all_programs.Execution(is_running) if found else None, state
        case task_programs.Work(item):
            yield from _worked(state, function, item)
        case task_programs.ItemWrite():
            yield _item_write(state, call)
        case _:
            yield _task_write(state, call)


def _worked(state: State, function: Function, item: Item) -> Iterator[tuple[Any, State]]:
    stored = state.items[item.index]
    assert stored is not None
    if stored.status is TaskStatus.COMPLETED and not function.is_orphan:
        raise BrokenError(f"T1: item {item.index} is done again after its success")
    for other in state.functions:
        if other.attempt != function.attempt and _is_at_work(other, item.index):
            raise BrokenError(f"T2: two attempts are at work on item {item.index}")
    yield _DONE, state
    if state.may("fail"):
        yield _FAILED, state.after("fail")
    if state.may("transient"):
        yield AGAIN, state.after("transient")


def _is_at_work(function: Function, index: int) -> bool:
    """Whether a function has been told to run the handler, and has not written how it went."""
    if function.index != index and not (function.name == "execute" and index == 0):
        return False
    try:
        call = _replayed(function)
    except (StopIteration, SupersededError, TransientError):
        return False
    return isinstance(call, task_programs.Work | task_programs.CloseItem)


def _item_write(state: State, call: Any) -> tuple[Any, State]:
    found = state.items[call.index]
    assert found is not None
    item = call.on(found, NOW.timestamp())
    if item is None:
        return Written(done=False, record=found), state
    if found.status is TaskStatus.COMPLETED:
        raise BrokenError(f"T1: item {call.index} was COMPLETED and is {item.status}")
    if not isinstance(call, task_programs.Claim) and found.attempt > call.attempt:
        raise BrokenError(f"T6: attempt {call.attempt} ends an item of attempt {found.attempt}")
    if isinstance(call, task_programs.CloseItem) and found.seq != call.seq:
        raise BrokenError(f"T6: try {call.seq} ends an item of try {found.seq}")
    successes = state.successes
    if item.status is TaskStatus.COMPLETED:
        successes = _put(successes, call.index, successes[call.index] + 1)
    after = replace(state, items=_put(state.items, call.index, item), successes=successes)
    return Written(done=True, record=item), after


def _task_write(state: State, call: Any) -> tuple[Any, State]:
    task, records = state.task, state.records
    after = call.on(task, "")
    if after is None:
        return Written(done=False, record=task), state
    if after.attempt > task.attempt:
        records = (*records, after.attempt)
    if getattr(call, "attempt", task.attempt) != task.attempt:
        raise BrokenError(f"T6: attempt {call.attempt} changes a task of attempt {task.attempt}")
    if task.status.is_closed and not isinstance(call, Retry):
        raise BrokenError(f"T3: the task was {task.status} and is {after.status}")
    if task.attempt == after.attempt and _rank(after.status) < _rank(task.status):
        raise BrokenError(f"T3: the task was {task.status} and is {after.status}")
    return Written(done=True, record=after), replace(state, task=after, records=records)


def _returned(state: State, function: Function, result: Any) -> State:
    state = state.without(function)
    if function.name == "enqueue" and result is not None:
        return replace(state, messages=(*state.messages, function.attempt))
    if function.name == "sweep" and result == "queued":
        return replace(state, messages=(*state.messages, state.task.attempt))
    if function.is_orphan:
        return state
    if function.name.startswith("iterate"):
        return _driven(_iterated(state, function.attempt))
    if function.name == "finalize":
        return _staged(state, function.attempt, "succeeded")
    return state


def _tried_again(state: State, function: Function) -> State:
    if function.name == "enqueue":
        return replace(state, records=(*state.records, function.attempt))
    if function.name == "execute":
        return replace(state, messages=(*state.messages, function.attempt))
    if function.name.startswith("iterate"):
        if function.seq + 1 < TRIES:
            again = Function(function.name, function.attempt, function.index, function.seq + 1)
            return state.begun(again)
        return _driven(_iterated(state, function.attempt, abandoned=function.index))
    if function.name == "finalize":
        if function.seq + 1 < TRIES:
            again = Function("finalize", function.attempt, -1, function.seq + 1)
            return state.begun(replace(again, answers=function.answers[:1]))
        return _staged(state, function.attempt, "dead")
    return state


def _gave_up(state: State, function: Function) -> State:
    """An error that nobody tries again."""
    state = state.without(function)
    if function.is_orphan:
        return state
    if function.name.startswith("iterate"):
        return _driven(_iterated(state, function.attempt, abandoned=function.index))
    return _staged(state, function.attempt, "dead") if function.name == "finalize" else state


def _iterated(state: State, attempt: int, abandoned: int | None = None) -> State:
    def ended(one: Execution) -> Execution:
        names = one.abandoned if abandoned is None else (*one.abandoned, abandoned)
        return replace(one, running=one.running - 1, abandoned=tuple(sorted(names)))

    return _changed(state, attempt, ended)


def _driven(state: State) -> State:
    """Let each execution begin what it can: iterations, two at a time, and then the end."""
    for execution in state.executions:
        now = execution
        while now.stage == "map" and now.waiting and now.running < CONCURRENCY:
            index, *rest = now.waiting
            name = "iterate fast" if state.may("fail fast") else "iterate"
            state = state.begun(Function(name, now.attempt, index))
            now = replace(now, waiting=tuple(rest), running=now.running + 1)
        if now.stage == "map" and not now.waiting and not now.running:
            now = replace(now, stage="final")
            final = Function("finalize", now.attempt, answers=(now.abandoned,))
            state = state.begun(final)
        state = _changed(state, now.attempt, lambda _, now=now: now)
    return state


def _killed(state: State, execution: Execution) -> State:
    its = ("iterate", "iterate fast", "finalize")
    alone = state.orphaned(lambda one: one.attempt == execution.attempt and one.name in its)
    return _staged(alone, execution.attempt, "dead")


def _staged(state: State, attempt: int, stage: str) -> State:
    return _changed(state, attempt, lambda one: replace(one, stage=stage))


def _changed(state: State, attempt: int, change: Callable[[Execution], Execution]) -> State:
    executions = tuple(
        change(one) if one.attempt == attempt and one.stage in ("map", "final") else one
        for one in state.executions
    )
    return replace(state, executions=executions)


def _put(values: tuple[Any, ...], position: int, value: Any) -> tuple[Any, ...]:
    return (*values[:position], value, *values[position + 1 :])


def _rank(status: TaskStatus) -> int:
    return list(TaskStatus).index(status)


FATES = Fates(_returned, _tried_again, _gave_up)
