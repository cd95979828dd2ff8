"""Plans through every interleaving; and each rule weakened, to see that the check notices.

Invariants:
P1  a plan becomes one version or one refusal, and ends once
P2  nothing is published that was cancelled, cleared or replaced
P3  no plan comes early
P4  what is planned follows the newest order, in whatever order they come
P5  the plans of an item come in order of due time
P6  at rest nothing waits that is due
P7  a plan for a version is published on this version, or refused
P8  what a person runs is due, and had not ended
P9  a deadline is published only as the newest version says, all of whose handlers have run
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.exploring import BrokenError, Verdict, explore
from tests.simulation.plan_world import State, cleared, first_state, moves, planned, swept

from sfn_cqrs.kernel.command import Known
from sfn_cqrs.machines.schedule import programs, rules
from sfn_cqrs.machines.schedule.rules import (
    DEADLINE,
    Cancel,
    Plan,
    Publish,
    Refuse,
    Replace,
    Run,
    Status,
)

LIMIT = 400_000
MOST_RESTS = 3
Plans = tuple[Plan, ...]
Faults = dict[str, int]


def check(first: State) -> Verdict:
    """Look at every state, the nearest first."""
    return explore(first, _moves_or_end, LIMIT)


def _moves_or_end(state: State) -> Iterable[tuple[str, State]] | str:
    found = list(moves(state))
    if found:
        return found
    if any(plan.is_due(str(state.now)) for plan in state.plans):
        if state.rests == MOST_RESTS:
            raise BrokenError("P6: it is due, and no sweep helps")
        return [("sweep", swept(state))]
    _check_end(state)
    return " ".join(f"{plan.name}:{plan.status}" for plan in state.plans)


def _check_end(state: State) -> None:
    for name, order in state.said:
        plan = state.find(name)
        if plan is None or plan.order < order:
            raise BrokenError("P4: the newest order is lost")
    for plan in state.plans:
        is_published = (plan.name, plan.order) in state.published
        if is_published is not (plan.status is Status.PUBLISHED):
            raise BrokenError(f"P1: it is {plan.status}, and its version says otherwise")


A, B = planned("a", 1), planned("b", 2)
IF = planned("a", 1, if_version=1)
TIME = {"tick": 2}
DONE, NONE, WAITS = "a:PUBLISHED", "a:CANCELLED", "a:PLANNED"
D = f"{DEADLINE}a"
IN_TIME, MOVED, PAID = planned(D, 1), planned(D, 2), cleared(D, "1")
SET, LATER, CLEAR = planned("a", 1, "1"), planned("a", 2, "2"), cleared("a", "2")
SCENARIOS: list[Any] = [
    ("two sweeps and a death", (A,), (), TIME | {"sweep": 2, "die": 1}, {DONE}),
    ("two in order", (A, B), (), TIME | {"sweep": 2, "busy": 1}, {f"{DONE} b:PUBLISHED"}),
    ("in order, and a death", (A, B), (), TIME | {"sweep": 2, "die": 1}, {f"{DONE} b:PUBLISHED"}),
    ("a person cancels", (A,), (), TIME | {"sweep": 1, "cancel": 1, "die": 1}, {DONE, NONE}),
    ("only this version", (IF,), (), TIME | {"sweep": 2, "edit": 1}, {DONE, "a:REFUSED"}),
    ("a person runs it", (A, B), (), TIME | {"sweep": 1, "run": 1}, {f"{DONE} b:PUBLISHED"}),
    (
        "a person runs it and another cancels",
        (A,),
        (),
        {"run": 1, "cancel": 1, "sweep": 1, "die": 1},
        {DONE, NONE},
    ),
    (
        "what was refused is run or cancelled",
        (IF,),
        (),
        {"tick": 1, "sweep": 1, "edit": 1, "run": 1, "cancel": 1},
        {DONE, "a:REFUSED", NONE},
    ),
    (
        "refused, and a death",
        (IF,),
        (),
        TIME | {"sweep": 1, "edit": 1, "die": 1},
        {DONE, "a:REFUSED"},
    ),
    ("two orders", (), (SET, LATER), TIME | {"sweep": 1, "die": 1}, {DONE}),
    ("set and cleared", (), (SET, CLEAR), TIME | {"sweep": 1, "die": 1}, {NONE}),
    ("a handler is called again", (), (SET, SET), TIME | {"sweep": 1}, {DONE}),
    ("moved when due", (A,), (LATER,), TIME | {"sweep": 2}, {DONE}),
    ("cleared when due", (A,), (CLEAR,), TIME | {"sweep": 2, "die": 1}, {NONE}),
    ("the clock goes back", (A,), (), {"tick": 1, "back": 1, "sweep": 2}, {DONE, WAITS}),
    ("paid", (), (IN_TIME, PAID), TIME | {"sweep": 1, "die": 1}, {f"{D}:CANCELLED"}),
    ("paid late", (), (IN_TIME, PAID), {"tick": 1, "sweep": 1, "late": 1}, {f"{D}:CANCELLED"}),
    ("moved on", (), (IN_TIME, MOVED), TIME | {"late": 1}, {f"{D}:PUBLISHED"}),
    ("paid, and open again", (), (PAID, IN_TIME), TIME | {"late": 1}, {f"{D}:PUBLISHED"}),
    ("a person runs a deadline", (), (IN_TIME, PAID), {"tick": 1, "run": 1}, {f"{D}:CANCELLED"}),
    (
        "a person cancels a deadline",
        (),
        (IN_TIME,),
        {"tick": 1, "sweep": 1, "cancel": 1, "late": 1},
        {f"{D}:CANCELLED", f"{D}:PUBLISHED"},
    ),
    ("a deadline and a plan", (A,), (IN_TIME,), TIME | {"sweep": 2}, {f"{DONE} {D}:PUBLISHED"}),
    ("the clock leaps", (A, B), (), {"leap": 1, "sweep": 2, "busy": 1}, {f"{DONE} b:PUBLISHED"}),
]


@pytest.mark.parametrize(
    ("plans", "orders", "faults", "ends"),
    [one[1:] for one in SCENARIOS],
    ids=[one[0] for one in SCENARIOS],
)
def test_whatever_comes_in_whatever_order_each_plan_ends_once(
    plans: Plans, orders: Plans, faults: Faults, ends: set[str]
) -> None:
    verdict = check(first_state(plans, orders, faults))

    assert (verdict.violation, verdict.trace) == (None, ())
    assert verdict.ends == ends


def _published_by_name(name: str, _now: str) -> Any:
    yield programs.TryPublish((yield programs.Find(name)))
    return True


def _goes_on(now: str) -> Any:
    for name in (yield programs.FindDue(now)):
        yield from programs.publish(name, now)
    return True


def _newest_first(now: str) -> Any:
    for name in reversed((yield programs.FindDue(now))):
        yield from programs.publish(name, now)
    return True


def _only_the_first_plan(new: Plan) -> Any:
    return (yield programs.Make(new))


def _refused_is_left(name: str, now: str) -> Any:
    found = yield programs.Find(name)
    if found.is_due(now):
        yield programs.TryPublish(found)
    return True


def _gives_up(name: str, now: str) -> Any:
    found = yield programs.Find(name)
    if found is not None and found.is_due(now):
        tried = yield programs.TryPublish(found)
        if not (tried.done or tried.is_over):
            yield programs.On(name, Refuse(found.generation, "busy"))
    return True


def _same_generation(write: Replace, plan: Plan, _at: str) -> Plan | None:
    return write.plan if plan.is_older_than(write.plan.order) else None


def _keeps_it_open(_write: Publish, plan: Plan, _at: str) -> Plan:
    return plan


def _closes_any(write: Publish, plan: Plan, _at: str) -> Plan:
    return _closed(plan, write.version)


def _closes_any_open(write: Publish, plan: Plan, _at: str) -> Plan | None:
    return _closed(plan, write.version) if plan.status is Status.PLANNED else None


def _closed(plan: Plan, version: int) -> Plan:
    return replace(plan, status=Status.PUBLISHED, version=version)


BUSY = TIME | {"sweep": 1, "busy": 1}
MUTANTS: dict[str, tuple[Any, str, Any, Plans, Plans, Faults, str]] = {
    "nobody looks at the time": (
        Plan,
        "is_due",
        lambda one, _now: one.status is Status.PLANNED,
        (A,),
        (),
        {"sweep": 1},
        "P3",
    ),
    "what is closed is due": (
        Plan,
        "is_due",
        lambda one, now: one.due_at <= now,
        (A,),
        (),
        TIME,
        "P6",
    ),
    "any order counts": (Plan, "is_older_than", lambda *_: True, (), (SET, LATER), {}, "P4"),
    "the same order counts again": (
        Plan,
        "is_older_than",
        lambda one, order: one.order <= order,
        (),
        (SET, SET),
        TIME | {"sweep": 1},
        "P1",
    ),
    "no order counts": (Plan, "is_older_than", lambda *_: False, (), (SET, LATER), {}, "P4"),
    "only the first plan of a name is made": (
        programs,
        "plan",
        _only_the_first_plan,
        (A,),
        (LATER,),
        {},
        "P4",
    ),
    "the generation stays": (
        Replace,
        "on",
        _same_generation,
        (A,),
        (LATER,),
        TIME | {"sweep": 2},
        "P2",
    ),
    "the publish leaves the plan open": (Publish, "on", _keeps_it_open, (A,), (), TIME, "P1"),
    "the publish does not look": (Publish, "on", _closes_any, (A,), (), TIME | {"sweep": 2}, "P1"),
    "the publish does not look at the generation": (
        Publish,
        "on",
        _closes_any_open,
        (A,),
        (LATER,),
        TIME | {"sweep": 2},
        "P2",
    ),
    "what was cancelled is published": (
        Publish,
        "on",
        _closes_any,
        (A,),
        (CLEAR,),
        TIME | {"sweep": 1},
        "P2",
    ),
    "a cancel does not look": (
        Cancel,
        "on",
        lambda _, one, _at: replace(one, status=Status.CANCELLED),
        (A,),
        (),
        TIME | {"cancel": 1, "sweep": 1},
        "P1",
    ),
    "a refusal does not look": (
        Refuse,
        "on",
        lambda _, one, _at: replace(one, status=Status.REFUSED),
        (IF,),
        (),
        TIME | {"edit": 1, "sweep": 2},
        "P1",
    ),
    "what has ended is run": (
        Run,
        "on",
        lambda write, one, _at: replace(
            one, status=Status.PLANNED, generation=one.generation + 1, due_at=write.now
        ),
        (A,),
        (),
        TIME | {"sweep": 1, "run": 1},
        "P8",
    ),
    "a run does not make it due": (
        Run,
        "on",
        lambda _, one, _at: replace(one, due_at="9", generation=one.generation + 1),
        (A,),
        (),
        TIME | {"run": 1},
        "P8",
    ),
    "any version will do": (
        Plan,
        "follows",
        property(lambda _one: Known.LATEST),
        (IF,),
        (),
        TIME | {"edit": 1},
        "P7",
    ),
    "a refusal is not recorded": (
        programs,
        "publish",
        _refused_is_left,
        (IF,),
        (),
        TIME | {"edit": 1},
        "P6",
    ),
    "whoever is busy refuses": (programs, "publish", _gives_up, (A,), (), BUSY, "P7"),
    "a plan that waits does not hold the later ones": (
        programs,
        "work",
        _goes_on,
        (A, B),
        (),
        BUSY,
        "P5",
    ),
    "the newest comes first": (programs, "work", _newest_first, (A, B), (), TIME, "P5"),
    "a deadline does not wait for the handlers of the latest version": (
        Plan,
        "may_follow",
        lambda *_: True,
        (),
        (IN_TIME, PAID),
        TIME | {"sweep": 1},
        "P9",
    ),
    "a deadline never comes": (
        Plan,
        "may_follow",
        lambda one, *_: not one.is_deadline,
        (),
        (IN_TIME,),
        TIME,
        "P6",
    ),
    "a late retry speaks as if it was the newest": (
        Plan,
        "is_older_than",
        lambda *_: True,
        (),
        (IN_TIME, PAID),
        TIME | {"late": 1},
        "P4",
    ),
    "a cleared deadline says nothing": (
        rules,
        "order_of",
        lambda _version: "1",
        (),
        (IN_TIME, PAID),
        TIME,
        "P9",
    ),
    "a publish does not look whether it is still due": (
        programs,
        "publish",
        _published_by_name,
        (A,),
        (LATER,),
        TIME | {"sweep": 1},
        "P3",
    ),
}


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_check_notices_when(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, weaker, plans, orders, faults, invariant = MUTANTS[rule]
    monkeypatch.setattr(owner, name, weaker)

    verdict = check(first_state(plans, orders, faults))

    assert str(verdict.violation).startswith(invariant)
