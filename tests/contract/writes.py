"""Each kind of record in every state that its rules tell apart, and every write to it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from tests.support.orders import SEEN, a_saga, an_approval

from sfn_cqrs.kernel.tables.records import Kind
from sfn_cqrs.machines.approval import rules as approval
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import Rules, Stage, Status, Verdict, Vote
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv import results as imports
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import JobStatus, Loaded, Parent, ProcessingMode, Reader
from sfn_cqrs.machines.saga import rules as saga
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, SagaStatus
from sfn_cqrs.machines.task import rules as task
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.task.rules import Counts, Stop, TaskStatus
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs_tools.testing.builders import UPLOADED, a_job, a_task, a_zip


@dataclass(frozen=True)
class Case:
    """A kind with its states and its writes."""

    kind: Kind[Any]
    states: tuple[Any, ...]
    writes: tuple[Any, ...]

    def __str__(self) -> str:
        return self.kind.codec.kind


STEP, UNDO = "reserve_stock", "release_stock"
DONE = saga.Ending(EntryStatus.DONE, result=[1])
FAILED = saga.Ending(EntryStatus.FAILED, error="NewError", cause="new cause")


def _sagas() -> Iterator[saga.Saga]:
    entries = [
        Entry(status=status, attempt=attempt, seq=seq)
        for status, attempt, seq in product(EntryStatus, (1, 2), (0, 1))
    ]
    ahead = [Entry(status=status, is_ahead=True) for status in EntryStatus]
    for status, attempt, entry in product(SagaStatus, (1, 2), (None, *entries, *ahead)):
        log = {} if entry is None else {STEP: entry, UNDO: entry}
        is_undoing = status is SagaStatus.COMPENSATING
        yield a_saga(status=status, attempt=attempt, is_undoing=is_undoing, log=log)


SAGA_WRITES = (
    saga.Open(1, is_undoing=False),
    saga.Open(1, is_undoing=True),
    *[saga.Begin(STEP, attempt, seq) for attempt, seq in ((1, 0), (1, 1), (2, 0))],
    saga.Begin("ship_order", 1, 0),
    saga.Begin(STEP, 1, 0, is_ahead=True),
    *[saga.Begin(STEP, attempt, seq, is_pause=True) for attempt, seq in ((1, 1), (2, 0))],
    *[saga.Begin(UNDO, attempt, seq, is_undo=True) for attempt, seq in ((1, 0), (1, 1), (2, 0))],
    saga.End(STEP, 1, 0, DONE),
    saga.End(STEP, 1, 0, DONE, is_ahead=True),
    saga.End(STEP, 2, 1, FAILED),
    saga.End(UNDO, 1, 0, DONE, is_undo=True),
    saga.End(UNDO, 2, 1, FAILED, is_undo=True),
    saga.TurnBack(1, "NewError", "new cause"),
    saga.Close(1, SagaStatus.COMPLETED),
    saga.Close(1, SagaStatus.COMPENSATED),
    saga.Park(1, "NewError", "new cause"),
    saga.Restart(1),
    saga.Retry(1),
)

NOON = "2026-11-25T12:00:00.000Z"
BEFORE, AFTER = "2026-11-25T11:59:59.999Z", "2026-11-25T12:00:00.001Z"
LATER = "2026-11-30T12:00:00.000Z"
FIRST = Vote("first", Verdict.APPROVE, BEFORE, "looks good", "192.0.2.1", seen=SEEN)
SECOND = Vote("second", Verdict.APPROVE, NOON, seen=SEEN)
NO = Vote("third", Verdict.REJECT, NOON, "too much", seen=SEEN)
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
            item=approval.Pinned("OFFER", "o-1", 1) if attempt == 1 else None,
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
    approval.GoStale(NOON),
    approval.CloseStale(1),
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

LOADED = Loaded(3, ("icao", "row"), ("icao", None), Reader.JSONL, UPLOADED)
PROBLEM = Problem("encoding", "row 3: no UTF-8")
SUM = import_job.Ending(JobStatus.COMPLETED, imports.Counts(1, 2))
BAD = import_job.Ending(JobStatus.FAILED, imports.Counts(1, 2, 3, 4), 5, PROBLEM)
FORMER, LATTER = Parent("z-1", 0, "former", 1), Parent("z-1", 0, "latter", 2)
JOB_SIDES: list[dict[str, Any]] = [
    {},
    {"mode": ProcessingMode.DIRECT, "started_at": BEFORE},
    {"step": 2, "loaded": LOADED, "started_at": BEFORE},
    {"step": 4, "is_cancelled": True},
    {"parent": FORMER},
    {"parent": replace(FORMER, token=None)},
    {"parent": LATTER},
    {"retried_by": "c-first", "refusal": PROBLEM},
]


def _jobs() -> Iterator[import_job.Job]:
    for status, side in product(JobStatus, JOB_SIDES):
        ended = {} if status.is_open else {"ending": replace(BAD, status=status)}
        yield a_job(status=status, finished_at="" if status.is_open else BEFORE, **ended, **side)


JOB_WRITES = (
    import_job.Begin(),
    import_job.Load(replace(LOADED, rows=4)),
    import_job.Refuse(Problem("too_slow", "split it")),
    import_job.Advance(3),
    import_job.Advance(5),
    import_job.Cancel(),
    import_job.HandOver(),
    import_job.RetryBy("c-one"),
    import_job.RetryBy("c-two"),
    import_job.AwaitBy(FORMER),
    import_job.AwaitBy(LATTER),
    import_job.Answer("former"),
    import_job.Answer("latter"),
    import_job.End(SUM),
    import_job.End(BAD),
)
ZIP_SIDES: list[dict[str, Any]] = [
    {},
    {"files": 3, "started_at": BEFORE, "is_cancelled": True},
    {"retried_by": "z-first", "files": 0, "problem": PROBLEM},
]


def _zips() -> Iterator[zip_job.ZipJob]:
    for status, attempt, settled, side in product(JobStatus, (1, 2), (False, True), ZIP_SIDES):
        if status.is_open and settled:
            continue
        yield a_zip(
            status=status,
            attempt=attempt,
            settled=settled,
            hooks={"tell": ""} if settled else {},
            ending=None if status.is_open else replace(BAD, status=status),
            **side,
        )


ZIP_WRITES = (
    zip_job.Begin(1),
    zip_job.Begin(2),
    zip_job.KeepListed(3),
    zip_job.Refuse(PROBLEM),
    import_job.Cancel(),
    zip_job.End(1, SUM),
    zip_job.End(2, BAD),
    zip_job.Settle({"tell": "ValueError: no"}),
    import_job.RetryBy("z-one"),
    import_job.RetryBy("z-two"),
    zip_job.Restart(1),
)

CASES = (
    Case(SAGAS, tuple(_sagas()), SAGA_WRITES),
    Case(TASKS, tuple(_tasks()), TASK_WRITES),
    Case(APPROVALS, tuple(_approvals()), APPROVAL_WRITES),
    Case(IMPORTS, tuple(_jobs()), JOB_WRITES),
    Case(ZIPS, tuple(_zips()), ZIP_WRITES),
)
