"""Stuck, failed and undelivered work of a stack."""

from __future__ import annotations

import json
import shlex
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final

from sfn_cqrs.kernel.failure import first_line
from sfn_cqrs.kernel.keys import ApprovalRef, ItemKey, SagaRef
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.command import process_table
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.command.process import Outcome, Process
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs_tools.client.app_check import Broken
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.executions import OF_THE_FRAMEWORK, latest_inputs, machines_of
from sfn_cqrs_tools.client.failed_work import FailedWork
from sfn_cqrs_tools.client.published import Behind
from sfn_cqrs_tools.client.tenant_claims import writable_tenants
from sfn_cqrs_tools.runtime.lambda_api import TROUBLES

OLDEST_PER_SHARD: Final = 50
LATEST_FAILURES: Final = 50
"""Of versions, and of the executions of sagas and approvals."""
LATE: Final = timedelta(seconds=60)
"""Versions are applied within seconds; one that is open for longer waits for something."""
MOST_REPAIRS: Final = 5
"""How many versions are repaired one by one."""
DEAD_LETTERS: Final = "DeadLetterQueueUrl"


@dataclass(frozen=True)
class Finding:
    """A version that needs attention; age in seconds since it was opened."""

    tenant: str
    type: str
    code: str
    version: int
    outcome: str
    status: str
    age: float
    error: str | None
    cause: str = ""
    """The first line of the cause."""

    @property
    def reason(self) -> str:
        """Return its error and its cause, as one line."""
        return ": ".join(one for one in (self.error, self.cause) if one)

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
            first_line(process.cause or ""),
        )


@dataclass(frozen=True)
class Work:
    """Other work that is open or has failed; age in seconds since it should have moved."""

    tenant: str
    id: str
    status: str
    attempt: int
    age: float
    error: str | None


@dataclass(frozen=True)
class Kind:
    """The findings for one kind of work; `oldest` is an age in seconds."""

    open: int
    oldest: float
    findings: list[Work]


@dataclass(frozen=True)
class Diagnosis:
    """The findings for a stack; `oldest_open` is an age in seconds.

    `oldest_unapplied` says for each type how far its read models are behind, in seconds.
    """

    open: int
    oldest_open: float
    findings: list[Finding]
    kinds: dict[str, Kind]
    dead_letters: dict[str, int]
    writable_tenants: list[str]
    broken: list[Broken] = field(default_factory=list)
    oldest_unapplied: dict[str, float] = field(default_factory=dict)
    slow_handlers: list[str] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    behind_alias: list[Behind | str] = field(default_factory=list)
    """Functions that run another version than the last deploy's."""
    is_behind: bool = False
    """Whether the oldest open version is open for too long."""
    troubles: list[str] = field(default_factory=list)
    """The troubles that the local stack reports about itself."""
    failed_work: list[FailedWork] = field(default_factory=list)
    """Tasks and imports that failed within a week: their owners look at them, no operator."""

    @property
    def is_well(self) -> bool:
        """Return whether nothing needs attention."""
        ill = any(kind.findings for kind in self.kinds.values()) or self.writable_tenants
        ill = ill or any(self.dead_letters.values()) or self.slow_handlers
        code = self.broken or self.behind_alias or self.troubles
        return not (self.findings or ill or code or self.is_behind)

    @property
    def repairs(self) -> list[str]:
        """Return the commands that repair failed versions; BLOCKED ones then continue."""
        failed = [one for one in self.findings if one.outcome == Outcome.FAILED]
        if len(failed) > MOST_REPAIRS:
            tenants = sorted({one.tenant for one in failed})
            return [f"sfn-cqrs chain retry --failed --tenant {each}" for each in tenants]
        return [
            f"sfn-cqrs chain retry {one.type} {shlex.quote(one.code)} {one.version}"
            f" --tenant {shlex.quote(one.tenant)}"
            for one in failed
        ]


@dataclass(frozen=True)
class _Place:
    """The places where the open items of a kind and its failed ones are listed."""

    table: str
    shards: range
    status: str = "status"
    machine: str | None = None
    ref: type[ApprovalRef | SagaRef] | None = None
    failed: str = ""


_PLACES: Final = {
    "task": _Place("TasksTableName", range(TASKS.shards)),
    "import": _Place("ImportTmpTableName", range(IMPORTS.shards)),
    "archive": _Place(
        "ImportTmpTableName",
        range(ZIPS.first_shard, ZIPS.first_shard + ZIPS.shards),
    ),
    "approval": _Place(
        "ApprovalsTableName",
        range(APPROVALS.shards),
        "stage",
        "ApprovalStateMachineArn",
        ApprovalRef,
        "FAILED",
    ),
    "saga": _Place(
        "SagasTableName",
        range(SAGAS.shards),
        ref=SagaRef,
        failed="PARKED",
    ),
}


def troubles_of(target: Target) -> list[str]:
    """Return the troubles that the local stack reports; a stack on AWS has alarms."""
    if target.stack is not None:
        return []
    url = f"{target.endpoints['lambda']}{TROUBLES}"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as said:
        troubles: list[str] = json.load(said)
    return troubles


