"""doctor: what is stuck, failed or undelivered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from sfn_cqrs.adapters.dynamodb import unmarshal
from sfn_cqrs.adapters.items import as_process
from sfn_cqrs.adapters.process_table import OPEN_SHARDS
from sfn_cqrs.adapters.task_items import as_task
from sfn_cqrs.adapters.task_table import OPEN_SHARDS as TASK_SHARDS
from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.domain.process import Outcome, Process
from sfn_cqrs.domain.task import Task
from sfn_local.cli import FAILED
from sfn_local.cli.aws import Target, find_target
from sfn_local.cli.options import Command, json_option, one_line_errors, stack_option, state_option
from sfn_local.cli.printing import print_json, print_table

OLDEST_PER_SHARD: Final = 50
LATEST_FAILURES: Final = 50
DEAD_LETTERS: Final = "DeadLetterQueueUrl"


@dataclass(frozen=True)
class Finding:
    """A version that needs somebody's attention; age in seconds since it was opened."""

    tenant: str
    type: str
    code: str
    version: int
    outcome: str
    status: str
    age: float
    error: str | None

    @classmethod
    def of(cls, process: Process, now: datetime) -> Finding:
        """Describe a process item."""
        return cls(
            process.key.tenant,
            process.key.type,
            process.key.code,
            process.version,
            str(process.outcome),
            process.status,
            _age(process.opened_at, now),
            process.error,
        )


