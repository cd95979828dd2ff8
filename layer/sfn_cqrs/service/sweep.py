"""The sweep over all that has been open for long: one table of kinds, one loop."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters import (
    approval_items,
    import_items,
    process_table,
    saga_items,
    task_items,
    zip_items,
)
from sfn_cqrs.domain import approval_programs, chain, saga_programs, task_programs
from sfn_cqrs.domain.approval import Approval
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.import_job import Job
from sfn_cqrs.domain.keys import ApprovalRef, CommandRef, ImportKey, SagaRef, TaskRef, ZipRef
from sfn_cqrs.domain.notices import task_execute
from sfn_cqrs.domain.process import Process
from sfn_cqrs.domain.saga import Saga
from sfn_cqrs.domain.task import Task
from sfn_cqrs.domain.zip_job import ZipJob
from sfn_cqrs.service.approvals.programs import ApprovalFlow
from sfn_cqrs.service.commands.chain import Chain
from sfn_cqrs.service.imports.sweep import sweep_import
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.sagas.programs import SagaFlow
from sfn_cqrs.service.tasks.programs import TaskFlow
from sfn_cqrs.service.zips.sweep import sweep_ended_zip, sweep_zip

GRACE = timedelta(minutes=2)
"""Longer than a request that publishes synchronously can live."""
MARGIN_MS = 5_000


class _Opened(Protocol):
    @property
    def opened_at(self) -> str: ...


T = TypeVar("T", bound=_Opened)


class _OpenTable(Protocol[T]):
    def opened(
        self, shard: int, cursor: dict[str, Any] | None, before: str, limit: int
    ) -> tuple[list[T], dict[str, Any] | None]: ...

    def cursors(self) -> dict[str, dict[str, Any]]: ...

    def keep_cursors(self, cursors: dict[str, dict[str, Any]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of what may stay open: where it is listed, and how one of it is repaired.

    A sweep takes at most `per_shard` of each shard; `ages` says of one whether its age counts
    for the metric; `machines` run it, and `repair_ended` repairs what an execution of theirs,
    which ended other than well, was started with.
    """

    name: str
    metric: str
    table: Callable[[], _OpenTable[T]]
    shards: int
    per_shard: int
    repair: Callable[[T], str]
    ages: Callable[[T], bool]
    machines: Callable[[], Collection[str]]
    repair_ended: Callable[[dict[str, Any]], str]


@dataclass(slots=True)
class Report:
    """What a sweep did: how often each action, and the age of the oldest that is open."""

    done: dict[str, int] = field(default_factory=dict)
    oldest_age: float = 0.0


def sweep(kind: Kind[T], remaining_ms: Callable[[], int]) -> Report:
    """Sweep a kind, each shard from where the last sweep ended, until time is nearly over.

    One that cannot be repaired is logged and does not stop the others.
    """
    table, now = kind.table(), bootstrap.now()
    before = iso(now - GRACE)
    cursors = table.cursors()
    done: Counter[str] = Counter()
    oldest = now
    first_shard = int(now.timestamp()) % kind.shards  # no shard is always the last
    for shard in (*range(first_shard, kind.shards), *range(first_shard)):
        if remaining_ms() < MARGIN_MS:
            break
        cursor = cursors.pop(str(shard), None)
        found, next_cursor = table.opened(shard, cursor, before, kind.per_shard)
        first = table.opened(shard, None, before, kind.per_shard)[0] if cursor else found
        ageing = [datetime.fromisoformat(one.opened_at) for one in first if kind.ages(one)]
        oldest = min([oldest, *ageing])
        done.update(_repaired(kind, one) for one in found)
        if next_cursor is not None:
            cursors[str(shard)] = next_cursor
    table.keep_cursors(cursors)
    return Report(dict(done), (now - oldest).total_seconds())


def sweep_ended(machine_arn: str, execution_input: dict[str, Any]) -> str:
    """Repair the one that an execution worked on which has ended; answers what was done."""
    for kind in KINDS:
        if machine_arn in map(bootstrap.machine_arn, kind.machines()):
            return kind.repair_ended(execution_input)
    return "foreign"