def diagnose(
    target: Target,
    patience: timedelta,
    *,
    late: timedelta = LATE,
    with_claims: bool = True,
    tenant: str | None = None,
) -> Diagnosis:
    """Examine a stack, or one tenant's work; what is open longer than `patience` counts as stuck.

    Versions are behind if one of them is open for longer than `late`; the oldest of its type is
    listed, even if it is not stuck yet. `with_claims` also examines the user pool, which a reader
    of the stack may lack the right to see.
    """
    now = datetime.now(UTC)
    still_open = [Finding.of(one, now) for one in _open_versions(target) if _is_of(one.key, tenant)]
    oldest = _oldest_by_type(still_open)
    behind = [age for age in oldest.values() if age >= late.total_seconds()]
    ages = [one.age for one in still_open if one.outcome != Outcome.BLOCKED]
    stuck = [
        one
        for one in still_open
        if one.outcome == Outcome.BLOCKED
        or one.age >= patience.total_seconds()
        or (one.age in behind and one.age == oldest[one.type])
    ]
    failed = [Finding.of(one, now) for one in _failed_versions(target) if _is_of(one.key, tenant)]
    return Diagnosis(
        open=len(ages),
        oldest_open=max(ages, default=0.0),
        findings=sorted([*failed, *stuck], key=lambda one: (one.type, one.code, one.version)),
        kinds={
            name: _examined(target, place, patience, now, tenant)
            for name, place in _PLACES.items()
            if place.table in target.outputs
        },
        dead_letters=dict(_dead_letters(target)),
        writable_tenants=list(writable_tenants(target)) if with_claims else [],
        oldest_unapplied=oldest,
        is_behind=bool(behind),
    )


def _is_of(key: ItemKey, tenant: str | None) -> bool:
    return tenant in (None, key.tenant)


def _oldest_by_type(still_open: list[Finding]) -> dict[str, float]:
    oldest: dict[str, float] = {}
    for one in still_open:
        if one.outcome != Outcome.BLOCKED:
            oldest[one.type] = max(oldest.get(one.type, 0.0), one.age)
    return dict(sorted(oldest.items(), key=lambda pair: -pair[1]))


def _examined(
    target: Target, place: _Place, patience: timedelta, now: datetime, tenant: str | None
) -> Kind:
    items = _open_items(target, target.outputs[place.table], place.shards, now)
    still_open = [_work(item, place, now) for item in items if tenant in (None, item["tenant"])]
    stuck = [one for one in still_open if one.age >= patience.total_seconds()]
    items = _failed_items(target, place)
    failed = [_work(item, place, now) for item in items if tenant in (None, item["tenant"])]
    return Kind(
        open=len(still_open),
        oldest=max((one.age for one in still_open), default=0.0),
        findings=sorted([*failed, *stuck], key=lambda one: (one.tenant, one.id)),
    )


def _work(item: Mapping[str, Any], place: _Place, now: datetime) -> Work:
    return Work(
        item["tenant"],
        item["id"],
        item[place.status],
        int(item.get("attempt", 1)),
        _age(item["opened_at"], now),
        item.get("error"),
    )


def _open_versions(target: Target) -> Iterator[Process]:
    """Yield the oldest versions of each shard of the index, read again."""
    table, shards = target.outputs["CommandsTableName"], range(process_table.BLOCKED_SHARDS.stop)
    for item in _open_items(target, table, shards, datetime.now(UTC)):
        process = as_process(item)
        if not process.outcome.is_settled:
            yield process


def _open_items(
    target: Target, table: str, shards: range, now: datetime, *, newest_first: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the oldest items that an index lists in each shard, or the newest, read again.

    An item that has left the index meanwhile is left out, and so is one that is not due yet.
    """
    dynamodb = target.client("dynamodb")
    for shard in shards:
        answer = dynamodb.query(
            TableName=table,
            IndexName="open",
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues={":shard": {"N": str(shard)}},
            ScanIndexForward=not newest_first,
            Limit=OLDEST_PER_SHARD,
        )
        for keys in answer["Items"]:
            item = _read(dynamodb, table, {name: keys[name] for name in ("pk", "sk")})
            if item is not None and "open_shard" in item and _age(item["opened_at"], now) >= 0:
                yield item


def _failed_versions(target: Target) -> Iterator[Process]:
    """Yield the latest failed versions of both lanes; EXPRESS runs are listed nowhere."""
    table, shards = target.outputs["CommandsTableName"], process_table.FAILED_SHARDS
    items = _open_items(target, table, shards, datetime.now(UTC), newest_first=True)
    latest = sorted(map(as_process, items), key=lambda one: one.opened_at, reverse=True)
    yield from (one for one in latest[:LATEST_FAILURES] if one.outcome is Outcome.FAILED)


def _failed_items(target: Target, place: _Place) -> Iterator[dict[str, Any]]:
    """Yield the items of the latest failed executions that nobody has repaired since."""
    if place.ref is None:
        return
    dynamodb, seen = target.client("dynamodb"), set[str]()
    client = target.client("stepfunctions")
    inputs = (
        latest_inputs(client, machine, LATEST_FAILURES, statusFilter="FAILED")
        for machine in _machines(target, place)
    )
    for given in chain.from_iterable(inputs):
        if place.machine is None and "saga" not in given:
            continue  # another workflow of the project's
        key = place.ref.from_input(given).key
        if key.id in seen:
            continue
        seen.add(key.id)
        at = {"pk": {"S": key.pk}, "sk": {"S": key.sk}}
        item = _read(dynamodb, target.outputs[place.table], at)
        if item is not None and item[place.status] == place.failed:
            yield item


def _machines(target: Target, place: _Place) -> list[str]:
    """Return the machines that work on a kind; sagas also have the project's own."""
    if place.machine is not None:
        return [target.outputs[place.machine]]
    known = machines_of(target.outputs)
    others = OF_THE_FRAMEWORK - {SagaRef.DECLARED}
    return [arn for name, arn in known.items() if name not in others]


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