@dataclass(frozen=True)
class TaskFinding:
    """A task that has been open for long; age in seconds since its attempt was opened."""

    tenant: str
    type: str
    id: str
    status: str
    attempt: int
    left: int
    age: float

    @classmethod
    def of(cls, task: Task, now: datetime) -> TaskFinding:
        """Describe a task."""
        return cls(
            task.key.tenant,
            task.key.type,
            task.key.id,
            str(task.status),
            task.attempt,
            task.left,
            _age(task.opened_at, now),
        )


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found; `oldest_open` and `oldest_open_task` are ages in seconds."""

    open: int
    oldest_open: float
    findings: list[Finding]
    open_tasks: int
    oldest_open_task: float
    tasks: list[TaskFinding]
    dead_letters: dict[str, int]

    @property
    def is_well(self) -> bool:
        """Nothing needs attention."""
        return not self.findings and not self.tasks and not any(self.dead_letters.values())


@click.command(
    cls=Command,
    examples=("sfn-cqrs doctor", "sfn-cqrs doctor --older-than 60 --stack sfn-cqrs-dev"),
)
@click.option(
    "--older-than",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    metavar="MINUTES",
    help="Age from which an open version counts as stuck.",
)
@state_option
@stack_option
@json_option
@click.pass_context
def doctor(
    context: click.Context, older_than: float, state: Path, stack: str | None, as_json: bool
) -> None:
    """Look for versions that are stuck, blocked or failed, for stuck tasks, and dead letters.

    Exits 1 if there are any. `chain show` and `task show` tell more of each, `chain redrive` and
    `chain skip` repair a version.
    """
    with one_line_errors():
        diagnosis = diagnose(find_target(state, stack), timedelta(minutes=older_than))
    if as_json:
        print_json(asdict(diagnosis))
    else:
        _print(diagnosis)
    if not diagnosis.is_well:
        context.exit(FAILED)


def diagnose(target: Target, patience: timedelta) -> Diagnosis:
    """Examine a stack."""
    now = datetime.now(UTC)
    still_open = [Finding.of(one, now) for one in _open_versions(target)]
    ages = [one.age for one in still_open if one.outcome != Outcome.BLOCKED]
    stuck = [
        one
        for one in still_open
        if one.outcome == Outcome.BLOCKED or one.age >= patience.total_seconds()
    ]
    failed = [Finding.of(one, now) for one in _failed_versions(target)]
    open_tasks = [TaskFinding.of(one, now) for one in _open_tasks(target)]
    return Diagnosis(
        open=len(ages),
        oldest_open=max(ages, default=0.0),
        findings=sorted([*failed, *stuck], key=lambda one: (one.type, one.code, one.version)),
        open_tasks=len(open_tasks),
        oldest_open_task=max((one.age for one in open_tasks), default=0.0),
        tasks=sorted(
            (one for one in open_tasks if one.age >= patience.total_seconds()),
            key=lambda one: (one.type, one.id),
        ),
        dead_letters=dict(_dead_letters(target)),
    )


def _open_versions(target: Target) -> Iterator[Process]:
    """Yield the oldest versions of each shard of the index, read again."""
    for item in _open_items(target, target.outputs["CommandsTableName"], OPEN_SHARDS):
        process = as_process(item)
        if not process.outcome.is_settled:
            yield process


def _open_tasks(target: Target) -> Iterator[Task]:
    """Yield the oldest tasks of each shard of the index that are open, read again."""
    for item in _open_items(target, target.outputs["TasksTableName"], TASK_SHARDS):
        task = as_task(item)
        if not task.status.is_closed:
            yield task


def _open_items(target: Target, table: str, shards: int) -> Iterator[dict[str, Any]]:
    """Yield the oldest items that an index of what is open lists in each shard, read again."""
    dynamodb = target.client("dynamodb")
    for shard in range(shards):
        answer = dynamodb.query(
            TableName=table,
            IndexName="open",
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues={":shard": {"N": str(shard)}},
            Limit=OLDEST_PER_SHARD,
        )
        for keys in answer["Items"]:
            item = _read(dynamodb, table, {name: keys[name] for name in ("pk", "sk")})
            if item is not None:
                yield item


def _failed_versions(target: Target) -> Iterator[Process]:
    """Yield the versions of the latest failed executions that nobody has repaired since."""
    dynamodb, sfn = target.client("dynamodb"), target.client("stepfunctions")
    table = target.outputs["CommandsTableName"]
    executions = sfn.list_executions(
        stateMachineArn=target.outputs["CommandStateMachineArn"],
        statusFilter="FAILED",
        maxResults=LATEST_FAILURES,
    )["executions"]
    seen: set[tuple[str, int]] = set()
    for execution in executions:
        described = sfn.describe_execution(executionArn=execution["executionArn"])
        ref = CommandRef.from_input(json.loads(described["input"]))
        sort_key = ref.key.process_sk(ref.version)
        keys = {"pk": {"S": ref.key.pk}, "sk": {"S": sort_key}}
        item = _read(dynamodb, table, keys)
        process = as_process(item) if item else None
        is_new = (ref.key.pk + sort_key, ref.version) not in seen
        seen.add((ref.key.pk + sort_key, ref.version))
        if is_new and process is not None and process.outcome is Outcome.FAILED:
            yield process


def _read(dynamodb: Any, table: str, keys: Mapping[str, Any]) -> dict[str, Any] | None:
    item = dynamodb.get_item(TableName=table, Key=keys, ConsistentRead=True).get("Item")
    return unmarshal(item) if item else None


def _age(opened_at: str, now: datetime) -> float:
    return round((now - datetime.fromisoformat(opened_at)).total_seconds(), 1)


def _dead_letters(target: Target) -> Iterator[tuple[str, int]]:
    sqs = target.client("sqs")
    for name, url in target.outputs.items():
        if name.endswith(DEAD_LETTERS):
            attribute = "ApproximateNumberOfMessages"
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
            yield name.removesuffix("Url"), int(answer["Attributes"][attribute])


def _print(diagnosis: Diagnosis) -> None:
    click.echo(f"{diagnosis.open} open, the oldest for {diagnosis.oldest_open:.0f} s")
    if diagnosis.findings:
        headings = ("tenant", "type", "code", "version", "outcome", "status", "age (s)", "error")
        print_table(headings, (asdict(one).values() for one in diagnosis.findings))
    if diagnosis.open_tasks:
        oldest = f"{diagnosis.oldest_open_task:.0f} s"
        click.echo(f"tasks: {diagnosis.open_tasks} open, the oldest for {oldest}")
    if diagnosis.tasks:
        columns = ("tenant", "type", "task", "status", "attempt", "left", "age (s)")
        print_table(columns, (asdict(one).values() for one in diagnosis.tasks))
    for queue, depth in diagnosis.dead_letters.items():
        if depth:
            click.echo(f"{queue}: {depth} messages")
    click.echo("all is well" if diagnosis.is_well else "something needs attention")
