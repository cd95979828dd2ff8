"""What plans live in, as a state that the model check copies: an item, its plans, and the clock.

The rules are the real ones: programs and writes of `machines/schedule`. A function is a program
with the answers that it was given; to take its next step, it is run again from its beginning.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tests.simulation.exploring import BrokenError, Fates, Situation, called, stepped

from sfn_cqrs.kernel.command import Known
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.schedule import programs, rules
from sfn_cqrs.machines.schedule.rules import Plan, Publish, Refuse, Run, Status

ITEM = ItemKey("t", "ORDER", "1")
MOVED = "changed version"


@dataclass(frozen=True, slots=True)
class Function:
    """A function at work; `now` is what it has read of the clock."""

    name: str
    now: int
    value: Any = None
    answers: tuple[Any, ...] = ()
    is_orphan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Situation):
    """The item's plans and latest version, the clock, and how often a sweep came at rest."""

    plans: tuple[Plan, ...] = ()
    said: tuple[tuple[str, str], ...] = ()
    """The last order of those who were told that it is stored, by name."""
    latest: int = 1
    now: int = 0
    published: tuple[tuple[str, str], ...] = ()
    """The names and orders of the plans that have become versions."""
    to_say: tuple[Plan, ...] = ()
    """What the handlers of the next versions say of a deadline."""
    spoken: tuple[tuple[int, Plan], ...] = ()
    """The versions that have said it."""
    handled: frozenset[int] = frozenset({1})
    """The versions whose handlers have all run."""
    rests: int = 0

    def find(self, name: str) -> Plan | None:
        return next((plan for plan in self.plans if plan.name == name), None)

    @property
    def outcome(self) -> Outcome:
        """That of the latest version: a version waits for the one before."""
        is_applied = self.handled >= set(range(1, self.latest + 1))
        return Outcome.APPLIED if is_applied else Outcome.OPEN

    def with_plan(self, changed: Plan) -> "State":
        others = [plan for plan in self.plans if plan.name != changed.name]
        ordered = sorted((*others, changed), key=lambda plan: plan.name)
        return replace(self, plans=tuple(ordered))


def planned(name: str, due_at: int, order: str = "1", if_version: int | None = None) -> Plan:
    """A plan as it is made."""
    return Plan(item=ITEM, name=name, order=order, due_at=str(due_at), if_version=if_version)


def is_on(plan: Plan, latest: int) -> bool:
    """Whether the table's transaction lets the plan be published on this version."""
    return plan.follows in (Known.LATEST, latest)


def cleared(name: str, order: str) -> Plan:
    """A deadline that a handler has cleared."""
    return replace(planned(name, 0, order), status=Status.CANCELLED)


def first_state(plans: tuple[Plan, ...], orders: tuple[Plan, ...], faults: dict[str, int]) -> State:
    """These are planned, and functions are at work on these orders, in whatever order.

    What is said of a deadline comes with a version each, in this order.
    """
    said = tuple(order for order in orders if order.is_deadline)
    orders = tuple(order for order in orders if not order.is_deadline)
    state = State(plans=plans, to_say=said, to_come=tuple(sorted(faults.items())))
    return state.with_functions(Function("plan", 0, value=order) for order in orders)


def moves(state: State) -> Iterator[tuple[str, State]]:
    """What may happen next."""
    for function in dict.fromkeys(state.functions):
        yield from stepped(state, function, FATES, _replayed, _next)
        if state.may("die"):
            yield f"{function.name} dies", FATES.died(state.after("die"), function)
    yield from _times(state)
    if state.may("sweep"):
        yield "a sweep", state.after("sweep").begun(Function("sweep", state.now))
    if state.may("edit"):
        yield "a version", _with_version(state.after("edit"))
    if state.may("cancel"):
        yield "a person cancels", state.after("cancel").begun(_asked(state, "cancel"))
    if state.may("run"):
        yield "a person runs it", state.after("run").begun(_asked(state, "run"))
    yield from _versions(state)


def _asked(state: State, what: str) -> Function:
    """What a person asks for, of the first plan that there is."""
    return Function(what, state.now, value=state.plans[0].name if state.plans else "a")


def _with_version(state: State) -> State:
    """One more version, of which no handler speaks."""
    latest = state.latest + 1
    return replace(state, latest=latest, handled=state.handled | {latest})


def _versions(state: State) -> Iterator[tuple[str, State]]:
    """Versions whose handlers speak of a deadline, and late retries of these handlers."""
    if state.to_say:
        plan, *rest = state.to_say
        version = state.latest + 1
        word = version, replace(plan, order=rules.order_of(version))
        after = replace(state, latest=version, to_say=tuple(rest), spoken=(*state.spoken, word))
        yield f"version {version}", after.begun(Function("handle", state.now, value=word))
    for word in state.spoken if state.may("late") else ():
        late = Function("handle", state.now, value=word, is_orphan=True)
        yield f"a late retry of {word[0]}", state.after("late").begun(late)


def _times(state: State) -> Iterator[tuple[str, State]]:
    if state.may("tick"):
        yield "time passes", replace(state.after("tick"), now=state.now + 1)
    if state.may("leap"):
        yield "the clock leaps", replace(state.after("leap"), now=state.now + 3)
    if state.may("back") and state.now:
        yield "the clock goes back", replace(state.after("back"), now=state.now - 1)


