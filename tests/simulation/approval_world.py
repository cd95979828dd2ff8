"""What an approval lives in, as a state that the model check copies: item, stream, machine, people.

The rules are the real ones: programs of `approval_programs`, writes of `approval`. A function is
a program with the answers that it was given; to take its next step, it is run again from its
beginning.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tests.simulation.exploring import BrokenError, Fates, Situation, called, stepped

from sfn_cqrs.kernel import programs
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import SfnCqrsError, SupersededError, TransientError
from sfn_cqrs.kernel.keys import ApprovalKey
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval.rules import Approval, Pinned, Rules, Status, Verdict

IN_TIME = datetime(2026, 11, 25, 11, tzinfo=UTC)
TOO_LATE = datetime(2026, 11, 25, 13, tzinfo=UTC)
EXPIRES_AT = "2026-11-25T12:00:00.000Z"
TRIES = 3
PINNED = Pinned("ORDER", "o-1", 1)
Program = Generator[approval_programs.Call, Any, Any]
PEOPLE = {
    "approve a": ("a", Verdict.APPROVE),
    "approve b": ("b", Verdict.APPROVE),
    "reject c": ("c", Verdict.REJECT),
}


@dataclass(frozen=True, slots=True)
class Function:
    """A function at work: its program's name, what it was given, and the answers so far.

    Nobody waits for an orphan.
    """

    name: str
    attempt: int = 0
    is_late: bool = False
    tries: int = 0
    value: Any = None
    answers: tuple[Any, ...] = ()
    is_orphan: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """The execution of one attempt; it waits while a token is out, and works otherwise."""

    attempt: int
    stage: str = "check"
    tries: int = 0
    token: str | None = None
    round: int = 0


@dataclass(frozen=True, slots=True)
class State(Situation):
    """All there is."""

    approval: Approval
    records: tuple[Approval, ...]
    machines: tuple[Machine, ...] = ()
    is_late: bool = False
    effects: tuple[Status, ...] = ()
    latest: int = 1
    is_published: bool = False


def first_state(needed: int, faults: dict[str, int]) -> State:
    """An approval that has just been requested; faults also name the people who will decide."""
    approval = Approval(
        key=ApprovalKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9B"),
        type="T",
        rules=Rules(("a", "b", "c"), needed=needed, remind_every=0),
        created=Audit(""),
        expires_at=EXPIRES_AT,
        due_at="",
        updated_at="",
    )
    pinned = replace(approval, item=PINNED if "edit" in faults else None)
    approval = replace(pinned, digest=pinned.fingerprint)
    return State(approval, (approval,), to_come=tuple(sorted(faults.items())))


def moves(state: State) -> Iterator[tuple[str, State]]:
    """Everything that may happen next, but for the sweep that comes when nothing else does."""
    yield from _deliveries(state)
    for function in state.functions:
        yield from stepped(state, function, FATES, _replayed, _next)
        yield from _accidents(state, function)
    for machine in state.machines:
        yield from _ends_of(state, machine)
    for name in PEOPLE:
        if state.may(name):
            seen = state.approval.digest
            yield name, state.after(name).begun(Function(name, is_late=state.is_late, value=seen))
    if state.may("edit"):
        yield "the item changes", replace(state.after("edit"), latest=state.latest + 1)
    if state.may("sweep"):
        yield "sweep", state.after("sweep").begun(Function("sweep"))
    if state.may("time"):
        yield "the time is over", replace(state.after("time"), is_late=True)


def swept(state: State) -> State:
    """The sweep comes."""
    return state.begun(Function("sweep"))


def _deliveries(state: State) -> Iterator[tuple[str, State]]:
    if not state.records:
        return
    record, rest = state.records[0], state.records[1:]
    delivered = Function("deliver", value=record)
    yield "a record", replace(state, records=rest).begun(delivered)
    if state.may("twice"):
        yield "a record, twice", state.after("twice").begun(delivered)


def _accidents(state: State, function: Function) -> Iterator[tuple[str, State]]:
    if state.may("die"):
        yield f"{function.name} dies", FATES.died(state.after("die"), function)
    is_its = function.name in ("check", "request", "process") and not function.is_orphan
    if is_its and state.may("outlive"):
        orphan = replace(function, is_orphan=True)
        alone = _exchanged(state.after("outlive"), function, orphan)
        yield f"{function.name} is given up", _tried_again(alone, function)


def _ends_of(state: State, machine: Machine) -> Iterator[tuple[str, State]]:
    if machine.stage == "wait" and (state.is_late or state.may("round")):
        passed = state if state.is_late else state.after("round")
        yield "the round is over", _entered(passed, machine, "check")
    if machine.stage not in ("ended", "dead") and state.may("kill"):
        yield "the execution is stopped", _killed(state.after("kill"), machine)


def _next(
    state: State, function: Function, call: approval_programs.Call
) -> Iterator[tuple[str, State]]:
    answer, after = _answered(state, function, call)
    told = replace(function, answers=(*function.answers, answer))
    name = f"{function.name} {type(call).__name__}"
    yield name, _ended_at_once(_exchanged(after, function, told), told)


def _ended_at_once(state: State, told: Function) -> State:
    """What a function does after its last call is seen by nobody: it returns at once."""
    try:
        _replayed(told)
    except StopIteration as end:
        orphan = replace(told, is_orphan=True)
        return _returned(state, told if told in state.functions else orphan, end.value)
    except (SfnCqrsError, SupersededError, TransientError):
        return state
    return state


def _program(function: Function) -> Program:
    now = TOO_LATE if function.is_late else IN_TIME
    attempt = function.attempt
    if function.name in PEOPLE:
        user, verdict = PEOPLE[function.name]
        at = now.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return approval_programs.decide(user, (), verdict, at, seen=function.value)
    match function.name:
        case "check":
            return approval_programs.check(attempt, now)
        case "request":
            token, round_ = function.value
            return approval_programs.wait(attempt, round_, function.tries, token)
        case "process":
            return approval_programs.handle(attempt, function.value)
        case "fail":
            return approval_programs.fail(attempt, "E", "")
        case "sweep":
            return approval_programs.sweep()
        case _:
            return _deliver(function.value)


def _deliver(record: Approval) -> Program:
    """What the stream's consumer does with a record."""
    if record.happened.starts:
        yield approval_programs.Start(record)
    else:
        yield from approval_programs.wake(record)


