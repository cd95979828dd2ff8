"""What a job lives in, as a state that the model check copies: its versions, and the clock.

The rules are the real ones: `jobs`, and the programs and writes of plans. The calendar has an
occurrence each minute, and the clock counts minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulation.exploring import BrokenError, Fates, Situation, called, stepped

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.schedule import jobs, programs
from sfn_cqrs.machines.schedule.calendar import Calendar
from sfn_cqrs.machines.schedule.jobs import Job, JobState
from sfn_cqrs.machines.schedule.rules import DEADLINE, Plan, Publish, Status, Wanted, order_of

ITEM, NAME = ItemKey("t", "JOB", jobs.CODE), DEADLINE + jobs.NEXT
BEGIN = datetime(2026, 12, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENTS = ("since", "occurrence", "last", "asked_at")
JobsByAge = tuple[Job, ...]


def declared(missed: Any, minutes: int = 1) -> Job:
    """A job each so many minutes."""
    return Job("JOB", Calendar.of(every=minutes * MINUTE), missed, print, ("t",))


def at(minute: int) -> datetime:
    return BEGIN + minute * MINUTE


@dataclass(frozen=True, slots=True)
class Ran:
    """The user's function runs for a version."""

    version: int


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
    """The versions with when they were published, whose handlers have run, and what has run."""

    declarations: JobsByAge
    versions: tuple[tuple[JobState, int], ...] = ()
    handled: frozenset[int] = frozenset()
    ran: tuple[int, ...] = ()
    plan: Plan | None = None
    now: int = 0
    rests: int = 0

    @property
    def job(self) -> Job:
        return self.declarations[0]

    @property
    def latest(self) -> JobState | None:
        return self.versions[-1][0] if self.versions else None

    @property
    def is_handled(self) -> bool:
        return len(self.handled) == len(self.versions)

    def published(self, attributes: dict[str, Any]) -> "State":
        """The same with a version more."""
        before = self.latest
        read = {n: _moment(v) if n in MOMENTS else v for n, v in attributes.items()}
        state = JobState(**read) if before is None else replace(before, **read)
        if state == before:
            return self
        return replace(self, versions=(*self.versions, (state, self.now)))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def first_state(declarations: JobsByAge, faults: dict[str, int]) -> State:
    """Nothing has begun; the later declarations come with a deploy each."""
    return State(declarations=declarations, to_come=tuple(sorted(faults.items())))


def moves(state: State) -> Iterator[tuple[str, State]]:
    """What may happen next."""
    for function in dict.fromkeys(state.functions):
        yield from stepped(state, function, FATES, _replayed, _next)
        if state.may("die"):
            yield f"{function.name} dies", FATES.died(state.after("die"), function)
    for name, minutes in (("tick", 1), ("leap", 3), ("back", -1)):
        if state.may(name) and state.now + minutes >= 0:
            yield name, replace(state.after(name), now=state.now + minutes)
    for name in ("sweep", "keep"):
        if state.may(name):
            yield f"a {name}", state.after(name).begun(begun(state, name))
    if state.may("deploy"):
        yield "a deploy", replace(state.after("deploy"), declarations=state.declarations[1:])
    yield from _asked(state)
    yield from _versions(state)


def begun(state: State, name: str) -> Function:
    """A sweep, or its look at how the job is declared."""
    return Function(name, state.now, value=state.job if name == "keep" else None)


def _asked(state: State) -> Iterator[tuple[str, State]]:
    """What a person asks for is one write on the latest version."""
    latest, now = state.latest, at(state.now)
    if latest is None:
        return
    if state.may("pause") and not latest.paused:
        yield "pause", state.after("pause").published(jobs.paused(latest))
    if state.may("resume") and latest.paused:
        yield "resume", state.after("resume").published(jobs.resumed(latest, now))
    if state.may("run"):
        yield "run", state.after("run").published(jobs.asked_for(now, now))


def _versions(state: State) -> Iterator[tuple[str, State]]:
    """The machine takes up the next version; and late retries come of those before."""
    number = len(state.handled) + 1
    is_taken = any(each.name == "handle" and not each.is_orphan for each in state.functions)
    if number <= len(state.versions) and not is_taken:
        yield f"version {number}", state.begun(Function("handle", state.now, value=number))
    for number in state.handled if state.may("late") else ():
        late = Function("handle", state.now, value=number, is_orphan=True)
        yield f"a late retry of {number}", state.after("late").begun(late)


