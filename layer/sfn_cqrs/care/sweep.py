"""The sweeps over work that has been open for long: one table of kinds, one loop.

A sweep finds work that no event will move any more: a lost start, an execution that died without
its Catch, a publisher that died, a lost wake-up. It leaves work that only queues as it is.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from secrets import token_hex
from typing import Any, Generic, Protocol, TypeVar

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel import keys
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs.kernel.functions.context import LambdaHandler
from sfn_cqrs.kernel.functions.logs import SWEPT, logger, naming_request
from sfn_cqrs.kernel.functions.state import naming_transient, remaining_ms_of
from sfn_cqrs.kernel.sweeps import Cursor, Lease
from sfn_cqrs.kernel.tables.open_index import SweptTable
from sfn_cqrs.machines.approval import items as approval_items
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval.rules import Approval
from sfn_cqrs.machines.approval.runner import ApprovalFlow
from sfn_cqrs.machines.command import chain, process_table
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.import_csv import items as import_items
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.queueing import waits_its_turn
from sfn_cqrs.machines.import_csv.sweep import finish_import, sweep_import
from sfn_cqrs.machines.saga import items as saga_items
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga.rules import Saga
from sfn_cqrs.machines.saga.runner import SagaFlow
from sfn_cqrs.machines.task import items as task_items
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task.notices import task_execute
from sfn_cqrs.machines.task.rules import Task
from sfn_cqrs.machines.task.runner import TaskFlow
from sfn_cqrs.machines.zip_orchestrator import items as zip_items
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob
from sfn_cqrs.machines.zip_orchestrator.sweep import sweep_ended_zip, sweep_zip

GRACE = timedelta(minutes=2)
"""Longer than a request that publishes synchronously can live."""
MARGIN_MS = 20_000
"""The time that the items of one page may take."""
MOST_GROUPS = 20
"""How many groups of a kind have their own metric: each costs money, and the oldest matter."""


class _Opened(Protocol):
    @property
    def opened_at(self) -> str: ...


T = TypeVar("T", bound=_Opened)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of open work: where it is listed, and how one of it is repaired.

    A sweep takes `per_page` of a shard at a time, and `shards` at once. `ages` decides whether
    one's age counts for the metric, and `since` gives its start. The metric is also published for
    each `group`, as a dimension of that name. Where nothing is open the metric has no value, since
    CloudWatch bills the hours that have one. The kind that `reports` is the exception: it shows
    that sweeps run. `machine` names the machine by an execution's input, and `ref` reads that
    input. `repair_ended` repairs the work of an execution that did not end well.
    """

    name: str
    table: Callable[[], SweptTable[T]]
    shards: range
    repair: Callable[[T], str]
    per_page: int = 25
    metric: str | None = None
    reports: bool = False
    ages: Callable[[T], bool] = lambda _one: True
    since: Callable[[T], str] = lambda one: one.opened_at
    group: tuple[str, Callable[[T], str]] | None = None
    machine: Callable[[dict[str, Any]], str] = lambda _input: ""
    ref: type[keys.ExecutionRef] | None = None
    repair_ended: Callable[[Any], str] = lambda _ref: ""


@dataclass(slots=True)
class Report:
    """The result of a sweep: how often each action was done, and the age of the oldest open one.

    Ages are in seconds. `group_ages` has the age of the oldest of each group that it saw, the
    oldest first.
    """

    done: dict[str, int] = field(default_factory=dict)
    oldest_age: float = 0.0
    group_ages: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Part:
    """The work done in one shard; `cursor` says where to go on, and is None at the shard's end."""

    cursor: Cursor | None
    done: Counter[str] = field(default_factory=Counter)
    oldest: dict[str, str] = field(default_factory=dict)
    """When the oldest of each group was opened."""
    error: Exception | None = None

    def note(self, kind: Kind[T], found: list[T]) -> None:
        """Remember the oldest entries of a page."""
        for one in found:
            if kind.ages(one):
                group = kind.group[1](one) if kind.group else ""
                since = kind.since(one)
                self.oldest[group] = min(self.oldest.get(group, since), since)


def sweep(kind: Kind[T], remaining_ms: Callable[[], int]) -> Report | None:
    """Sweep a kind, each shard from where the last sweep ended, until time is nearly over.

    One that cannot be repaired is logged and does not stop the others. Return the report, or None
    if another sweep of this kind is running.

    Raises:
        Exception: the error of a shard that could not be read. The other shards are still swept.
    """
    table, now = kind.table(), bootstrap.now()
    until = now + timedelta(milliseconds=remaining_ms() + 1_000)
    lease = Lease(kind.name, token_hex(8), now, until)
    cursors = table.begin_sweep(lease)
    if cursors is None:
        return None

    def swept(shard: int) -> _Part:
        return _sweep_shard(kind, shard, cursors.get(str(shard)), iso(now - GRACE), remaining_ms)

    parts: dict[int, _Part] = dict(
        zip(kind.shards, bootstrap.at_once()(swept, kind.shards), strict=True)
    )
    table.end_sweep(
        lease, {str(shard): part.cursor for shard, part in parts.items() if part.cursor}
    )
    for part in parts.values():
        if part.error is not None:
            raise part.error
    done = sum((part.done for part in parts.values()), Counter[str]())
    ages = _ages([part.oldest for part in parts.values()], now)
    return Report(dict(done), max(ages.values(), default=0.0), ages)


