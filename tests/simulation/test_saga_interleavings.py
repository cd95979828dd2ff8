"""Declared sagas through every interleaving; and each rule weakened, so that it is noticed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.exploring import named
from tests.simulation.saga_model import check
from tests.simulation.saga_world import first_state
from tests.support.proof import PROOF

from sfn_cqrs.machines.saga import rules, saga_programs
from sfn_cqrs.machines.saga.rules import (
    Begin,
    Close,
    End,
    Entry,
    EntryStatus,
    Move,
    MoveKind,
    Open,
    Saga,
    TurnBack,
)

Order = tuple[Move, ...]
Faults = dict[str, int]
BOOK, SHIP = Move("book", "cancel", tries=2), Move("ship", "call_back")
TWO: Order = (BOOK, SHIP)
ARMS: Order = (
    Move("size", kind=MoveKind.CHOICE),
    Move("by_truck", "call_truck", choice="size", arm="heavy"),
    Move("by_bike", "call_bike", choice="size", arm="light"),
)
LATER: Order = (Move("a_minute", kind=MoveKind.PAUSE, seconds=60), BOOK)
UNTIL: Order = (
    BOOK,
    Move("come", kind=MoveKind.WAIT, seconds=60, every=30),
    Move("escalate", "forget", choice="come", arm="otherwise"),
)
LIST: Order = (
    Move("lines", kind=MoveKind.EACH, most=2),
    Move("pack", "unpack", choice="lines", arm="each", each="lines"),
)
COMPLETED, COMPENSATED, PARKED = "COMPLETED", "COMPENSATED", "PARKED"
SCENARIOS: list[Any] = [
    (TWO, {}, [COMPLETED]),
    (TWO, {"slow": 1, "die": 1}, [COMPLETED]),
    (TWO, {"refuse": 1, "die": 1}, [COMPENSATED, COMPLETED]),
    (TWO, {"fail": 1}, [COMPENSATED, COMPLETED]),
    (TWO, {"transient": 1, "slow": 1}, [COMPLETED]),
    (TWO, {"outlive": 1}, [COMPLETED]),
    (TWO, {"outlive": 1, "refuse": 1}, [COMPENSATED, COMPLETED]),
    (TWO, {"gone": 1, "retry": 1}, [COMPLETED, PARKED]),
    (ARMS, {"refuse": 1, "slow": 1}, [COMPENSATED, COMPLETED]),
    (LATER, {"kill": 1, "leap": 1}, [COMPLETED]),
    (UNTIL, {"later": 4, "die": 1}, [COMPLETED]),
    (UNTIL, {"later": 1, "refuse": 1, "kill": 1}, [COMPENSATED, COMPLETED]),
    (LIST, {"refuse": 1, "die": 1}, [COMPENSATED, COMPLETED]),
]
LONG = [
    pytest.param(*scenario, marks=PROOF)
    for scenario in (
        (TWO, {"die": 2}, [COMPENSATED, COMPLETED, PARKED]),
        (TWO, {"outlive": 1, "fail": 1}, [COMPENSATED, COMPLETED]),
        ((BOOK,), {"outlive": 2}, [COMPENSATED, COMPLETED, PARKED]),
        (TWO, {"outlive": 1, "die": 1}, [COMPENSATED, COMPLETED, PARKED]),
        (TWO, {"crash": 5}, [COMPLETED, PARKED]),
        (TWO, {"kill": 1, "refuse": 1}, [COMPENSATED, COMPLETED]),
        (TWO, {"refuse": 1, "undo is refused": 1, "retry": 1}, [COMPENSATED, COMPLETED, PARKED]),
        (TWO, {"refuse": 1, "undo fails": 2, "retry": 1}, [COMPENSATED, COMPLETED, PARKED]),
        (TWO, {"transient": 2, "retry": 1}, [COMPLETED, PARKED]),
        (ARMS, {"die": 1, "kill": 1}, [COMPLETED]),
        (LATER, {"kill": 1, "die": 1}, [COMPLETED]),
        (UNTIL, {"later": 4, "kill": 1, "leap": 1}, [COMPLETED]),
        (LIST, {"outlive": 1, "fail": 1}, [COMPENSATED, COMPLETED]),
        (LIST, {"kill": 1, "die": 1, "refuse": 1}, [COMPENSATED, COMPLETED]),
        (UNTIL, {"later": 3, "fail": 1, "die": 1}, [COMPENSATED, COMPLETED]),
    )
]


@pytest.mark.parametrize(("order", "faults", "ends"), SCENARIOS + LONG, ids=named)
def test_whatever_comes_in_whatever_order_a_declared_saga_ends_right(
    order: Order, faults: Faults, ends: list[str]
) -> None:
    verdict = check(first_state(order, faults))

    assert (verdict.violation, verdict.trace) == (None, ())
    assert sorted(verdict.ends) == ends


MAKE, LEFT, ON, CLOSE = saga_programs._make, saga_programs.left_of, Begin.on, Close.on
PROCEED = saga_programs.proceed


def _ahead(*given: Any, **options: Any) -> Any:
    saga, entry, _ = yield from MAKE(*given, **options)
    return saga, entry, True


def _known(saga: Saga, moves: Sequence[Move]) -> list[str]:
    """Only what is known to be done is undone."""
    done = [move for move in moves if saga_programs._is_done(saga, move.step)]
    return LEFT(saga, done if saga.is_undoing else moves)


def _from_the_first(saga: Saga, moves: Sequence[Move]) -> list[str]:
    left = LEFT(saga, moves)
    return left[::-1] if saga.is_undoing else left


def _begins_after_the_turn(begin: Begin, saga: Saga, at: str) -> Saga | None:
    is_undo = begin.is_undo or saga.is_undoing
    return ON(replace(begin, is_undo=is_undo), saga, at)


def _begins_for_anybody(begin: Begin, saga: Saga, at: str) -> Saga | None:
    return ON(replace(begin, attempt=saga.attempt), saga, at)


def _closes_for_anybody(close: Close, saga: Saga, at: str) -> Saga | None:
    return CLOSE(replace(close, attempt=saga.attempt), saga, at)


def _pauses_anew(begin: Begin, saga: Saga, at: str) -> Saga | None:
    return ON(replace(begin, is_pause=False), saga, at)


def _ends_of_anybody(end: End, saga: Saga, at: str) -> Saga | None:
    entry = saga.log.get(end.name)
    is_mine = entry is not None and entry.status is EntryStatus.STARTED
    if not is_mine or entry is None or not saga.is_at(end.attempt, *rules.OPEN):
        return None
    return saga.with_entry(end.name, entry.ended(end.ending, at))


def _turns_any_attempt(_turn: TurnBack, saga: Saga, _at: str) -> Saga | None:
    status = rules.SagaStatus.COMPENSATING
    return replace(saga, status=status, is_undoing=True) if saga.status.is_open else None


def _turns_again(one: Open, saga: Saga, _at: str) -> Saga | None:
    status = rules.SagaStatus.RUNNING
    is_mine = saga.is_at(one.attempt, rules.SagaStatus.CREATED)
    return replace(saga, status=status, is_undoing=False) if is_mine else None


MUTANTS: dict[str, tuple[Any, str, Any, Order, Faults, str]] = {
    "a function goes on from what another has ended": (
        saga_programs,
        "_make",
        _ahead,
        TWO,
        {"outlive": 1},
        "S8",
    ),
    "every arm is chosen": (
        saga_programs,
        "_is_chosen",
        lambda _saga, _move: True,
        ARMS,
        {},
        "S3",
    ),
    "what a list has is not made": (
        Saga,
        "moves",
        property(lambda saga: saga.order),
        LIST,
        {},
        "S1",
    ),
    "what is not known to be done is not undone": (
        saga_programs,
        "left_of",
        _known,
        TWO,
        {"die": 2},
        "S1",
    ),
    "what was made first is undone first": (
        saga_programs,
        "left_of",
        _from_the_first,
        TWO,
        {"fail": 1, "slow": 1},
        "S4",
    ),
    "a step begins after the saga has turned": (
        Begin,
        "on",
        _begins_after_the_turn,
        TWO,
        {"outlive": 2},
        "S2",
    ),
    "a function that was given up works beside the state that follows": (
        saga_programs,
        "proceed",
        lambda *step, **_options: PROCEED(*step),
        TWO,
        {"outlive": 1, "fail": 1},
        "S2",
    ),
    "an attempt that is over begins a step": (
        Begin,
        "on",
        _begins_for_anybody,
        TWO,
        {"kill": 1, "sweep": 1},
        "S7",
    ),
    "an attempt that is over ends the saga": (
        Close,
        "on",
        _closes_for_anybody,
        (BOOK,),
        {"kill": 1, "sweep": 1},
        "S7",
    ),
    "a later attempt begins the pause again": (
        Begin,
        "on",
        _pauses_anew,
        LATER,
        {"kill": 1, "leap": 1},
        "S6",
    ),
    "a pause is over when it begins": (
        Move,
        "over_at",
        lambda _move, began_at: began_at,
        LATER,
        {},
        "S6",
    ),
    "a wait gives up before its time": (
        Move,
        "over_at",
        lambda _move, began_at: began_at,
        UNTIL,
        {"later": 1},
        "S6",
    ),
    "a wait begins again with each question": (
        Begin,
        "on",
        _pauses_anew,
        UNTIL,
        {"later": 2},
        "S6",
    ),
    "a try ends what another owns": (End, "on", _ends_of_anybody, TWO, {"outlive": 1}, "S7"),
    "an attempt that is over turns the saga": (
        TurnBack,
        "on",
        _turns_any_attempt,
        TWO,
        {"kill": 1, "refuse": 1, "sweep": 1},
        "S7",
    ),
    "a saga that has turned goes forward again": (
        Open,
        "on",
        _turns_again,
        TWO,
        {"refuse": 1, "kill": 1},
        "S2",
    ),
    "an earlier try takes over a later one": (
        Entry,
        "may_be_begun",
        lambda entry, _by, *, is_undo: (
            entry.status is EntryStatus.STARTED
            or (is_undo and entry.status is not EntryStatus.DONE)
        ),
        TWO,
        {"outlive": 1},
        "S5",
    ),
    "a saga is begun again however often it died": (
        saga_programs,
        "MAX_RESTARTS",
        1_000,
        (BOOK,),
        {"crash": 10},
        "S9",
    ),
}


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_check_notices_when(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, weaker, order, faults, invariant = MUTANTS[rule]
    monkeypatch.setattr(owner, name, weaker)

    verdict = check(first_state(order, faults))

    assert str(verdict.violation).startswith(invariant)