def swept(state: State) -> State:
    """The next sweep begins, at rest."""
    begun = state.begun(Function("sweep", state.now))
    return replace(begun, rests=state.rests + 1)


def _replayed(function: Function) -> programs.Call:
    call: programs.Call = called(_program(function), function.answers)
    return call


def _program(function: Function) -> programs.Program:
    if function.name == "plan":
        return programs.plan(function.value)
    if function.name == "handle":
        return programs.plan(function.value[1])
    if function.name == "cancel":
        return programs.cancel(function.value)
    if function.name == "run":
        return programs.run(function.value, str(function.now))
    return programs.work(str(function.now))


def _next(state: State, function: Function, call: programs.Call) -> Iterator[tuple[str, State]]:
    name = f"{function.name} {type(call).__name__}"
    if isinstance(call, programs.TryPublish) and state.may("busy"):
        yield f"{name} is busy", _told(state.after("busy"), function, programs.Tried())
    answer, after = _answered(state, function, call)
    yield name, _told(after, function, answer)


def _told(state: State, function: Function, answer: Any) -> State:
    return state.exchanged(function, replace(function, answers=(*function.answers, answer)))


def _answered(state: State, function: Function, call: programs.Call) -> tuple[Any, State]:
    match call:
        case programs.Find(name):
            return state.find(name), state
        case programs.FindDue(now):
            due = sorted((plan.due_at, plan.name) for plan in state.plans if plan.is_due(now))
            return tuple(name for _, name in due), state
        case programs.Make(plan):
            if state.find(plan.name) is not None:
                return False, state
            return True, state.with_plan(plan)
        case programs.TryPublish(plan):
            return _tried(state, function, plan)
        case programs.On(name, write):
            return _written(state, name, write)


def _said(state: State, plan: Plan) -> State:
    last = dict(state.said).get(plan.name, "")
    said = dict(state.said) | {plan.name: max(last, plan.order)}
    return replace(state, said=tuple(sorted(said.items())))


def _written(state: State, name: str, write: Any) -> tuple[Any, State]:
    found = state.find(name)
    assert found is not None
    after = write.on(found, "now")
    if after is None:
        return Written(done=False, record=found), state
    if after.order < found.order:
        raise BrokenError("P4: a late order moves a newer one")
    if after.generation == found.generation and not _may_end(found, after):
        raise BrokenError("P1: a plan that has ended ends again")
    if isinstance(write, Run):
        _check_run(found, after, write)
    if isinstance(write, Refuse) and is_on(found, state.latest):
        raise BrokenError("P7: it is refused, and nothing is in its way")
    return Written(done=True, record=after), state.with_plan(after)


def _check_run(plan: Plan, after: Plan, write: Run) -> None:
    if plan.status not in (Status.PLANNED, Status.REFUSED):
        raise BrokenError("P8: what has ended is run")
    if not after.is_due(write.now):
        raise BrokenError("P8: it is run, and not due")


def _may_end(plan: Plan, after: Plan) -> bool:
    """A plan ends once; one that was refused may still be cancelled."""
    is_cleared = (plan.status, after.status) == (Status.REFUSED, Status.CANCELLED)
    return plan.status is Status.PLANNED or is_cleared


def _tried(state: State, function: Function, plan: Plan) -> tuple[programs.Tried, State]:
    """The transaction: the next version, and the plan's end."""
    found = state.find(plan.name)
    assert found is not None
    closed = Publish(plan, state.latest + 1).on(found, "now")
    if closed is None:
        return programs.Tried(is_over=True), state
    if not plan.may_follow(state.outcome, timedelta(0)):
        return programs.Tried(), state
    if not is_on(plan, state.latest):
        return programs.Tried(refused=MOVED), state
    _check_publish(state, function, plan, found)
    mine = (*state.published, (plan.name, plan.order))
    after = replace(_with_version(state), published=mine)
    return programs.Tried(done=True), after.with_plan(closed)


def _check_publish(state: State, function: Function, plan: Plan, found: Plan) -> None:
    if (plan.name, plan.order) in state.published:
        raise BrokenError("P1: a plan becomes two versions")
    if found.status is not Status.PLANNED or found.order != plan.order:
        raise BrokenError("P2: what was moved or cancelled is published")
    if int(plan.due_at) > function.now:
        raise BrokenError("P3: it comes early")
    if plan.if_version is not None and plan.if_version != state.latest:
        raise BrokenError("P7: the item has another version")
    if plan.is_deadline and plan.order != _newest(state):
        raise BrokenError("P9: a later version has said otherwise")
    earlier = [one for one in state.plans if one.is_due(str(int(plan.due_at) - 1))]
    if any(one.generation == 1 for one in earlier if one.order == "1"):
        raise BrokenError("P5: a later plan comes first")


def _newest(state: State) -> str:
    return f"{state.spoken[-1][0]:010d}"


def _returned(state: State, function: Function, _result: Any) -> State:
    if function.name == "handle":
        version, plan = function.value
        after = replace(_said(state, plan), handled=state.handled | {version})
        return after.without(function)
    told = _said(state, function.value) if function.name == "plan" else state
    return told.without(function)


def _gave_up(state: State, function: Function) -> State:
    return state.without(function)


def _tried_again(state: State, function: Function) -> State:
    """A handler is called again by its machine; a sweep comes again at rest."""
    is_again = function.name in ("plan", "handle")
    return state.begun(replace(function, answers=())) if is_again else state


FATES = Fates(_returned, _tried_again, _gave_up)
