"""Tasks through every interleaving; and each rule weakened, to see that the check notices."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.exploring import named
from tests.simulation.task_model import check
from tests.simulation.task_world import first_state
from tests.support.proof import PROOF, without

from sfn_cqrs.kernel.conditions import AtMost, Below, is_one
from sfn_cqrs.kernel.keys import TaskKind
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task.programs import Claim, OfTry, SettleItem
from sfn_cqrs.machines.task.rules import (
    Continue,
    Item,
    Queue,
    Retry,
    Task,
    TaskStatus,
    _next_attempt,
)

BATCH, SINGLE = TaskKind.BATCH, TaskKind.SINGLE
IS_AT_WORK = is_one("status", TaskStatus.PROCESSING)
NOT_COMPLETED = is_one("status", *(one for one in TaskStatus if one is not TaskStatus.COMPLETED))
Faults = dict[str, int]
SCENARIOS: list[Any] = [
    (BATCH, 3, {}, ["COMPLETED"]),
    (BATCH, 1, {"twice": 2}, ["COMPLETED"]),
    (BATCH, 1, {"die": 3}, ["COMPLETED", "FAILED"]),
    (BATCH, 2, {"die": 1}, ["COMPLETED"]),
    (BATCH, 2, {"die": 1, "kill": 1}, ["COMPLETED"]),
    (BATCH, 2, {"outlive": 1}, ["COMPLETED"]),
    (BATCH, 1, {"crash": 4}, ["COMPLETED", "FAILED"]),
    (BATCH, 1, {"kill": 1, "sweep": 1}, ["COMPLETED", "FAILED"]),
    (BATCH, 1, {"sweep": 1, "die": 1}, ["COMPLETED"]),
    (BATCH, 1, {"transient": 1, "die": 1}, ["COMPLETED", "FAILED"]),
    (SINGLE, 1, {"die": 2, "twice": 1}, ["COMPLETED"]),
    (SINGLE, 1, {"transient": 1, "fail": 1, "retry": 1}, ["COMPLETED", "FAILED"]),
]
LONG = [
    pytest.param(*scenario, marks=PROOF)
    for scenario in (
        (BATCH, 2, {"late": 1, "die": 1}, ["COMPLETED"]),
        (BATCH, 1, {"cancel": 1, "retry": 1, "kill": 1}, ["CANCELLED", "COMPLETED"]),
        (SINGLE, 1, {"sweep": 1, "die": 1}, ["COMPLETED"]),
        (BATCH, 2, {"fail": 1, "fail fast": 1, "retry": 1}, ["COMPLETED", "FAILED"]),
        (BATCH, 1, {"fail": 2, "retry": 2}, ["COMPLETED", "FAILED"]),
        (BATCH, 1, {"outlive": 1, "die": 1, "kill": 1}, ["COMPLETED", "FAILED"]),
        (BATCH, 2, {"cancel": 1, "die": 1}, ["CANCELLED", "COMPLETED"]),
        (BATCH, 2, {"cancel": 1, "retry": 1}, ["CANCELLED", "COMPLETED"]),
        (BATCH, 1, {"outlive": 2, "retry": 1}, ["COMPLETED", "FAILED"]),
        (BATCH, 2, {"fail": 1, "retry": 1, "late": 1}, ["COMPLETED", "FAILED"]),
        (SINGLE, 1, {"cancel": 1, "retry": 1, "die": 1}, ["CANCELLED", "COMPLETED"]),
    )
]


@pytest.mark.parametrize(("kind", "items", "faults", "ends"), SCENARIOS + LONG, ids=named)
def test_whatever_comes_in_whatever_order_a_task_ends_right(
    kind: TaskKind, items: int, faults: Faults, ends: list[str]
) -> None:
    verdict = check(first_state(kind, items, faults))

    assert (verdict.violation, verdict.trace) == (None, ())
    assert sorted(verdict.ends) == ends


MUTANTS: dict[str, tuple[Any, str, Callable[..., Any], Faults, str]] = {
    "what is completed may be begun again": (
        Claim,
        "when",
        lambda claim, now: (
            (is_one("attempt", claim.attempt) & Below("seq", claim.seq))
            | (Below("attempt", claim.attempt) & AtMost("lease_until", now))
        ),
        {"die": 2},
        "T1",
    ),
    "a later attempt does not wait for the lease": (
        Claim,
        "when",
        lambda claim, _now: (
            (is_one("attempt", claim.attempt) & IS_AT_WORK & Below("seq", claim.seq))
            | (Below("attempt", claim.attempt) & NOT_COMPLETED)
        ),
        {"kill": 1, "sweep": 1},
        "T2",
    ),
    "a try that was overtaken records its end": (
        OfTry,
        "when",
        lambda _write, _now: IS_AT_WORK,
        {"outlive": 1},
        "T6",
    ),
    "an item is settled that a later attempt has": (
        SettleItem,
        "when",
        lambda _write, _now: is_one("status", *(one for one in TaskStatus if not one.is_closed)),
        {"die": 2, "kill": 1, "sweep": 1},
        "T6",
    ),
    "a settled item loses its lease": (
        SettleItem,
        "sets",
        lambda settle: {"attempt": settle.attempt, "lease_until": 0, **settle.ending.fields},
        {"outlive": 2, "retry": 1},
        "T2",
    ),
    "what was not begun again counts as it was": (
        Item,
        "is_unended",
        lambda item, _attempt: not item.status.is_closed,
        {"fail": 1, "retry": 1, "late": 1},
        "T7",
    ),
    "a message is noted after its worker has begun": (
        Queue,
        "on",
        lambda queue, task, _at: (
            replace(task, status=TaskStatus.QUEUED) if task.is_mine(queue.attempt) else None
        ),
        {"twice": 1},
        "T3",
    ),
    "an attempt that is over ends the task": (
        Task,
        "is_mine",
        lambda task, _attempt: not task.status.is_closed,
        {"late": 1, "kill": 1, "sweep": 1},
        "T6",
    ),
    "a task that has ended is continued": (
        Continue,
        "on",
        lambda one, task, at: (
            _next_attempt(task, at, one.pending) if task.attempt == one.attempt else None
        ),
        {"kill": 1, "sweep": 2},
        "T3",
    ),
    "a retry is made of what was seen before another one": (
        Retry,
        "on",
        lambda retry, task, at: (
            _next_attempt(task, at, retry.pending) if task.status.is_repairable else None
        ),
        {"fail": 2, "retry": 2},
        "T6",
    ),
    "an attempt always has a successor": (
        task_programs,
        "_may_go_on",
        lambda _task, _left: True,
        {"crash": 6},
        "T5",
    ),
}


LONG_MUTANTS = (
    "an item is settled that a later attempt has",
    "a settled item loses its lease",
    "an attempt that is over ends the task",
    "a task that has ended is continued",
)


@pytest.mark.parametrize("rule", without(MUTANTS, LONG_MUTANTS))
def test_the_check_notices_when(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, weaker, faults, invariant = MUTANTS[rule]
    monkeypatch.setattr(owner, name, weaker)

    verdict = check(first_state(BATCH, 1, faults))

    assert str(verdict.violation)[:2] == invariant
