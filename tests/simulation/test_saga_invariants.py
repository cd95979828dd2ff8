"""Sagas in which anything goes wrong anywhere; and each rule taken away, to see it missed."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.simulation.saga_story import (
    ALWAYS,
    LINES,
    STEPS,
    UNDONE_BY,
    BrokenError,
    Fault,
    Story,
    function_of,
    tell,
)
from tests.support.orders import an_order
from tests.support.proof import PROOF, deep

from sfn_cqrs.machines.saga import effects as saga_commands
from sfn_cqrs.machines.saga.rules import Begin, EntryStatus, Open, Saga, SagaStatus

UNDO = tuple(UNDONE_BY.values())
OWN, DECLARED = "order-saga", "saga"
WORKING = {OWN: (*STEPS, *UNDO), DECLARED: ("run_steps", "undo_steps")}
"""The states of each form that run the steps or undo them."""
ENDS = ("resume", "finish_saga", "park_saga")
OTHERS = [
    "StreamOnSagaChangedFunction",
    "StreamOnProcessChangedFunction",
    "ScheduleSweepSagasFunction",
    "CommandCheckVersionFunction",
    "CommandFinishFunction",
]
RESERVE = function_of("reserve_stock")
MANY = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@st.composite
def faults(draw: Any, machine: str) -> Fault:
    states = [function_of(name, machine) for name in (*WORKING[machine], *ENDS)]
    return Fault(
        draw(st.sampled_from(states + OTHERS)),
        draw(st.integers(1, 14 if machine == OWN else 40)),
        draw(st.sampled_from(["before", "after"])),
        draw(st.sampled_from(["killed", "killed", "busy", "bug"])),
        draw(st.sampled_from([1, 2, 7, 9, ALWAYS])),
    )


@st.composite
def stories(draw: Any, machine: str) -> Story:
    workers = [function_of(name, machine) for name in WORKING[machine]]
    steps = [function_of(name) for name in STEPS] if machine == OWN else []
    quantity = draw(st.sampled_from([1, 3, 4]))
    order = an_order(
        card=draw(st.sampled_from(["visa", "visa", "declined"])),
        lines=[LINES[0], {"sku": "PEN", "quantity": quantity}],
    )
    some = st.tuples(st.sampled_from(workers), st.sampled_from([1, 3, 7, 15]))
    return Story(
        order=order,
        is_shipped_before=draw(st.booleans()),
        faults=tuple(draw(st.lists(faults(machine), max_size=3))),
        late=tuple(draw(st.lists(some, max_size=2, unique_by=lambda one: one[0]))),
        overtaken=tuple(
            draw(st.lists(st.tuples(st.sampled_from(steps), st.integers(1, 14)), max_size=1))
            if steps
            else ()
        ),
        aborted=tuple(
            draw(st.lists(st.tuples(st.sampled_from(workers), st.integers(1, 5)), max_size=1))
        ),
        is_doubled=draw(st.booleans()),
        machine=machine,
    )


each_form = pytest.mark.parametrize("machine", [OWN, DECLARED])


@each_form
@pytest.mark.parametrize("examples", [10, pytest.param(deep(80, 1000), marks=PROOF)])
def test_whatever_goes_wrong_all_is_made_or_all_is_undone_each_once(
    examples: int, machine: str
) -> None:

    @settings(MANY, max_examples=examples)
    @given(stories(machine))
    def told(story: Story) -> None:
        tell(story)

    told()


@each_form
@pytest.mark.parametrize("examples", [6, pytest.param(deep(40, 500), marks=PROOF)])
def test_whoever_comes_first_all_is_made_or_all_is_undone_each_once(
    examples: int, machine: str
) -> None:
    """Functions interleave call by call; some are given up, tried again, and go on alone."""

    @settings(MANY, max_examples=examples)
    @given(st.integers(0, 1_000_000), stories(machine))
    def told(seed: int, story: Story) -> None:
        tell(
            Story(
                order=story.order,
                is_shipped_before=story.is_shipped_before,
                faults=story.faults,
                aborted=story.aborted,
                seed=seed,
                zombies=0.25,
                machine=machine,
            )
        )

    told()


def test_a_compensation_that_waits_for_a_failed_version_goes_on_behind_its_retry() -> None:
    """The version of a reservation fails while its saga turns back: the saga parks."""
    killed = [(RESERVE, 12, 7), ("CommandCheckVersionFunction", 1, 9)]
    story = Story(
        faults=tuple(Fault(function, number, times=times) for function, number, times in killed),
        seed=5,
        zombies=0.25,
    )

    end = tell(story)

    assert end.first.status is SagaStatus.PARKED
    assert end.first.cause
    assert "version 2 is FAILED" in end.first.cause
    assert end.last.status is SagaStatus.COMPENSATED


@pytest.mark.parametrize("undo", UNDO)
def test_a_compensation_that_fails_at_every_try_is_parked_and_goes_on_once_it_is_mended(
    undo: str,
) -> None:
    begins = "Begin PutItem"
    dies = Fault(function_of("ship_order"), moment="after", operation=begins, times=ALWAYS)
    broken = Fault(function_of(undo), operation=begins, error="busy", times=ALWAYS)
    end = tell(Story(faults=(dies, broken)))

    assert (end.first.status, end.last.status) == (SagaStatus.PARKED, SagaStatus.COMPENSATED)
    assert end.last.attempt == 2


def test_a_saga_that_was_parked_before_it_turned_back_goes_on_forward() -> None:
    dies = Fault(function_of("ship_order"), 1, "after", times=ALWAYS)
    broken = Fault(function_of("cancel_shipment"), 1, error="busy", times=ALWAYS)
    end = tell(Story(faults=(dies, broken)))

    assert (end.first.status, end.last.status) == (SagaStatus.PARKED, SagaStatus.COMPLETED)


def test_a_saga_whose_end_nobody_heard_is_begun_anew_by_the_next_sweep() -> None:
    """Somebody stops its execution, and the sweep that hears of it is killed at every try."""
    sweep = Fault("ScheduleSweepSagasFunction", times=7)
    end = tell(Story(faults=(sweep,), aborted=((function_of("reserve_stock"), 1),)))

    assert end.last.status is SagaStatus.COMPLETED
    assert end.last.restarts == 1


def without_void(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compensation that comes first leaves nothing that keeps the step from happening."""

    def has_happened(step: Any, _key: Any, effect: str) -> bool:
        return saga_commands.made(step, effect) is not None

    monkeypatch.setattr(saga_commands, "_has_happened", has_happened)


