"""The sweep over all that has been open for long: versions, tasks, sagas, imports, approvals."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters import (
    approval_table,
    import_jobs,
    process_table,
    saga_table,
    task_table,
    zip_jobs,
)
from sfn_cqrs.domain import approval_flow, chain, saga_flow, task_flow
from sfn_cqrs.domain.approval import Approval
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.import_job import Job
from sfn_cqrs.domain.keys import ApprovalRef, SagaRef, TaskRef
from sfn_cqrs.domain.notices import task_execute
from sfn_cqrs.domain.process import Process
from sfn_cqrs.domain.saga import Saga
from sfn_cqrs.domain.task import Task
from sfn_cqrs.domain.zip_job import ZipJob
from sfn_cqrs.service.approval_flow import ApprovalFlow
from sfn_cqrs.service.chain import Chain
from sfn_cqrs.service.import_sweep import sweep_import
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.saga_flow import SagaFlow
from sfn_cqrs.service.task_flow import TaskFlow
from sfn_cqrs.service.zip_sweep import sweep_zip

GRACE = timedelta(minutes=2)
"""Longer than a request that publishes synchronously can live."""
PER_SHARD = 31
"""Times 16 shards: at most some 500 versions a sweep."""
TASKS_PER_SHARD = 50
"""Times 4 shards: at most 200 tasks a sweep, some of which end a thousand items."""
SAGAS_PER_SHARD = 50
"""Times 4 shards: at most 200 sagas a sweep."""
IMPORTS_PER_SHARD = 25
"""Times 4 shards: at most 100 jobs a sweep, some of which have an errors.csv to write."""
APPROVALS_PER_SHARD = 50
ZIPS_PER_SHARD = 50
"""Times 2 shards: at most 100 archives a sweep, which are only looked at and started."""
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


@dataclass(slots=True)
class Report:
    """What a sweep did: how often each action, and the age of the oldest that is open."""

    done: dict[str, int] = field(default_factory=dict)
    oldest_age: float = 0.0


def sweep(remaining_ms: Callable[[], int]) -> Report:
    """Sweep the versions, each shard from where the last sweep ended, until time is nearly over.

    One version that cannot be swept is logged and does not stop the others.
    """
    return _swept_all(
        bootstrap.processes(),
        process_table.OPEN_SHARDS,
        PER_SHARD,
        remaining_ms,
        _sweep_version,
        lambda process: process.outcome.is_open,
    )


def sweep_tasks(remaining_ms: Callable[[], int]) -> Report:
    """Sweep the tasks, as `sweep` does the versions."""
    return _swept_all(
        bootstrap.tasks(),
        task_table.OPEN_SHARDS,
        TASKS_PER_SHARD,
        remaining_ms,
        _sweep_task,
        lambda task: not task.status.is_closed,
    )


def sweep_ended_task(ref: TaskRef) -> str:
    """Sweep the one task whose execution has ended; answers what was done."""
    return TaskFlow(ref.key).run(task_flow.sweep(bootstrap.now(), ref.attempt))


def sweep_sagas(remaining_ms: Callable[[], int]) -> Report:
    """Sweep the sagas, as `sweep` does the versions."""
    return _swept_all(
        bootstrap.sagas(),
        saga_table.OPEN_SHARDS,
        SAGAS_PER_SHARD,
        remaining_ms,
        _sweep_saga,
        lambda saga: saga.status.is_open,
    )


def sweep_ended_saga(ref: SagaRef) -> str:
    """Sweep the one saga whose execution has ended; answers what was done."""
    return SagaFlow(ref.key).run(saga_flow.sweep(ref.attempt))


def sweep_imports(remaining_ms: Callable[[], int]) -> Report:
    """Sweep the import jobs, as `sweep` does the versions."""
    return _swept_all(
        bootstrap.import_jobs(),
        import_jobs.OPEN_SHARDS,
        IMPORTS_PER_SHARD,
        remaining_ms,
        _sweep_import,
        lambda job: job.status.is_open,
    )


def sweep_approvals(remaining_ms: Callable[[], int]) -> Report:
    """Sweep the approvals to which something should have happened; the age is how late it is."""
    return _swept_all(
        bootstrap.approvals(),
        approval_table.OPEN_SHARDS,
        APPROVALS_PER_SHARD,
        remaining_ms,
        _sweep_approval,
        lambda approval: not approval.stage.is_closed,
    )


def sweep_ended_approval(ref: ApprovalRef) -> str:
    """Sweep the one approval whose execution has ended; answers what was done."""
    return ApprovalFlow(ref.key).run(approval_flow.sweep(ref.attempt))


def sweep_zips(remaining_ms: Callable[[], int]) -> Report:
    """Sweep the imports of archives, as `sweep` does the versions."""
    return _swept_all(
        bootstrap.zip_jobs(),
        zip_jobs.OPEN_SHARDS,
        ZIPS_PER_SHARD,
        remaining_ms,
        _sweep_zip,
        lambda job: job.status.is_open,
    )


def _swept_all(
    table: _OpenTable[T],
    shards: int,
    per_shard: int,
    remaining_ms: Callable[[], int],
    sweep_one: Callable[[T], str],
    ages: Callable[[T], bool],
) -> Report:
    now = bootstrap.now()
    before = iso(now - GRACE)
    cursors = table.cursors()
    done: Counter[str] = Counter()
    oldest = now
    first_shard = int(now.timestamp()) % shards  # no shard is always the last
    for shard in (*range(first_shard, shards), *range(first_shard)):
        if remaining_ms() < MARGIN_MS:
            break
        cursor = cursors.pop(str(shard), None)
        found, next_cursor = table.opened(shard, cursor, before, per_shard)
        first = table.opened(shard, None, before, per_shard)[0] if cursor else found
        ageing = [datetime.fromisoformat(one.opened_at) for one in first if ages(one)]
        oldest = min([oldest, *ageing])
        done.update(sweep_one(one) for one in found)
        if next_cursor is not None:
            cursors[str(shard)] = next_cursor
    table.keep_cursors(cursors)
    return Report(dict(done), (now - oldest).total_seconds())


def _sweep_version(process: Process) -> str:
    try:
        return Chain(process.key).run(chain.sweep(process.version))
    except Exception:
        logger.exception("a version could not be swept", version=process.version)
        return "error"


def _sweep_task(task: Task) -> str:
    try:
        done = TaskFlow(task.key).run(task_flow.sweep(bootstrap.now()))
        if done == "queued":
            bootstrap.events().publish([task_execute(task, bootstrap.tasks_table_name())])
    except Exception:
        logger.exception("a task could not be swept", task=task.key.id)
        return "error"
    return done


def _sweep_saga(saga: Saga) -> str:
    try:
        return SagaFlow(saga.key).run(saga_flow.sweep())
    except Exception:
        logger.exception("a saga could not be swept", saga=saga.key.id)
        return "error"


def _sweep_import(job: Job) -> str:
    try:
        return sweep_import(job.key)
    except Exception:
        logger.exception("an import could not be swept", job=job.key.id)
        return "error"


def _sweep_approval(approval: Approval) -> str:
    try:
        return ApprovalFlow(approval.key).run(approval_flow.sweep())
    except Exception:
        logger.exception("an approval could not be swept", approval=approval.key.id)
        return "error"


def _sweep_zip(job: ZipJob) -> str:
    try:
        return sweep_zip(job.key)
    except Exception:
        logger.exception("the import of an archive could not be swept", job=job.key.id)
        return "error"
