"""A saga with a child, whose functions die before and after each of their calls, or come late.

Invariants:
K1  a child is started at most once
K2  in the end a saga is COMPLETED and so is its child; or COMPENSATED, and there is none, or it is
    undone by itself or by its parent, once
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from tests.support.calls import AwsCall, KilledError, moments_of
from tests.support.proof import every, shares
from tests.support.saga_system import TENANT, SagaSystem
from tests.support.system import silent

from sfn_cqrs.errors import StepRefusedError
from sfn_cqrs.kernel.keys import SagaRef
from sfn_cqrs.machines.saga import effects
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.declaring import Steps, saga
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Saga, SagaStatus
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs.machines.saga.types import SagaStep

MINUTE, SOON = 61, 20
ALWAYS = 1_000
OTHERS = count()
OF_SAGAS = ("SagaRunStepsFunction", "SagaUndoStepsFunction")
COMPLETED, COMPENSATED = SagaStatus.COMPLETED, SagaStatus.COMPENSATED
Observe = Callable[[AwsCall, str], object]


@dataclass(frozen=True)
class Given:
    """The input of both; what is named here is refused."""

    refuses: str = ""


class Family(SagaSystem):
    """Where a child begins before the time of what waits for it passes: less than a minute."""

    def step(self) -> bool:
        self.engine.run_for(0)
        self.poll()
        if not self.saga_stream.pending:
            self.engine.run_for(SOON)
        return super().step()


@contextmanager
def a_family() -> Iterator[list[str]]:
    """Declare a saga and its child, and note what is undone by the parent."""
    undone: list[str] = []

    def pay(step: SagaStep[Given]) -> None:
        refused(step, "pay")

    def payment(step: SagaStep[Given]) -> Given:
        return step.model

    def give_back(step: SagaStep[Given]) -> None:
        undone.append(step.key)

    def send(step: SagaStep[Given]) -> None:
        refused(step, "send")

    def sends(s: Steps[Given]) -> None:
        s.saga(child, payment, undo=give_back)
        s.step(send)

    child = saga("pays", input=Given)(lambda s: s.step(pay))
    saga("sends", input=Given)(sends)
    try:
        yield undone
    finally:
        del saga_types._types["sends"], saga_types._types["pays"]


def refused(step: SagaStep[Given], name: str) -> None:
    """Refuse what is to be refused."""
    if step.model.refuses == name:
        raise StepRefusedError("no", name)


def tell(refuses: str, observe: Observe, late: str = "") -> tuple[Saga, list[Saga], list[str]]:
    """Run both to their ends; `late` is a function whose first invocation runs after the end."""
    left = [late] if late else []
    with silent(), Family(machine=SagaRef.DECLARED) as system, a_family() as undone:
        system.is_late = lambda name: name in left and left.remove(name) is None
        id_ = SagaService(TENANT).start("sends", {"refuses": refuses})
        with system.calls.observed_by(observe):
            for _ in range(9):
                system.settle_sagas()
                system.pass_time(MINUTE)
        system.run_late()
        parent = system.saga(id_)
        found = [one for one in system.world.all_of(SAGAS) if one.saga == "pays"]
        return parent, found, undone


def check(told: tuple[Saga, list[Saga], list[str]]) -> None:
    """Check K1 and K2."""
    parent, found, undone = told
    ends = [one.status for one in found]
    assert len(ends) <= 1
    if parent.status is COMPLETED:
        assert (ends, undone) == ([COMPLETED], [])
    else:
        assert parent.status is COMPENSATED
        assert ends in ([], [COMPENSATED]) or (ends, len(set(undone))) == ([COMPLETED], 1)


def nothing(_call: AwsCall, _moment: str) -> None:
    """Nobody dies."""


@pytest.mark.parametrize(
    ("refuses", "ends"),
    [
        ("", (COMPLETED, [COMPLETED], 0)),
        ("pay", (COMPENSATED, [COMPENSATED], 0)),
        ("send", (COMPENSATED, [COMPLETED], 1)),
    ],
)
def test_a_saga_and_its_child_end_as_one(refuses: str, ends: Any) -> None:
    parent, found, undone = tell(refuses, nothing)

    assert (parent.status, [one.status for one in found], len(undone)) == ends


@pytest.mark.parametrize("refuses", ["", "pay", "send"])
@pytest.mark.parametrize("late", OF_SAGAS)
def test_a_function_that_comes_late_changes_nothing(refuses: str, late: str) -> None:
    check(tell(refuses, nothing, late))


@shares(12, usual=1)
@pytest.mark.parametrize(("refuses", "times"), [("", 1), ("pay", 1), ("send", 1), ("send", ALWAYS)])
def test_killed_at_any_call_a_child_is_started_once(refuses: str, times: int, nth: int) -> None:
    made: dict[tuple[str, int, int], AwsCall] = {}

    def note(call: AwsCall, moment: str) -> None:
        if moment == "before" and call.function in OF_SAGAS:
            made.setdefault((call.function, call.invocation, call.number), call)

    tell(refuses, note)
    for at, when in every(nth, moments_of(made.values())):
        left = [None] * times

        def kill(call: AwsCall, moment: str, at: Any = (at, when), left: Any = left) -> None:
            is_there = (call.function, call.number) == (at[0].function, at[0].number)
            if is_there and call.invocation >= at[0].invocation and moment == at[1] and left:
                left.pop()
                raise KilledError

        told = tell(refuses, kill)
        if told[0].status is not SagaStatus.PARKED or times == 1:
            check(told)
        assert len(told[1]) <= 1


def test_a_child_whose_start_leaves_no_record_is_started_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(effects, "request_key", lambda key, **_: f"{key}/{next(OTHERS)}")
    right = SagaService.start

    def start(self: SagaService, *given: Any, **_options: Any) -> str:
        return right(self, *given)

    monkeypatch.setattr(SagaService, "start", start)
    died: list[AwsCall] = []

    def kill(call: AwsCall, moment: str) -> None:
        is_start = call.function == OF_SAGAS[0] and call.operation == "PutItem"
        if is_start and moment == "after" and not died and call.number > 3:
            died.append(call)
            raise KilledError

    assert len(tell("", kill)[1]) == 2