def _replayed(function: Function) -> Any:
    return called(_program(function), function.answers)


def _program(function: Function) -> Any:
    if function.name == "keep":
        return jobs.keep(function.value, at(function.now))
    if function.name == "handle":
        return _handling(function.value)
    return programs.work(iso(at(function.now)))


def _handling(version: int) -> Any:
    """What the handlers of a version do: say when the next occurrence comes, and run this one."""
    state, minute = yield version
    due = state.next(at(minute))
    word = Plan(
        item=ITEM,
        name=NAME,
        order=order_of(version),
        due_at=iso(due or at(minute)),
        status=Status.CANCELLED if due is None else Status.PLANNED,
        wanted=Wanted(attributes=jobs.occurring(due) if due else {}, is_partial=True),
    )
    yield from programs.plan(word)
    if state.runs(at(minute)):
        yield Ran(version)


def _next(state: State, function: Function, call: Any) -> Iterator[tuple[str, State]]:
    answer, after = _answered(state, function, call)
    told = replace(function, answers=(*function.answers, answer))
    yield f"{function.name} {type(call).__name__}", after.exchanged(function, told)


def _answered(state: State, function: Function, call: Any) -> tuple[Any, State]:
    match call:
        case int(version):
            return state.versions[version - 1], state
        case Ran(version):
            return None, replace(state, ran=tuple(sorted({*state.ran, version})))
        case jobs.Find():
            seen = jobs.Seen(len(state.versions), state.latest) if state.latest else None
            return seen, state
        case jobs.Change(version, attributes):
            is_first = version == len(state.versions)
            return is_first, state.published(attributes) if is_first else state
    return _of_plans(state, function, call)


def _of_plans(state: State, function: Function, call: programs.Call) -> tuple[Any, State]:
    match call:
        case programs.Find():
            return state.plan, state
        case programs.FindDue(now):
            is_due = state.plan is not None and state.plan.is_due(now)
            return ((NAME,) if is_due else ()), state
        case programs.Make(plan):
            return state.plan is None, replace(state, plan=state.plan or plan)
        case programs.On(_, write):
            assert state.plan is not None
            changed = write.on(state.plan, "now")
            after = replace(state, plan=changed) if changed else state
            return Written(done=changed is not None, record=changed or state.plan), after
        case programs.TryPublish(plan):
            return _tried(state, function, plan)


def _tried(state: State, function: Function, plan: Plan) -> tuple[programs.Tried, State]:
    """The transaction: the next version, and the plan's end."""
    assert state.plan is not None
    assert state.latest is not None
    closed = Publish(plan, len(state.versions) + 1).on(state.plan, "now")
    if closed is None:
        return programs.Tried(is_over=True), state
    outcome = Outcome.APPLIED if state.is_handled else Outcome.OPEN
    if not plan.may_follow(outcome, timedelta(0)):
        return programs.Tried(), state
    after = state.published(dict(plan.wanted.attributes))
    _check_occurrence(state, function, after.latest)
    return programs.Tried(done=True), replace(after, plan=closed)


def _check_occurrence(state: State, function: Function, after: JobState | None) -> None:
    assert after is not None
    assert after.occurrence is not None
    assert state.latest is not None
    earlier = [one for one, _ in state.versions if one.occurrence and not one.asked_at]
    if any(one.occurrence and one.occurrence >= after.occurrence for one in earlier):
        raise BrokenError("J1: an occurrence comes twice, or after a later one")
    if after.occurrence > at(function.now):
        raise BrokenError("J2: an occurrence comes early")
    if state.latest.paused:
        raise BrokenError("J3: an occurrence comes while the job is paused")


def _returned(state: State, function: Function, _result: Any) -> State:
    left = state.without(function)
    if function.name != "handle":
        return left
    return replace(left, handled=state.handled | {function.value})


def _tried_again(state: State, function: Function) -> State:
    """A handler is called again by its machine; a sweep comes again at rest."""
    return state.begun(replace(function, answers=())) if function.name == "handle" else state


FATES = Fates(_returned, _tried_again, lambda state, function: state.without(function))
