"""Approvals through every interleaving; and each rule weakened, to see that the check notices.

Invariants:
A1  what is decided is never decided again, and enough approvals are a decision
A2  what is done is what is stored
A3  at rest, when no sweep would change anything, it is decided and done, and nothing waits
A4  whoever is no longer the owner writes nothing
A6  an effect is on the version that was seen, or there is none
A5  while nobody dies, it is done once; without a sweep and without waiting for a time limit
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.simulation import approval_world
from tests.simulation.approval_world import State, first_state, moves, swept
from tests.simulation.exploring import BrokenError, Verdict, explore, named
from tests.support.proof import PROOF

from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval.rules import Approval, Close, Expire, Happened, Park, Stage, Status

LIMIT = 400_000
APPROVE, BOTH, TIME = {"approve a": 1}, {"approve a": 1, "approve b": 1}, {"time": 1}
DISTURBANCES = ("die", "outlive", "kill", "sweep", "round", "twice")
Faults = dict[str, int]


def check(first: State) -> Verdict:
    """Look at every state, the nearest first.

    Raises:
        OverflowError: there are more states than the limit.
    """
    return explore(first, partial(_moves_or_end, first=first), LIMIT)


def _moves_or_end(state: State, first: State) -> Iterable[tuple[str, State]] | str:
    found = list(moves(state))
    if not found and state.approval.stage.is_closed:
        check_end(state, first)
        return f"{state.approval.status} {state.approval.stage}"
    if not found:
        check_rest(state, first)
    return found or [("sweep", swept(state))]


def is_disturbed(first: State) -> bool:
    return any(first.may(fault) for fault in DISTURBANCES)


def check_rest(state: State, first: State) -> None:
    if not is_disturbed(first):
        raise BrokenError("A5: it needs the sweep")
    if state.approval.restarts > approval_programs.MAX_RESTARTS:
        raise BrokenError("A3: it is begun again without end")


def check_end(state: State, first: State) -> None:
    approval = state.approval
    if any(machine.stage not in ("ended", "dead") for machine in state.machines):
        raise BrokenError("A3: an execution waits for nobody")
    if approval.token is not None:
        raise BrokenError("A3: a used token is kept")
    if approval.stage is Stage.FAILED:
        return
    if approval.status is Status.STALE and not set(state.effects) - {Status.STALE}:
        return
    if not approval.is_decided or set(state.effects) != {approval.status}:
        raise BrokenError(f"A2: it is {approval.status}, and {state.effects} is done")
    if not is_disturbed(first) and len(state.effects) != 1:
        raise BrokenError(f"A5: it is done {len(state.effects)} times")


SCENARIOS: list[Any] = [
    (1, TIME, {"EXPIRED DONE"}),
    (1, {**APPROVE, **TIME}, {"EXPIRED DONE", "GRANTED DONE"}),
    (2, BOTH, {"GRANTED DONE"}),
    (1, {**APPROVE, "reject c": 1}, {"GRANTED DONE", "REJECTED DONE"}),
    (1, {**APPROVE, "die": 1}, {"GRANTED DONE"}),
    (1, {**APPROVE, "outlive": 1}, {"GRANTED DONE"}),
    (1, {**APPROVE, "kill": 1}, {"GRANTED DONE"}),
    (1, {**APPROVE, "round": 1}, {"GRANTED DONE"}),
    (1, {**TIME, "die": 3}, {"EXPIRED DONE", "EXPIRED FAILED", "OPEN FAILED"}),
    (1, {**TIME, "outlive": 1}, {"EXPIRED DONE"}),
    (1, {**APPROVE, "edit": 1}, {"GRANTED DONE", "STALE DONE"}),
    (1, {**TIME, "edit": 1, "round": 1}, {"EXPIRED DONE", "STALE DONE"}),
    (1, {**APPROVE, "edit": 1, "die": 1}, {"GRANTED DONE", "STALE DONE"}),
]
LONG = [
    pytest.param(*scenario, marks=PROOF)
    for scenario in (
        (1, {**APPROVE, "twice": 1, "sweep": 1}, {"GRANTED DONE"}),
        (1, {**APPROVE, "reject c": 1, "die": 1}, {"GRANTED DONE", "REJECTED DONE"}),
        (1, {**TIME, "kill": 1, "die": 1}, {"EXPIRED DONE"}),
        (2, {**BOTH, "reject c": 1}, {"GRANTED DONE", "REJECTED DONE"}),
        (2, {**BOTH, "edit": 1}, {"GRANTED DONE", "STALE DONE"}),
        (1, {**APPROVE, "edit": 1, "outlive": 1}, {"GRANTED DONE", "STALE DONE"}),
        (1, {**APPROVE, "edit": 1, "reject c": 1}, {"GRANTED DONE", "REJECTED DONE", "STALE DONE"}),
        (1, {**APPROVE, "edit": 1, **TIME}, {"EXPIRED DONE", "GRANTED DONE", "STALE DONE"}),
        (2, {**BOTH, "die": 1}, {"GRANTED DONE"}),
        (1, {**APPROVE, **TIME, "die": 1}, {"EXPIRED DONE", "GRANTED DONE"}),
        (1, {**APPROVE, **TIME, "kill": 1}, {"EXPIRED DONE", "GRANTED DONE"}),
        (1, {**APPROVE, **TIME, "outlive": 1}, {"EXPIRED DONE", "GRANTED DONE"}),
        (1, {**APPROVE, **TIME, "reject c": 1}, {"EXPIRED DONE", "GRANTED DONE", "REJECTED DONE"}),
    )
]


@pytest.mark.parametrize(("needed", "faults", "ends"), SCENARIOS + LONG, ids=named)
def test_whatever_comes_in_whatever_order_it_ends_right(
    needed: int, faults: Faults, ends: set[str]
) -> None:
    verdict = check(first_state(needed, faults))

    assert (verdict.violation, verdict.trace) == (None, ())
    assert verdict.ends == ends


def _wait_without_looking(attempt: int, round_: int, retry_count: int, token: str) -> Any:
    yield Park(attempt, token, round_ * 100 + retry_count)


def _never_wake(_approval: Approval) -> Any:
    yield approval_programs.Find()
    return False


def _granted_all_the_same(attempt: int) -> Any:
    return Close(attempt, Stage.DONE)


MUTANTS: dict[str, tuple[Any, str, Callable[..., Any], int, Faults, str]] = {
    "what is decided is decided again": (
        Approval,
        "is_open_to",
        lambda one, user, now: not one.is_over(now) and not one._has_vote(user),
        1,
        {**APPROVE, "reject c": 1},
        "A1: it was",
    ),
    "somebody votes twice": (
        Approval,
        "is_open_to",
        lambda one, _user, now: not one.is_decided and not one.is_over(now),
        2,
        {"approve a": 2},
        "A1: somebody",
    ),
    "what is decided expires": (
        Expire,
        "on",
        lambda _, one, _at: replace(one, status=Status.EXPIRED, happened=Happened.EXPIRED),
        1,
        {**APPROVE, **TIME},
        "A1",
    ),
    "an attempt that is over writes": (
        Approval,
        "is_mine",
        lambda _one, _attempt: True,
        1,
        {**APPROVE, "kill": 1},
        "A4",
    ),
    "a wait does not look at the decision": (
        approval_programs,
        "wait",
        _wait_without_looking,
        1,
        APPROVE,
        "A5",
    ),
    "a decision does not look at the token": (
        approval_programs,
        "wake",
        _never_wake,
        1,
        APPROVE,
        "A5",
    ),
    "an effect is on whatever version there is": (
        approval_world,
        "publishes_on",
        lambda _latest, _pinned: True,
        1,
        {**APPROVE, "edit": 1},
        "A6",
    ),
    "a grant without an effect stays a grant": (
        approval_programs,
        "CloseStale",
        _granted_all_the_same,
        1,
        {**APPROVE, "edit": 1},
        "A2",
    ),
    "a used token is kept": (
        Close,
        "on",
        lambda close, one, _at: replace(one, stage=close.stage),
        1,
        TIME,
        "A3",
    ),
}


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_check_notices_when(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, weaker, needed, faults, invariant = MUTANTS[rule]
    monkeypatch.setattr(owner, name, weaker)

    verdict = check(first_state(needed, faults))

    assert str(verdict.violation).startswith(invariant)
