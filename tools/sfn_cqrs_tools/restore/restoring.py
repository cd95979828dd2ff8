"""Restoring the tables of a stack to one moment, with all that DynamoDB leaves out of a restore.

A restore makes new tables. What they lack is read from the tables that they are restored from:
streams, expiry, protection; and backups of their own are switched on. Every step may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sfn_cqrs.adapters.command_items import as_key
from sfn_cqrs.adapters.dynamodb import unmarshal
from sfn_cqrs.adapters.error_codes import suppressing
from sfn_cqrs.domain.process import Outcome

TABLES: Final = {
    "CommandsTableName": "commands",
    "DataTableName": "data",
    "HistoryTableName": "history",
    "TasksTableName": "tasks",
    "SagasTableName": "sagas",
    "ApprovalsTableName": "approvals",
    "RequestsTableName": "requests",
    "ReadModelsTableName": "read-models",
    "ImportTmpTableName": "import",
}
"""Which output names a table, and how the name of the restored one ends."""
STREAMS: Final = ("commands", "tasks", "sagas", "approvals", "import")
"""The tables with a stream, as the parameter RestoredStreams has them."""
POLL_SECONDS: Final = 5.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """The restored tables, as the template's parameters name them."""

    prefix: str
    labels: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the stack that is to use them."""
        return {"RestoredTables": self.prefix, "RestoredStreams": ",".join(self.labels)}


def restore(
    dynamodb: Any,
    outputs: Mapping[str, str],
    prefix: str,
    moment: datetime | None,
    say: Say = lambda _: None,
    poll_seconds: float = POLL_SECONDS,
) -> Restored:
    """Restore every table to the same moment, None: the latest; and complete the new ones."""
    for output, name in TABLES.items():
        _restore(dynamodb, outputs[output], f"{prefix}-{name}", moment, say)
    for output, name in TABLES.items():
        target = f"{prefix}-{name}"
        _wait(dynamodb, target, poll_seconds)
        _complete(dynamodb, outputs[output], target)
        say(f"{target} is ready")
    labels = [
        dynamodb.describe_table(TableName=f"{prefix}-{name}")["Table"]["LatestStreamLabel"]
        for name in STREAMS
    ]
    return Restored(prefix, tuple(labels))


def _restore(dynamodb: Any, source: str, target: str, moment: datetime | None, say: Say) -> None:
    when: dict[str, Any] = (
        {"UseLatestRestorableTime": True} if moment is None else {"RestoreDateTime": moment}
    )
    with suppressing("TableAlreadyExistsException"):
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=source, TargetTableName=target, **when
        )
        say(f"{source} → {target}")
        return
    say(f"{target} exists already")


def _wait(dynamodb: Any, table: str, poll_seconds: float) -> None:
    while dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(poll_seconds)


def _complete(dynamodb: Any, source: str, target: str) -> None:
    before = dynamodb.describe_table(TableName=source)["Table"]
    after = dynamodb.describe_table(TableName=target)["Table"]
    stream = before.get("StreamSpecification")
    if stream and not after.get("StreamSpecification", {}).get("StreamEnabled"):
        dynamodb.update_table(TableName=target, StreamSpecification=stream)
    expiry = dynamodb.describe_time_to_live(TableName=source)["TimeToLiveDescription"]
    has_expiry = dynamodb.describe_time_to_live(TableName=target)["TimeToLiveDescription"]
    if "AttributeName" in expiry and "AttributeName" not in has_expiry:
        wanted = {"AttributeName": expiry["AttributeName"], "Enabled": True}
        dynamodb.update_time_to_live(TableName=target, TimeToLiveSpecification=wanted)
    dynamodb.update_continuous_backups(
        TableName=target,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    if before.get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=target, DeletionProtectionEnabled=True)


def differences(dynamodb: Any, commands: str, data: str) -> list[str]:
    """What does not add up between two tables: each row is the newest version that is applied.

    Reads both whole. Tables are restored one by one, so a transaction of that very second may be
    in one of them alone; and what was under way is no difference.
    """
    stored: dict[Any, int] = {}
    applied: dict[Any, int] = {}
    for item in _scan(dynamodb, commands):
        if item["kind"] not in ("command", "process"):
            continue
        key, version = as_key(item), item["version"]
        if item["kind"] == "command":
            stored[key] = max(stored.get(key, 0), version)
        elif item["outcome"] == Outcome.APPLIED:
            applied[key] = max(applied.get(key, 0), version)
    rows = {as_key(item): item["version"] for item in _scan(dynamodb, data)}
    return [
        *_beyond(rows, stored, "the row is at version {0}, and {1} is the last that is stored"),
        *_beyond(applied, rows, "version {0} is applied, and the row is at {1}"),
    ]


def _beyond(of: Mapping[Any, int], at_most: Mapping[Any, int], text: str) -> Iterator[str]:
    for key, version in sorted(of.items(), key=lambda one: str(one[0])):
        if version > at_most.get(key, 0):
            yield f"{key.tenant} {key.type} {key.code}: {text.format(version, at_most.get(key, 0))}"


def _scan(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from map(unmarshal, page["Items"])
