"""Each kind of record in every state that its rules tell apart, and every write to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.fakes.builders import a_saga, a_task, an_approval

from sfn_cqrs.adapters.approval_items import APPROVALS
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.adapters.saga_items import SAGAS
from sfn_cqrs.adapters.task_items import TASKS
from sfn_cqrs.domain import approval, saga, task
from sfn_cqrs.domain.approval import Rules, Stage, Status, Verdict, Vote
from sfn_cqrs.domain.saga import Entry, EntryStatus, SagaStatus
from sfn_cqrs.domain.task import Counts, Stop, TaskStatus


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

NOON = "2026-11-25T12:00:00.000Z"
BEFORE, AFTER = "2026-11-25T11:59:59.999Z", "2026-11-25T12:00:00.001Z"
LATER = "2026-11-30T12:00:00.000Z"
FIRST = Vote("first", Verdict.APPROVE, BEFORE, "looks good", "192.0.2.1")
SECOND = Vote("second", Verdict.APPROVE, NOON)
NO = Vote("third", Verdict.REJECT, NOON, "too much")
SIDES = [  # round, votes, token_seq, expires_at: each rule asks for one of them alone
    (1, (), None, AFTER),
    (1, (FIRST,), 100, AFTER),
    (1, (FIRST,), 101, NOON),
    (2, (), 100, NOON),
]


def _approvals() -> Iterator[approval.Approval]:
    for status, stage, attempt, side in product(Status, Stage, (1, 2), SIDES):
        round_, votes, seq, expires_at = side
        has_failed = stage is Stage.FAILED
        yield an_approval(
            rules=Rules(group="operator", needed=2),
            status=status,
            stage=stage,
            attempt=attempt,
            restarts=attempt,
            round=round_,
            votes=votes,
            token=None if seq is None else "old token",
            token_seq=seq,
            expires_at=expires_at,
            error="OldError" if has_failed else None,
            cause="old cause" if has_failed else None,
        )


APPROVAL_WRITES = (
    approval.OpenRound(1, 1, remind_at=LATER, due_at=LATER, is_reminder=False),
    approval.OpenRound(1, 1, remind_at=None, due_at=LATER, is_reminder=True),
    approval.Park(1, "new token", 101),
    approval.CastVote(FIRST),
    approval.CastVote(SECOND),
    approval.CastVote(NO),
    approval.Expire(NOON),
    approval.Close(1, Stage.DONE),
    approval.Close(1, Stage.FAILED, "NewError", "new cause"),
    approval.Restart(1),
    approval.Retry(1),
)


def _tasks() -> Iterator[task.Task]:
    for status, attempt, stop in product(TaskStatus, (1, 2), (None, *Stop)):
        yield a_task(
            status=status,
            attempt=attempt,
            stop=stop,
            counts=Counts(1, 1, 1) if status.is_closed else None,
            pending=(1, 2) if attempt > 1 else None,
        )


TASK_WRITES = (
    task.Queue(1),
    task.Begin(1),
    task.StopTask(Stop.CANCELLED),
    task.StopTask(Stop.FAILED_FAST),
    task.CloseTask(1, TaskStatus.FAILED, Counts(1, 1, 1)),
    task.Continue(1, (1, 2)),
    task.Retry(1, (0,)),
)

CASES = (
    Case(SAGAS, tuple(_sagas()), SAGA_WRITES),
    Case(TASKS, tuple(_tasks()), TASK_WRITES),
    Case(APPROVALS, tuple(_approvals()), APPROVAL_WRITES),
)
