"""Tasks and imports that have failed lately, of the tenants that are at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sfn_cqrs.kernel.keys import ImportKey, ImportKind, TaskKey, TaskKind, ZipKey
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.task.rules import Task
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.executions import latest_inputs
from sfn_cqrs_tools.runtime.identity import DEFAULT_TENANT

RECENT: Final = timedelta(days=7)
LATEST: Final = 30
"""Executions of each machine, whose inputs name the tenants."""
MOST_TENANTS: Final = 20
LISTED: Final = 100
"""The latest items of each partition that are looked at."""


@dataclass(frozen=True)
class FailedWork:
    """A task or an import that ended with failures, or a refused plan; age in seconds since then.

    The id of a plan is its type, its code and its name.
    """

    kind: str
    tenant: str
    id: str
    what: str
    error: str
    age: float

    @property
    def shown_by(self) -> str:
        """Return the command that tells more."""
        group = self.kind if self.kind in ("task", "plan") else "import"
        return f"sfn-cqrs {group} show {self.id}"


@dataclass(frozen=True)
class _Place:
    kind: str
    machine: str
    table: str
    partitions: Callable[[str], list[str]]
    found: Callable[[Mapping[str, Any]], tuple[str, str] | None]
    """A failure and its error, or None if nobody has to look at it."""


def failed_work(target: Target, now: datetime) -> list[FailedWork]:
    """Return what has failed within a week, the latest first.

    Tenants are those of the latest executions, and on this machine the default one.
    """
    places = [one for one in _PLACES if {one.machine, one.table} <= target.outputs.keys()]
    tenants = dict.fromkeys(() if target.stack else (DEFAULT_TENANT,))
    for place in places:
        tenants |= dict.fromkeys(_tenants(target, target.outputs[place.machine]))
    found = [
        one
        for tenant in list(tenants)[:MOST_TENANTS]
        for place in places
        for one in _of_tenant(target, place, tenant, now)
    ]
    return sorted(found, key=lambda one: one.age)


def _tenants(target: Target, machine: str) -> Iterator[str]:
    for given in latest_inputs(target.client("stepfunctions"), machine, LATEST):
        tenant = given.get("tenant")
        if isinstance(tenant, str):
            yield tenant


def _of_tenant(target: Target, place: _Place, tenant: str, now: datetime) -> Iterator[FailedWork]:
    dynamodb = target.client("dynamodb")
    for partition in place.partitions(tenant):
        answer = dynamodb.query(
            TableName=target.outputs[place.table],
            KeyConditionExpression="pk = :pk",
            FilterExpression="#status = :failed",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":pk": {"S": partition}, ":failed": {"S": "FAILED"}},
            ScanIndexForward=False,
            Limit=LISTED,
        )
        for item in map(unmarshal, answer["Items"]):
            told = place.found(item)
            age = (now - datetime.fromisoformat(item["updated_at"])).total_seconds()
            if told is not None and age <= RECENT.total_seconds():
                yield FailedWork(place.kind, tenant, item["id"], *told, age=round(age, 1))


def _task(item: Mapping[str, Any]) -> tuple[str, str] | None:
    task: Task = TASKS.record(dict(item))
    failed = task.counts.failed if task.counts else 0
    return task.key.type, f"{failed:,} of {task.total:,} items failed"


def _import(item: Mapping[str, Any]) -> tuple[str, str] | None:
    job: Job = IMPORTS.record(dict(item))
    if job.dry_run or job.retried_by or job.parent:
        return None
    problem = job.ending.problem if job.ending else None
    failed = job.ending.counts.failed if job.ending else 0
    if problem:
        return job.table, f"{problem.code}: {problem.reason}"
    return job.table, f"{failed:,} {'row' if failed == 1 else 'rows'} failed"


def _archive(item: Mapping[str, Any]) -> tuple[str, str] | None:
    job = ZIPS.record(dict(item))
    if job.dry_run or job.retried_by:
        return None
    error = f"{job.problem.code}: {job.problem.reason}" if job.problem else "files failed"
    return job.table or "", error


_PLACES: Final = (
    _Place(
        "task",
        "TaskStateMachineArn",
        "TasksTableName",
        lambda tenant: [
            one for kind in TaskKind for one in TaskKey(tenant, "", "", kind).listed_in
        ],
        _task,
    ),
    _Place(
        "import",
        "ImportCsvStateMachineArn",
        "ImportTmpTableName",
        lambda tenant: [
            one for kind in ImportKind for one in ImportKey(tenant, "", kind).listed_in
        ],
        _import,
    ),
    _Place(
        "archive",
        "ZipOrchestratorStateMachineArn",
        "ImportTmpTableName",
        lambda tenant: [ZipKey(tenant, "").pk],
        _archive,
    ),
)
