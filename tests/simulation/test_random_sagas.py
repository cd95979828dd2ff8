"""Twenty declared sagas made by chance, through the real machine: each ends as the model says."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from tests.simulation.random_sagas import NAME, a_saga, declared, expected
from tests.support.proof import PROOF, deep, sampled
from tests.support.saga_system import TENANT, SagaSystem
from tests.support.system import silent

from sfn_cqrs.kernel.keys import SagaRef
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga.rules import Saga, SagaStatus
from sfn_cqrs.machines.saga.service import SagaService

SEEDS = range(deep(20, 300))
LONGEST = timedelta(days=3)


def settled(system: SagaSystem, id_: str) -> Saga:
    """The saga as it is after all that is tried again, and after its pauses."""
    while system.saga(id_).status.is_open:
        system.settle_sagas()
        system.pass_time(LONGEST.total_seconds())
    return system.saga(id_)


def run(seed: int) -> None:
    """Run a saga, and mend and retry it if it is parked; compare both ends with the model's."""
    parts = a_saga(seed)
    with silent(), SagaSystem(machine=SagaRef.DECLARED) as system, declared(parts) as told:
        id_ = SagaService(TENANT).start(NAME, {"code": "1"})
        first, ends = settled(system, id_), expected(parts)
        assert (first.status, tuple(told.done)) == (ends.status, ends.done)
        if first.status is SagaStatus.PARKED:
            told.is_mended = True
            SagaService(TENANT).retry(id_)
        assert settled(system, id_).status is ends.mended
        assert max(Counter(told.done).values(), default=1) == 1


@pytest.mark.parametrize("seed", sampled(SEEDS, 6))
def test_a_saga_made_by_chance_ends_as_the_model_says(seed: int) -> None:
    run(seed)


def test_the_sagas_made_by_chance_end_in_every_way() -> None:
    ends = Counter(expected(a_saga(seed)).status for seed in range(20))

    assert set(ends) == {SagaStatus.COMPLETED, SagaStatus.COMPENSATED, SagaStatus.PARKED}
    assert min(ends.values()) >= 3


def without_last_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is undone last is forgotten."""
    right = saga_programs.left_of

    def left_of(saga: Saga, moves: Any) -> list[str]:
        left = right(saga, moves)
        return left[:-1] if saga.is_undoing else left

    monkeypatch.setattr(saga_programs, "left_of", left_of)


def without_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every error is final at once."""
    right = saga_programs._make

    def once(attempt: int, name: str, seq: int, _tries: int, **more: Any) -> Any:
        return right(attempt, name, seq, tries=1, **more)

    monkeypatch.setattr(saga_programs, "_make", once)


@pytest.mark.parametrize("weaken", [without_last_undo, pytest.param(without_retry, marks=PROOF)])
def test_a_rule_that_is_taken_away_is_missed(weaken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    weaken(monkeypatch)

    def all_of_them() -> None:
        for seed in range(20):
            run(seed)

    with pytest.raises(AssertionError):
        all_of_them()
