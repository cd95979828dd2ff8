"""Jobs through every interleaving; and each rule weakened, to see that the check notices.

Invariants:
J1  an occurrence becomes at most one version, and they come in order
J2  no occurrence comes early
J3  no occurrence comes while the job is paused
J4  at rest what was due has come: each occurrence, or the last one, by the job's rule
J5  at rest the next occurrence is planned, and none if the job is paused
J6  what a person asks for runs, and moves no occurrence
J7  at rest the job is as it is declared
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.exploring import BrokenError, Verdict, explore
from tests.simulation.job_world import (
    MINUTE,
    JobsByAge,
    State,
    at,
    begun,
    declared,
    first_state,
    moves,
)
from tests.support.proof import without

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.machines.schedule import jobs
from sfn_cqrs.machines.schedule.jobs import Job, JobState
from sfn_cqrs.machines.schedule.rules import Plan, Status

LIMIT = 400_000
MOST_RESTS = 12
Faults = dict[str, int]


def check(first: State) -> Verdict:
    """Look at every state, the nearest first."""
    return explore(first, _moves_or_end, LIMIT)


def _moves_or_end(state: State) -> Iterable[tuple[str, State]] | str:
    found = list(moves(state))
    if found:
        return found
    if _is_behind(state):
        if state.rests == MOST_RESTS:
            raise BrokenError(f"J4: {_behind(state)}, and no sweep helps")
        resting = replace(state, rests=state.rests + 1)
        name = "sweep" if state.rests % 2 else "keep"
        return [(name, resting.begun(begun(state, name)))]
    _check_end(state)
    return "paused" if state.latest is None or state.latest.paused else "running"


def _is_behind(state: State) -> bool:
    return bool(_behind(state))


def _behind(state: State) -> str:
    latest, plan = state.latest, state.plan
    if latest is None or latest.calendar != state.job.calendar:
        return "it is not as declared"
    is_due = plan is not None and plan.is_due(iso(at(state.now)))
    return "an occurrence is due" if is_due else ""


def _check_end(state: State) -> None:
    latest, plan = state.latest, state.plan
    assert latest is not None
    assert plan is not None
    if (latest.calendar, latest.missed) != (state.job.calendar, state.job.missed):
        raise BrokenError("J7: it is not as it is declared")
    if (plan.status is Status.PLANNED) is latest.paused:
        raise BrokenError("J5: it is planned while paused, or not planned")
    if not latest.paused and plan.due_at != iso(latest.calendar.after(latest.since) or at(0)):
        raise BrokenError("J5: another occurrence is planned than the next")
    _check_runs(state)


def _check_runs(state: State) -> None:
    """Follow the versions: what each makes due has run, or is left out by the rule."""
    asked = {n for n, (one, _) in enumerate(state.versions, 1) if one.asked_at == one.occurrence}
    for number in asked - {n for n in asked if state.versions[n - 1][0].occurrence is None}:
        if number not in state.ran:
            raise BrokenError("J6: what was asked for has not run")
    for (before, _), (after, _) in zip(state.versions, state.versions[1:], strict=False):
        if after.asked_at is not None and after.since != before.since:
            raise BrokenError("J6: what was asked for moves the calendar")
    regular = [
        n for n, (one, _) in enumerate(state.versions, 1) if n not in asked and one.occurrence
    ]
    if state.job.missed == "all":
        _check_all(state, regular)
    elif regular and state.versions[regular[-1] - 1][0].occurrence and len(state.declarations) == 1:
        last = regular[-1]
        if state.job.missed == "last" and last not in state.ran and _follows(state, last):
            raise BrokenError("J4: the last that was due has not run")


def _follows(state: State, number: int) -> bool:
    """Whether nobody has paused or changed the job after a version."""
    return all(not one.paused and one.occurrence for one, _ in state.versions[number:])


def _check_all(state: State, regular: list[int]) -> None:
    if any(number not in state.ran for number in regular):
        raise BrokenError("J4: an occurrence has not run")
    for number in regular:
        before = state.versions[number - 2][0]
        came = state.versions[number - 1][0].occurrence
        if came != before.calendar.after(before.since):
            raise BrokenError("J4: an occurrence is left out")


LAST, ALL, NONE = declared("last"), declared("all"), declared("none")
EACH_2 = declared("last", 2)
TICKS: Faults = {"tick": 2, "sweep": 2}
SCENARIOS: dict[str, tuple[JobsByAge, Faults]] = {
    "two look at once, and one dies": ((LAST,), {"keep": 2, "tick": 1, "sweep": 1, "die": 1}),
    "two sweeps and a death": ((LAST,), {"keep": 1, **TICKS, "die": 1}),
    "each one, and a death": ((ALL,), {"keep": 1, **TICKS, "die": 1}),
    "an outage, and the last": ((LAST,), {"keep": 1, "leap": 1, "sweep": 2, "die": 1}),
    "an outage, and all": ((ALL,), {"keep": 1, "leap": 1, "sweep": 2, "die": 1}),
    "an outage, and none": ((NONE,), {"keep": 1, "leap": 1, "sweep": 2}),
    "a late retry": ((ALL,), {"keep": 1, **TICKS, "late": 1}),
    "the clock goes back": ((ALL,), {"keep": 1, **TICKS, "back": 1}),
    "paused": ((ALL,), {"keep": 1, "tick": 1, "sweep": 2, "pause": 1, "die": 1}),
    "paused, and resumed": ((LAST,), {"keep": 1, "tick": 2, "sweep": 1, "pause": 1, "resume": 1}),
    "a person runs it": ((ALL,), {"keep": 1, **TICKS, "run": 1}),
    "a person runs it after an outage": ((LAST,), {"keep": 1, "leap": 1, "sweep": 1, "run": 1}),
    "declared otherwise": ((LAST, EACH_2), {"keep": 2, "tick": 2, "sweep": 1, "deploy": 1}),
    "declared otherwise in an outage": (
        (LAST, EACH_2),
        {"keep": 2, "leap": 1, "sweep": 2, "deploy": 1, "die": 1},
    ),
    "paused, and declared otherwise": (
        (LAST, EACH_2),
        {"keep": 2, "tick": 1, "sweep": 1, "deploy": 1, "pause": 1},
    ),
}


SHORT = ("an outage, and none", "paused, and resumed", "a person runs it after an outage")
LONG = SCENARIOS.keys() - {*SHORT}


@pytest.mark.parametrize("scenario", without(SCENARIOS, LONG))
def test_whatever_comes_in_whatever_order_each_occurrence_comes_once(scenario: str) -> None:
    verdict = check(first_state(*SCENARIOS[scenario]))

    assert (verdict.violation, verdict.trace) == (None, ())
    assert verdict.ends


def _from_now_on(state: JobState, published: Any) -> Any:
    return None if state.paused else state.calendar.after(published)


def _although_paused(state: JobState, _published: Any) -> Any:
    return state.calendar.after(state.since)


def _moving(moment: Any, now: Any) -> Any:
    return {"since": iso(moment), "occurrence": iso(moment), "asked_at": iso(now)}


def _early(state: JobState, published: Any) -> Any:
    found = state.calendar.after(max(state.since, published))
    return None if state.paused or found is None else found - 2 * MINUTE


OUTAGE: Faults = {"keep": 1, "leap": 1, "sweep": 1}
MUTANTS: dict[str, tuple[Any, str, Any, JobsByAge, Faults, str]] = {
    "the next counts from the publish": (JobState, "next", _from_now_on, (ALL,), OUTAGE, "J5"),
    "a paused job goes on": (
        JobState,
        "next",
        _although_paused,
        (ALL,),
        {"keep": 1, "tick": 1, "sweep": 1, "pause": 1},
        "J3",
    ),
    "an occurrence comes before its time": (JobState, "next", _early, (LAST,), OUTAGE, "J1"),
    "nothing runs": (JobState, "runs", lambda *_: False, (ALL,), OUTAGE, "J4"),
    "only the calendar runs": (
        JobState,
        "runs",
        lambda one, _at: one.asked_at is None and one.occurrence is not None,
        (ALL,),
        {"keep": 1, "run": 1},
        "J6",
    ),
    "who asks moves the calendar": (
        jobs,
        "asked_for",
        _moving,
        (ALL,),
        {"keep": 1, "tick": 1, "run": 1},
        "J6",
    ),
    "nobody looks at the declaration": (
        Job,
        "changed",
        lambda *_: None,
        (LAST, EACH_2),
        {"keep": 1, "deploy": 1},
        "J4",
    ),
    "an occurrence stays planned": (Plan, "may_follow", lambda *_: False, (ALL,), OUTAGE, "J4"),
}


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_check_notices_when(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, weaker, declarations, faults, invariant = MUTANTS[rule]
    monkeypatch.setattr(owner, name, weaker)

    verdict = check(first_state(declarations, faults))

    assert str(verdict.violation).startswith(invariant)
