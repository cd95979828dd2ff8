"""Rules of an audit for stored tasks, sagas, approvals and archives.

As in `domain.audit`, a rule looks at what was read, and knows no clock but the moment of reading.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sfn_cqrs.care.audit.rules import LATE, SWEEP, Finding, Rule, held, listing
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.models.models import ERASED
from sfn_cqrs.kernel.values import canonical
from sfn_cqrs.machines.approval.rules import Approval, Happened, Status, Verdict
from sfn_cqrs.machines.approval.rules import Stage as ApprovalStage
from sfn_cqrs.machines.import_csv.results import Counts as Rows
from sfn_cqrs.machines.saga.rules import EntryStatus, Saga, SagaStatus
from sfn_cqrs.machines.task.rules import Counts, Item, Task, TaskStatus
from sfn_cqrs.machines.zip_orchestrator.job import ArchivedFile, ZipJob

W = TypeVar("W", Task, Saga, Approval, ZipJob)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(Generic[W]):
    """The facts about one record, and whether the index of open ones lists it."""

    record: W
    at: datetime
    is_listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts(Facts[Task]):
    """The facts about one task: its items.

    `has_pointer`: its public id leads to it. `expires`: it has a ttl, and so have its items. `size`
    is how many bytes all of it takes.
    """

    items: tuple[Item, ...] = ()
    has_pointer: bool = True
    expires: bool = False
    size: int = 0

    @property
    def is_whole(self) -> bool:
        """Return whether every item has to be there."""
        task = self.record
        has_begun = task.status is TaskStatus.PROCESSING or task.status.is_closed
        return has_begun and not self.expires and not task.has_input


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts(Facts[Approval]):
    """The facts about one approval; `listed_as` is its status in the lists."""

    listed_as: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFacts(Facts[ZipJob]):
    """The facts about one import of an archive: its files."""

    files: tuple[ArchivedFile, ...] = ()


_LOST = "restore the table to a moment before: sfn-cqrs restore"
_RETRY_TASK = "sfn-cqrs task retry {key}"
_REQUEST = "request the approval again: sfn-cqrs approval request"
_RETRY_FILES = "sfn-cqrs import retry {key}"
_SAGA = "sfn-cqrs saga show {key}, then undo by hand what is left"


# Tasks.


def _task_not_listed(facts: TaskFacts) -> Iterator[str]:
    status = facts.record.status
    yield from listing(f"it is {status}", facts.is_listed, is_open=not status.is_closed)


def _task_stuck(facts: TaskFacts) -> Iterator[str]:
    late = iso(facts.at - LATE)
    last = max((item.updated_at for item in facts.items), default="")
    if not facts.record.status.is_closed and max(facts.record.opened_at, last) < late:
        yield f"it is {facts.record.status} since {facts.record.opened_at}, and no item moves"


def _task_item_lost(facts: TaskFacts) -> Iterator[str]:
    there = {item.index for item in facts.items}
    missing = [index for index in range(facts.record.total) if index not in there]
    if facts.is_whole and missing:
        yield f"item {missing[0]} is missing, of {facts.record.total}"


def _task_item_open(facts: TaskFacts) -> Iterator[str]:
    for item in facts.items:
        if facts.record.status.is_closed and not item.status.is_closed:
            yield f"it is {facts.record.status}, and item {item.index} is {item.status}"


def _task_counts(facts: TaskFacts) -> Iterator[str]:
    task = facts.record
    if not task.status.is_closed or not facts.is_whole:
        return
    counted = Counts.of(item.status for item in facts.items)
    if task.counts is None:
        yield f"it is {task.status}, and has no counts"
    elif task.counts != counted:
        yield f"it counts {_said(task.counts)}, and its items are {_said(counted)}"
    elif task.counts.verdict(task.stop) is not task.status:
        yield f"it is {task.status}, and its counts are {_said(task.counts)}"


def _task_pointer(facts: TaskFacts) -> Iterator[str]:
    if not facts.has_pointer and not facts.expires:
        yield "its id leads nowhere"


# Sagas.


def _saga_not_listed(facts: Facts[Saga]) -> Iterator[str]:
    status = facts.record.status
    yield from listing(f"it is {status}", facts.is_listed, is_open=status.is_open)


def _saga_never_begun(facts: Facts[Saga]) -> Iterator[str]:
    saga = facts.record
    if saga.status is SagaStatus.CREATED and saga.opened_at < iso(facts.at - LATE):
        yield f"attempt {saga.attempt} was never begun, since {saga.opened_at}"


def _saga_direction(facts: Facts[Saga]) -> Iterator[str]:
    saga = facts.record
    back = (SagaStatus.COMPENSATING, SagaStatus.COMPENSATED)
    forth = (SagaStatus.RUNNING, SagaStatus.COMPLETED)
    if saga.status in back and not saga.is_undoing:
        yield f"it is {saga.status}, and has not turned back"
    elif saga.status in forth and saga.is_undoing:
        yield f"it is {saga.status}, and has turned back"
    elif saga.status is SagaStatus.PARKED and not saga.error:
        yield "it is parked, and has no error"


def _saga_log(facts: Facts[Saga]) -> Iterator[str]:
    for name, entry in sorted(facts.record.log.items()):
        if entry.attempt > facts.record.attempt:
            yield f"{name} is of attempt {entry.attempt}, and the saga of {facts.record.attempt}"
        elif (entry.status is EntryStatus.STARTED) is not (entry.ended_at is None):
            yield f"{name} is {entry.status}, and its end is {entry.ended_at or 'missing'}"


# Approvals.


def _approval_not_listed(facts: ApprovalFacts) -> Iterator[str]:
    stage = facts.record.stage
    yield from listing(f"it is {stage}", facts.is_listed, is_open=not stage.is_closed)
    if facts.listed_as != facts.record.status:
        yield f"it is {facts.record.status}, and lists have it as {facts.listed_as or 'nothing'}"


def _approval_overdue(facts: ApprovalFacts) -> Iterator[str]:
    approval = facts.record
    if not approval.is_decided and approval.is_over(iso(facts.at - LATE)):
        yield f"the time to decide was over at {approval.expires_at}, and it is open"


def _approval_votes(facts: ApprovalFacts) -> Iterator[str]:
    approval = facts.record
    yes = [vote for vote in approval.votes if vote.verdict is Verdict.APPROVE]
    no = [vote for vote in approval.votes if vote.verdict is Verdict.REJECT]
    if approval.status is Status.GRANTED and (len(yes) < approval.rules.needed or no):
        yield f"it is GRANTED by {len(yes)} of {approval.rules.needed}, and {len(no)} reject"
    elif approval.status is Status.REJECTED and not no:
        yield "it is REJECTED, and nobody has"
    elif approval.status is Status.OPEN and (no or len(yes) >= approval.rules.needed):
        yield f"it is OPEN, {len(yes)} of {approval.rules.needed} approve, and {len(no)} reject"
    if len({vote.by for vote in approval.votes}) < len(approval.votes):
        yield "somebody has voted twice"
    if approval.rules.four_eyes and any(vote.by == approval.created.by for vote in approval.votes):
        yield "somebody has decided on their own request"
    for vote in approval.votes:
        if vote.seen != approval.digest:
            yield f"vote {approval.votes.index(vote) + 1} was given to another content"


def _approval_changed(facts: ApprovalFacts) -> Iterator[str]:
    """An erasure changes what was asked for, and leaves its mark there."""
    approval = facts.record
    is_erased = ERASED in canonical([approval.subject, approval.payload])
    if approval.digest != approval.fingerprint and not is_erased:
        yield "what was asked for is not as it was requested"


def _approval_done(facts: ApprovalFacts) -> Iterator[str]:
    approval = facts.record
    if approval.stage is ApprovalStage.DONE and not approval.is_decided:
        yield "its work is done, and it is open"
    elif approval.stage.is_closed and approval.token is not None:
        yield "its work has ended, and a token is kept"
    elif approval.happened is Happened.DONE and approval.stage is not ApprovalStage.DONE:
        yield f"its work was done, and it is {approval.stage}"


# Archives.


def _archive_not_listed(facts: ArchiveFacts) -> Iterator[str]:
    job = facts.record
    yield from listing(f"it is {job.status}", facts.is_listed, is_open=not job.settled)


def _archive_stuck(facts: ArchiveFacts) -> Iterator[str]:
    job, late = facts.record, iso(facts.at - LATE)
    if job.status.is_open and job.opened_at and job.opened_at < late:
        yield f"it is {job.status} since {job.opened_at}"
    elif not job.status.is_open and not job.settled and job.finished_at < late:
        yield f"it has ended at {job.finished_at}, and its end was never told"


def _archive_files(facts: ArchiveFacts) -> Iterator[str]:
    listed = facts.record.files
    if listed and listed != len(facts.files):
        yield f"{listed} files are listed, and {len(facts.files)} are stored"
    if facts.record.ending is not None:
        for file in facts.files:
            if file.status.is_open:
                yield f"it has ended, and file {file.index} is {file.status}"


def _archive_ending(facts: ArchiveFacts) -> Iterator[str]:
    ending = facts.record.ending
    if ending is None or len(facts.files) != (facts.record.files or 0):
        return
    counted = sum((file.counts for file in facts.files), Rows())
    cancelled = sum(file.cancelled for file in facts.files)
    if (counted, cancelled) != (ending.counts, ending.cancelled):
        yield f"it ended with {ending.counts.total} rows, and its files have {counted.total}"


def _said(counts: Counts) -> str:
    return f"{counts.completed} completed, {counts.failed} failed, {counts.cancelled} cancelled"


TASK_RULES: tuple[Rule[TaskFacts], ...] = (
    Rule("task_not_listed", SWEEP, _task_not_listed),
    Rule("task_stuck", SWEEP, _task_stuck),
    Rule("task_item_lost", _LOST, _task_item_lost),
    Rule("task_item_open", _RETRY_TASK, _task_item_open),
    Rule("task_counts_differ", _RETRY_TASK, _task_counts),
    Rule("task_pointer_lost", _LOST, _task_pointer),
)
SAGA_RULES: tuple[Rule[Facts[Saga]], ...] = (
    Rule("saga_not_listed", SWEEP, _saga_not_listed),
    Rule("saga_never_begun", SWEEP, _saga_never_begun),
    Rule("saga_direction", _SAGA, _saga_direction),
    Rule("saga_log", _SAGA, _saga_log),
)
APPROVAL_RULES: tuple[Rule[ApprovalFacts], ...] = (
    Rule("approval_not_listed", SWEEP, _approval_not_listed),
    Rule("approval_overdue", SWEEP, _approval_overdue),
    Rule("approval_votes", _REQUEST, _approval_votes),
    Rule("approval_changed", _REQUEST, _approval_changed),
    Rule("approval_done", _REQUEST, _approval_done),
)
ARCHIVE_RULES: tuple[Rule[ArchiveFacts], ...] = (
    Rule("archive_not_listed", SWEEP, _archive_not_listed),
    Rule("archive_stuck", SWEEP, _archive_stuck),
    Rule("archive_files", _RETRY_FILES, _archive_files),
    Rule("archive_ending_differs", _RETRY_FILES, _archive_ending),
)
_RULES: Mapping[type, tuple[Rule[Any], ...]] = {
    Task: TASK_RULES,
    Saga: SAGA_RULES,
    Approval: APPROVAL_RULES,
    ZipJob: ARCHIVE_RULES,
}


def work_findings(facts: Facts[Any]) -> list[Finding]:
    """Hold a task, saga, approval or archive against its rules."""
    key = facts.record.key
    return held(f"{key.tenant} {key.id}", key.id, facts, _RULES[type(facts.record)])