def _replayed(function: Function) -> approval_programs.Call:
    call: approval_programs.Call = called(_program(function), function.answers)
    return call


def _answered(state: State, function: Function, call: approval_programs.Call) -> tuple[Any, State]:
    match call:
        case approval_programs.Find():
            return state.approval, state
        case approval_programs.Succeed(token):
            return _sent(state, token)
        case approval_programs.FindLatest():
            return state.latest, state
        case approval_programs.Handle(approval):
            return _handled(state, approval)
        case approval_programs.Start(approval):
            is_running = _is_running(state, approval.attempt) is not False
            return is_running, _started(state, approval.attempt)
        case approval_programs.Describe(approval):
            runs = _is_running(state, approval.attempt)
            return (None if runs is None else programs.Execution(runs)), state
        case _:
            return _written(state, function, call)


def _is_running(state: State, attempt: int) -> bool | None:
    """Whether the execution of an attempt runs; None if it was never started."""
    stages = [one.stage for one in state.machines if one.attempt == attempt]
    return stages[0] not in ("ended", "dead") if stages else None


def _handled(state: State, approval: Approval) -> tuple[bool, State]:
    """The user's function, whose effect is on the pinned version, and once."""
    pinned = approval.item if approval.status is Status.GRANTED else None
    publishes = pinned is not None and not state.is_published
    if pinned is not None and publishes and not publishes_on(state.latest, pinned):
        return False, state
    if approval.status is not state.approval.status:
        raise BrokenError(f"A2: {approval.status} is done, {state.approval.status} stored")
    if publishes:
        if state.latest != PINNED.version:
            raise BrokenError(f"A6: version {PINNED.version} was seen, {state.latest} is changed")
        state = replace(state, latest=state.latest + 1, is_published=True)
    return True, replace(state, effects=(*state.effects, approval.status))


def publishes_on(latest: int, pinned: Pinned) -> bool:
    """The condition of the publish: the item is at the version that it names."""
    return latest == pinned.version


def _sent(state: State, token: str) -> tuple[bool, State]:
    for machine in state.machines:
        if machine.token == token and machine.stage == "wait":
            return True, _entered(state, machine, "check")
    return False, state


def _written(state: State, function: Function, call: Any) -> tuple[Any, State]:
    found = state.approval
    after = call.on(found, "now")
    if after is None:
        return Written(done=False, record=found), state
    _check_write(state, after, function, call)
    is_acted_on = after.happened.starts or (after.is_decided and not after.stage.is_closed)
    is_new = is_acted_on and after.happened != "WAITING"
    records = (*state.records, after) if is_new else state.records
    written = Written(done=True, record=after)
    return written, replace(state, approval=after, records=records)