def _repaired(kind: Kind[T], one: T) -> str:
    try:
        return kind.repair(one)
    except Exception:
        logger.exception(
            "one could not be swept", kind=kind.name, item=repr(getattr(one, "key", ""))
        )
        return "error"


def _repair_ended_version(execution_input: dict[str, Any]) -> str:
    ref = CommandRef.from_input(execution_input)
    return Chain(ref.key).run(chain.sweep(ref.version))


def _repair_task(task: Task) -> str:
    done = TaskFlow(task.key).run(task_programs.sweep(bootstrap.now()))
    if done == "queued":
        bootstrap.events().publish([task_execute(task, bootstrap.tasks_table_name())])
    return done


def _repair_ended_task(execution_input: dict[str, Any]) -> str:
    ref = TaskRef.from_input(execution_input)
    return TaskFlow(ref.key).run(task_programs.sweep(bootstrap.now(), ref.attempt))


def _repair_ended_saga(execution_input: dict[str, Any]) -> str:
    ref = SagaRef.from_input(execution_input)
    return SagaFlow(ref.key).run(saga_programs.sweep(ref.attempt))


def _repair_ended_approval(execution_input: dict[str, Any]) -> str:
    ref = ApprovalRef.from_input(execution_input)
    return ApprovalFlow(ref.key).run(approval_programs.sweep(ref.attempt))


COMMANDS: Kind[Process] = Kind(
    name="command",
    metric="OldestOpenCommandAge",
    table=bootstrap.processes,
    shards=process_table.OPEN_SHARDS,
    per_shard=31,
    repair=lambda process: Chain(process.key).run(chain.sweep(process.version)),
    ages=lambda process: process.outcome.is_open,
    machines=lambda: ["command"],
    repair_ended=_repair_ended_version,
)
TASKS: Kind[Task] = Kind(
    name="task",
    metric="OldestOpenTaskAge",
    table=bootstrap.tasks,
    shards=task_items.TASKS.shards,
    per_shard=50,  # some of which end a thousand items
    repair=_repair_task,
    ages=lambda task: not task.status.is_closed,
    machines=lambda: ["task"],
    repair_ended=_repair_ended_task,
)
SAGAS: Kind[Saga] = Kind(
    name="saga",
    metric="OldestOpenSagaAge",
    table=bootstrap.sagas,
    shards=saga_items.SAGAS.shards,
    per_shard=50,
    repair=lambda saga: SagaFlow(saga.key).run(saga_programs.sweep()),
    ages=lambda saga: saga.status.is_open,
    machines=bootstrap.saga_machines,
    repair_ended=_repair_ended_saga,
)
IMPORTS: Kind[Job] = Kind(
    name="import",
    metric="OldestOpenImportAge",
    table=bootstrap.import_jobs,
    shards=import_items.IMPORTS.shards,
    per_shard=25,  # some of which have an errors.csv to write
    repair=lambda job: sweep_import(job.key),
    ages=lambda job: job.status.is_open,
    machines=lambda: ["import-csv"],
    repair_ended=lambda execution_input: sweep_import(ImportKey.from_input(execution_input)),
)
APPROVALS: Kind[Approval] = Kind(
    name="approval",
    metric="OldestOpenApprovalAge",
    table=bootstrap.approvals,
    shards=approval_items.APPROVALS.shards,
    per_shard=50,
    repair=lambda approval: ApprovalFlow(approval.key).run(approval_programs.sweep()),
    ages=lambda approval: not approval.stage.is_closed,
    machines=lambda: ["approval"],
    repair_ended=_repair_ended_approval,
)
ZIPS: Kind[ZipJob] = Kind(
    name="zip",
    metric="OldestOpenZipImportAge",
    table=bootstrap.zip_jobs,
    shards=zip_items.ZIPS.shards,
    per_shard=50,
    repair=lambda job: sweep_zip(job.key),
    ages=lambda job: job.status.is_open,
    machines=lambda: ["zip-orchestrator"],
    repair_ended=lambda execution_input: sweep_ended_zip(ZipRef.from_input(execution_input)),
)
KINDS: tuple[Kind[Any], ...] = (COMMANDS, TASKS, SAGAS, IMPORTS, APPROVALS, ZIPS)
