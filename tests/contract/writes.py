"""Each kind of record in every state that its rules tell apart, and every write to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.fakes.builders import a_saga

from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.adapters.saga_items import SAGAS
from sfn_cqrs.domain import saga
from sfn_cqrs.domain.saga import Entry, EntryStatus, SagaStatus


@dataclass(frozen=True)
class Case:
    """A kind with its states and its writes."""

    kind: Kind[Any]
    states: tuple[Any, ...]
    writes: tuple[Any, ...]

    def __str__(self) -> str:
        return self.kind.name


STEP, UNDO = "reserve_stock", "release_stock"
DONE = saga.Ending(EntryStatus.DONE, result=[1])
FAILED = saga.Ending(EntryStatus.FAILED, error="NewError", cause="new cause")


def _sagas() -> Iterator[saga.Saga]:
    entries = [
        Entry(status=status, attempt=attempt, seq=seq)
        for status, attempt, seq in product(EntryStatus, (1, 2), (0, 1))
    ]
    for status, attempt, entry in product(SagaStatus, (1, 2), (None, *entries)):
        log = {} if entry is None else {STEP: entry, UNDO: entry}
        is_undoing = status is SagaStatus.COMPENSATING
        yield a_saga(status=status, attempt=attempt, is_undoing=is_undoing, log=log)


SAGA_WRITES = (
    saga.Open(1, is_undoing=False),
    saga.Open(1, is_undoing=True),
    *[saga.Begin(STEP, attempt, seq) for attempt, seq in ((1, 0), (1, 1), (2, 0))],
    saga.Begin("ship_order", 1, 0),
    *[saga.Begin(UNDO, attempt, seq, is_undo=True) for attempt, seq in ((1, 0), (1, 1), (2, 0))],
    saga.End(STEP, 1, 0, DONE),
    saga.End(STEP, 2, 1, FAILED),
    saga.End(UNDO, 1, 0, DONE, is_undo=True),
    saga.End(UNDO, 2, 1, FAILED, is_undo=True),
    saga.TurnBack(1, "NewError", "new cause"),
    saga.Close(1, SagaStatus.COMPLETED),
    saga.Close(1, SagaStatus.COMPENSATED),
    saga.Park(1, "NewError", "new cause"),
    saga.Restart(1),
    saga.Redrive(1),
)

CASES = (Case(SAGAS, tuple(_sagas()), SAGA_WRITES),)