def without_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two tries of a step share a request's key."""
    keys = (f"key-{number}" for number in count())
    monkeypatch.setattr(saga_commands, "_effect", lambda *_: next(keys))


def without_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is known to be done is undone."""
    right = Begin.on

    def on(self: Begin, saga: Saga, at: str) -> Saga | None:
        begun = right(self, saga, at)
        step = next((step for step, undo in UNDONE_BY.items() if undo == self.name), self.name)
        if begun is None or not self.is_undo or begun.log[step].status is EntryStatus.DONE:
            return begun
        entry = replace(begun.log[self.name], status=EntryStatus.DONE)
        return begun.with_entry(self.name, entry)

    monkeypatch.setattr(Begin, "on", on)


def without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A saga that has turned back goes forward again when it is begun anew."""
    right = Open.on
    monkeypatch.setattr(
        Open, "on", lambda self, saga, at: right(replace(self, is_undoing=False), saga, at)
    )


CHARGE, SHIP = function_of("charge_payment"), function_of("ship_order")
NUMBERS = range(1, 20)
NEVER_RECORDED = Story(faults=(Fault(CHARGE, operation="End PutItem", times=ALWAYS),))
MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], list[Story]]] = {
    "no void request": (without_void, [Story(overtaken=((CHARGE, each),)) for each in NUMBERS]),
    "no record of what was published": (without_record, [NEVER_RECORDED]),
    "what is not known to be done is not undone": (without_unknown, [NEVER_RECORDED]),
    "a saga turns twice": (
        without_end,
        [Story(late=((SHIP, 7),), aborted=((function_of("release_stock"), 1),))],
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_that_is_taken_away_is_missed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weaken, told = MUTANTS[name]
    _tell_all(told)
    weaken(monkeypatch)

    with pytest.raises(BrokenError):
        _tell_all(told)


def _tell_all(stories: list[Story]) -> None:
    for story in stories:
        tell(story)