def sweep_ended(kinds: Iterable[Kind[Any]], arn: str, execution_input: dict[str, Any]) -> str:
    """Repair the work of an execution that has ended, and return what was done."""
    for kind in kinds:
        if kind.ref and arn == bootstrap.machine_arn(kind.machine(execution_input)):
            return kind.repair_ended(kind.ref.from_input(execution_input))
    return "foreign"


def sweeping(*kinds: Kind[Any], then: Callable[[], object] = lambda: None) -> LambdaHandler:
    """Return the handler of a function that sweeps kinds, every minute, and then calls `then`.

    When an execution of their machines does not end well, it repairs that one's work at once.

    Raises (from the handler):
        TransientError: AWS was busy. The other kinds are still swept.
    """
    bootstrap.prepare()

    @naming_request
    @naming_transient()
    def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
        if event.get("detail-type") == "Step Functions Execution Status Change":
            detail = event["detail"]
            done = sweep_ended(kinds, detail["stateMachineArn"], json.loads(detail["input"]))
            logger.info("swept one", sweep=done, execution=detail["name"])
            return {done: 1}
        try:
            return _swept_all(kinds, then, context)
        except Exception as error:
            if not is_transient(error):
                name = type(error).__name__
                kinds[0].table().note_failure(kinds[0].name, name, iso(bootstrap.now()))
            raise

    return lambda_handler


def _swept_all(
    kinds: Iterable[Kind[Any]], then: Callable[[], object], context: Any
) -> dict[str, int]:
    swept: Counter[str] = Counter()
    busy: list[str] = []
    for kind in kinds:
        try:
            swept.update(_swept(kind, context))
        except Exception as error:
            if not is_transient(error):
                raise
            logger.warning("a kind could not be swept", exc_info=error, kind=kind.name)
            busy.append(kind.name)
    if busy:
        raise TransientError(f"not swept: {', '.join(busy)}")
    then()
    return dict(swept)


def _ages(parts: Iterable[dict[str, str]], now: datetime) -> dict[str, float]:
    """Return the age of the oldest of each group over all shards, the oldest first."""
    pairs = sorted(((at, group) for part in parts for group, at in part.items()), reverse=True)
    oldest = {group: at for at, group in pairs}
    return {
        group: (now - datetime.fromisoformat(at)).total_seconds()
        for group, at in sorted(oldest.items(), key=lambda pair: pair[1])
    }


def _swept(kind: Kind[Any], context: Any) -> dict[str, int]:
    report = sweep(kind, lambda: remaining_ms_of(context))
    if report is None:
        logger.info("somebody else is sweeping", kind=kind.name)
        return {}
    _measure(kind, report)
    logger.info(SWEPT, kind=kind.name, sweep=report.done, oldest_open_seconds=report.oldest_age)
    return {f"{kind.name}_{done}": count for done, count in report.done.items()}


def _measure(kind: Kind[Any], report: Report) -> None:
    if kind.metric is None or not (report.group_ages or kind.reports):
        return
    with single_metric(name=kind.metric, unit=MetricUnit.Seconds, value=report.oldest_age):
        pass
    if kind.group is None:
        return
    dimension = kind.group[0]
    for group, age in islice(report.group_ages.items(), MOST_GROUPS):
        with single_metric(name=kind.metric, unit=MetricUnit.Seconds, value=age) as metric:
            metric.add_dimension(dimension, group)


def _sweep_shard(
    kind: Kind[T],
    shard: int,
    cursor: Cursor | None,
    before: str,
    remaining_ms: Callable[[], int],
) -> _Part:
    table, part = kind.table(), _Part(cursor)
    try:
        found, following = table.opened(shard, None, before, kind.per_page)
        part.note(kind, found)
        if cursor is not None:
            found, following = table.opened(shard, cursor, before, kind.per_page)
            part.note(kind, found)
        while remaining_ms() >= MARGIN_MS:
            part.done.update(_repair(kind, one) for one in found)
            part.cursor = following
            if following is None:
                break
            found, following = table.opened(shard, following, before, kind.per_page)
            part.note(kind, found)
    except Exception as error:  # raised after the other shards are swept
        part.error = error
    return part