def _check_write(state: State, after: Approval, function: Function, call: Any) -> None:
    found = state.approval
    is_undone = (found.status, after.status) == (Status.GRANTED, Status.STALE)
    if is_undone and not state.is_published and found.votes == after.votes:
        return
    if found.is_decided and (found.status, found.votes) != (after.status, after.votes):
        raise BrokenError(f"A1: it was {found.status} and is {after.status}")
    if getattr(call, "attempt", found.attempt) != found.attempt or found.stage.is_closed:
        raise BrokenError(f"A4: {function.name} writes, and does not own it")
    if after.status is Status.OPEN and len(after.votes) >= after.rules.needed:
        raise BrokenError("A1: enough have approved, and it is OPEN")
    if len({vote.by for vote in after.votes}) < len(after.votes):
        raise BrokenError("A1: somebody has voted twice")


def _returned(state: State, function: Function, result: Any) -> State:
    state = state.without(function)
    if function.is_orphan or function.name not in ("check", "process", "fail"):
        return state
    machine = _machine_of(state, function.attempt)
    if machine is None:
        return state
    if function.name == "check":
        if result.is_decided:
            return _entered(state, machine, "process", result.status)
        return _entered(replace_round(state, machine, result.round), None, "request")
    stage = "ended" if function.name == "process" else "dead"
    return _with(state, machine, replace(machine, stage=stage, token=None))


def replace_round(state: State, machine: Machine, round_: int) -> State:
    """The machine is told the number of the round, and parks in it."""
    token = f"t{machine.attempt}-{round_}-0"
    told = replace(machine, round=round_, stage="wait", tries=0, token=token)
    function = Function("request", machine.attempt, value=(token, round_))
    return _with(state, machine, told).begun(function)


def _entered(state: State, machine: Machine | None, stage: str, value: Any = None) -> State:
    """The machine enters a state whose function is invoked."""
    if machine is None:
        return state
    entered = replace(machine, stage=stage, tries=0, token=None)
    function = Function(stage, machine.attempt, is_late=state.is_late, value=value)
    alone = state.orphaned(lambda one: (one.name, one.attempt) == ("request", machine.attempt))
    return _with(alone, machine, entered).begun(function)


def _tried_again(state: State, function: Function) -> State:
    if function.name == "deliver":
        return replace(state, records=(function.value, *state.records))
    machine = _machine_of(state, function.attempt)
    if function.name not in ("check", "request", "process", "fail") or machine is None:
        return state
    if function.tries + 1 == TRIES:
        return _caught(state, function)
    again = replace(
        function, tries=function.tries + 1, answers=(), is_orphan=False, is_late=state.is_late
    )
    if function.name == "request":
        if machine.stage != "wait":
            return state
        token = f"t{machine.attempt}-{machine.round}-{again.tries}"
        state = _with(state, machine, replace(machine, token=token))
        again = replace(again, value=(token, machine.round))
    return state.begun(again)


def _gave_up(state: State, function: Function) -> State:
    """A function has failed for good."""
    return _caught(state.without(function), function)


def _caught(state: State, function: Function) -> State:
    """The state's Catch leads to mark_failed; mark_failed's own ends the execution."""
    machine = None if function.is_orphan else _machine_of(state, function.attempt)
    if machine is None:
        return state
    if function.name == "fail":
        return _with(state, machine, replace(machine, stage="dead", token=None))
    if function.name not in ("check", "request", "process"):
        return state
    return _entered(state, machine, "fail")


def _killed(state: State, machine: Machine) -> State:
    """The execution has ended; its functions do not know, and EventBridge has the sweep look."""
    alone = state.orphaned(lambda one: one.attempt == machine.attempt)
    dead = replace(machine, stage="dead", token=None)
    return _with(alone, machine, dead).begun(Function("sweep"))


def _started(state: State, attempt: int) -> State:
    if any(one.attempt == attempt for one in state.machines):
        return state
    machine = Machine(attempt)
    return _entered(replace(state, machines=(*state.machines, machine)), machine, "check")


def _machine_of(state: State, attempt: int) -> Machine | None:
    alive = [one for one in state.machines if one.stage not in ("ended", "dead")]
    return next((one for one in alive if one.attempt == attempt), None)


def _with(state: State, before: Machine, after: Machine) -> State:
    machines = tuple(after if one is before or one == before else one for one in state.machines)
    return replace(state, machines=machines)


def _exchanged(state: State, before: Function, after: Function) -> State:
    if before not in state.functions:  # it was made an orphan by what it has just done
        before, after = replace(before, is_orphan=True), replace(after, is_orphan=True)
    return state.exchanged(before, after)


FATES = Fates(_returned, _tried_again, _gave_up)