def _repair(kind: Kind[T], one: T) -> str:
    try:
        return kind.repair(one)
    except Exception as error:
        if is_transient(error):
            logger.warning("one is left to the next sweep", kind=kind.name, reason=str(error))
            return "busy"
        logger.exception(
            "one could not be swept", kind=kind.name, item=repr(getattr(one, "key", ""))
        )
        return "error"


def _repair_task(task: Task) -> str:
    done = TaskFlow(task.key).run(task_programs.sweep(bootstrap.now()))
    if done == "queued":
        bootstrap.events().publish([task_execute(task, bootstrap.tasks_table_name())])
    return done


COMMANDS: Kind[Process] = Kind(
    name="command",
    metric="OldestUnappliedSeconds",
    reports=True,
    table=lambda: bootstrap.processes(),
    shards=range(process_table.OPEN_SHARDS),
    repair=lambda process: Chain(process.key).run(chain.sweep(process.version, bootstrap.now())),
    ages=lambda process: process.outcome.is_open,
    group=("type", lambda process: process.key.type),
    machine=lambda _input: "command",
    ref=keys.CommandRef,
    repair_ended=lambda ref: Chain(ref.key).run(
        chain.sweep(ref.version, bootstrap.now(), has_ended=True)
    ),
)
BLOCKED: Kind[Process] = Kind(
    name="blocked",
    table=lambda: bootstrap.processes(),
    shards=process_table.BLOCKED_SHARDS,
    repair=lambda process: Chain(process.key).run(chain.unblock(process.version)),
)
TASKS: Kind[Task] = Kind(
    name="task",
    metric="OldestOpenTaskAge",
    table=lambda: bootstrap.tasks(),
    shards=range(task_items.TASKS.shards),
    repair=_repair_task,
    per_page=5,  # some end a thousand items
    ages=lambda task: not task.status.is_closed,
    machine=lambda _input: "task",
    ref=keys.TaskRef,
    repair_ended=lambda ref: TaskFlow(ref.key).run(
        task_programs.sweep(bootstrap.now(), ref.attempt)
    ),
)
SAGAS: Kind[Saga] = Kind(
    name="saga",
    metric="OldestOpenSagaAge",
    table=lambda: bootstrap.sagas(),
    shards=range(saga_items.SAGAS.shards),
    repair=lambda saga: SagaFlow(saga.key).run(saga_programs.sweep(bootstrap.now())),
    ages=lambda saga: saga.status.is_open and saga.busy_since <= iso(bootstrap.now()),
    since=lambda saga: saga.busy_since,
    machine=keys.SagaRef.machine_of,
    ref=keys.SagaRef,
    repair_ended=lambda ref: SagaFlow(ref.key).run(
        saga_programs.sweep(bootstrap.now(), ref.attempt)
    ),
)
IMPORTS: Kind[Job] = Kind(
    name="import",
    metric="OldestOpenImportAge",
    table=lambda: bootstrap.import_jobs(),
    shards=range(import_items.IMPORTS.shards),
    repair=lambda job: sweep_import(job.key),
    ages=lambda job: job.status.is_open and not waits_its_turn(job),
    since=lambda job: job.started_at or job.opened_at,
)
ENDED_IMPORTS: Kind[Job] = Kind(
    name="ended_import",
    table=lambda: bootstrap.import_jobs(),
    shards=range(import_items.IMPORTS.shards),
    repair=lambda job: finish_import(job.key),
    per_page=1,  # each has an errors.csv to write
    machine=lambda _input: "import-csv",
    ref=keys.ImportKey,
    repair_ended=finish_import,
)
APPROVALS: Kind[Approval] = Kind(
    name="approval",
    metric="OldestOpenApprovalAge",
    table=lambda: bootstrap.approvals(),
    shards=range(approval_items.APPROVALS.shards),
    repair=lambda approval: ApprovalFlow(approval.key).run(approval_programs.sweep()),
    ages=lambda approval: not approval.stage.is_closed,
    machine=lambda _input: "approval",
    ref=keys.ApprovalRef,
    repair_ended=lambda ref: ApprovalFlow(ref.key).run(approval_programs.sweep(ref.attempt)),
)
ZIPS: Kind[ZipJob] = Kind(
    name="zip",
    metric="OldestOpenZipImportAge",
    table=lambda: bootstrap.zip_jobs(),
    shards=range(zip_items.ZIPS.shards),
    repair=lambda job: sweep_zip(job.key),
    ages=lambda job: job.status.is_open and not waits_its_turn(job),
    machine=lambda _input: "zip-orchestrator",
    ref=keys.ZipRef,
    repair_ended=sweep_ended_zip,
)
KINDS: tuple[Kind[Any], ...] = (
    COMMANDS,
    BLOCKED,
    TASKS,
    SAGAS,
    IMPORTS,
    ENDED_IMPORTS,
    APPROVALS,
    ZIPS,
)
