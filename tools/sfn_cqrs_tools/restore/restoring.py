"""Restores the tables of a stack to one moment, with the settings that DynamoDB leaves out.

A restore makes new tables. They lack streams, expiry, tags, protection and backups; these are
copied from the tables that they are restored from. Every step may be repeated, and a run that was
killed goes on where it stopped: DynamoDB remembers of which moment a table is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.error_codes import error_code, suppressing
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command.items import as_key
from sfn_cqrs.machines.command.process import Outcome

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
"""The output that names each table, and the suffix of the restored table's name."""
STREAMS: Final = ("commands", "tasks", "sagas", "approvals", "import")
"""The tables with a stream, as the parameter RestoredStreams has them."""
POLL_SECONDS: Final = 5.0
LONGEST_PAUSE: Final = 12
"""A pause lasts at most so many times POLL_SECONDS."""
MOST_TRIES: Final = 100
"""After so many refusals, an hour and a half, somebody has to look."""
NOT_YET: Final = (
    "ContinuousBackupsUnavailableException",
    "LimitExceededException",
    "ResourceInUseException",
    "TableInUseException",
    "ThrottlingException",
)
"""DynamoDB is still at work on the table, or on too many."""
A_SECOND: Final = timedelta(seconds=1)
Say = Callable[[str], None]


class RestoreError(Exception):
    """The tables cannot be restored as asked; the message says what to do."""


@dataclass(frozen=True)
class Restored:
    """The restored tables, as the template's parameters name them."""

    prefix: str
    moment: datetime
    labels: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, str]:
        """Return the parameters of the stack that is to use them."""
        return {"RestoredTables": self.prefix, "RestoredStreams": ",".join(self.labels)}


def restore(
    dynamodb: Any,
    outputs: Mapping[str, str],
    prefix: str,
    moment: datetime | None,
    say: Say = lambda _: None,
    poll_seconds: float = POLL_SECONDS,
) -> Restored:
    """Restore every table to the same moment and complete the new ones.

    Without a moment it is the latest that all tables can be restored to. A run that was
    interrupted has chosen one; the next run keeps it.

    Raises:
        RestoreError: a table has no backup of that moment, or another one has its name.
    """
    sources = {f"{prefix}-{name}": outputs[output] for output, name in TABLES.items()}
    tables = _Tables(dynamodb, say, poll_seconds)
    in_use = {target: source for target, source in sources.items() if target == source}
    begun = _begun(tables, {} if in_use else sources)
    used = next((tables.moment(target, target) for target in in_use), None)
    chosen = used or _chosen(tables, sources, moment, begun)
    for target, source in sources.items():
        if target not in begun and target not in in_use:
            tables.restore(source, target, chosen)
    for target, source in sources.items():
        tables.complete(source, target, chosen)
        say(f"{target} is ready")
    labels = (tables.describe(f"{prefix}-{name}")["LatestStreamLabel"] for name in STREAMS)
    return Restored(prefix, chosen, tuple(labels))


def _begun(tables: _Tables, sources: Mapping[str, str]) -> dict[str, datetime]:
    """Return the moments of the tables that an earlier run has begun to restore.

    Raises:
        RestoreError: a table with that name exists, but was not restored from its source.
    """
    there = {target: source for target, source in sources.items() if tables.exists(target)}
    return {target: tables.moment(source, target) for target, source in there.items()}


def _chosen(
    tables: _Tables,
    sources: Mapping[str, str],
    moment: datetime | None,
    begun: Mapping[str, datetime],
) -> datetime:
    """Return the moment of all tables: that of the run before, else as asked, else the latest.

    Raises:
        RestoreError: it is not within the backups of every table, or the run before had another.
    """
    if begun:
        found = moment or min(begun.values())
        for target, at in begun.items():
            _check_moment(target, at, found)
        return found
    spans = {source: tables.span(source) for source in sources.values()}
    latest = min(until for _, until in spans.values())
    chosen = moment or latest
    for source, (since, until) in spans.items():
        if not since <= chosen <= until:
            raise RestoreError(f"{source} can be restored from {_iso(since)} to {_iso(until)} only")
    return chosen


def _check_moment(table: str, found: datetime, wanted: datetime) -> None:
    """Let no two tables be of different moments; DynamoDB may leave out milliseconds.

    Raises:
        RestoreError: the table is of another moment.
    """
    if abs(found - wanted) >= A_SECOND:
        raise RestoreError(
            f"{table} is of {_iso(found)}, not of {_iso(wanted)}: give `--to {_iso(found)}`, or"
            " another prefix"
        )


def _iso(moment: datetime) -> str:
    """Return a moment as `--to` takes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class _Tables:
    """DynamoDB's tables; waits and tries again where DynamoDB is still at work."""

    def __init__(self, dynamodb: Any, say: Say, poll_seconds: float) -> None:
        self._dynamodb = dynamodb
        self._say = say
        self._poll_seconds = poll_seconds

    def exists(self, table: str) -> bool:
        """Return whether there is such a table."""
        with suppressing("ResourceNotFoundException"):
            self.describe(table)
            return True
        return False

    def moment(self, source: str, target: str) -> datetime:
        """Return the moment to which a table was restored.

        Raises:
            RestoreError: it was not restored from this source.
        """
        summary = self.describe(target).get("RestoreSummary", {})
        restored_from = summary.get("SourceTableArn", "").rpartition("/")[2]
        if restored_from != source and (source != target or not restored_from):
            raise RestoreError(f"{target} was not restored from {source}: give another prefix")
        moment: datetime = summary["RestoreDateTime"]
        return moment

    def describe(self, table: str) -> dict[str, Any]:
        """Describe a table."""
        described: dict[str, Any] = self._dynamodb.describe_table(TableName=table)["Table"]
        return described

    def span(self, table: str) -> tuple[datetime, datetime]:
        """Return from when to when a table can be restored.

        Raises:
            RestoreError: it has no backups.
        """
        backups = self._backups(table)
        if backups["PointInTimeRecoveryStatus"] != "ENABLED":
            raise RestoreError(f"{table} has no point-in-time recovery, so nothing to restore from")
        return backups["EarliestRestorableDateTime"], backups["LatestRestorableDateTime"]

    def restore(self, source: str, target: str, moment: datetime) -> None:
        """Begin to restore a table, unless somebody has."""
        with suppressing("TableAlreadyExistsException"):
            self._when_free(
                target,
                self._dynamodb.restore_table_to_point_in_time,
                SourceTableName=source,
                TargetTableName=target,
                RestoreDateTime=moment,
            )
        self._say(f"{source} → {target}, as of {_iso(moment)}")

    def complete(self, source: str, target: str, moment: datetime) -> None:
        """Give a restored table the settings that the restore left out; wait after each change.

        Raises:
            RestoreError: it is of another moment.
        """
        before, after = self.describe(source), self._active(target)
        _check_moment(target, self.moment(source, target), moment)
        stream = before.get("StreamSpecification")
        if stream and not after.get("StreamSpecification", {}).get("StreamEnabled"):
            self._update(target, StreamSpecification=stream)
        self._expire(source, target)
        self._tag(before["TableArn"], after["TableArn"])
        if self._backups(target)["PointInTimeRecoveryStatus"] != "ENABLED":
            change = self._dynamodb.update_continuous_backups
            wanted = {"PointInTimeRecoveryEnabled": True}
            self._when_free(
                target, change, TableName=target, PointInTimeRecoverySpecification=wanted
            )
        if before.get("DeletionProtectionEnabled") and not after.get("DeletionProtectionEnabled"):
            self._update(target, DeletionProtectionEnabled=True)

    def _update(self, table: str, **change: Any) -> None:
        self._when_free(table, self._dynamodb.update_table, TableName=table, **change)
        self._active(table)

    def _expire(self, source: str, target: str) -> None:
        describe = self._dynamodb.describe_time_to_live
        wanted = describe(TableName=source)["TimeToLiveDescription"]
        found = describe(TableName=target)["TimeToLiveDescription"]
        if "AttributeName" in wanted and "AttributeName" not in found:
            specification = {"AttributeName": wanted["AttributeName"], "Enabled": True}
            change = self._dynamodb.update_time_to_live
            self._when_free(target, change, TableName=target, TimeToLiveSpecification=specification)

    def _tag(self, source: str, target: str) -> None:
        """Copy the tags that are not AWS's own."""
        tags = self._dynamodb.list_tags_of_resource(ResourceArn=source)["Tags"]
        ours = [tag for tag in tags if not tag["Key"].startswith("aws:")]
        if ours:
            name, change = target.rpartition("/")[2], self._dynamodb.tag_resource
            self._when_free(name, change, ResourceArn=target, Tags=ours)

    def _backups(self, table: str) -> dict[str, Any]:
        answer = self._dynamodb.describe_continuous_backups(TableName=table)
        found: dict[str, Any] = answer["ContinuousBackupsDescription"]
        backups: dict[str, Any] = found.get("PointInTimeRecoveryDescription", {})
        return {"PointInTimeRecoveryStatus": "DISABLED", **backups}

    def _active(self, table: str) -> dict[str, Any]:
        """Wait until a table is ACTIVE; return its description."""
        told = ""
        while (found := self.describe(table))["TableStatus"] != "ACTIVE":
            if found["TableStatus"] != told:
                told = found["TableStatus"]
                self._say(f"{table} is {told}: waiting")
            time.sleep(self._poll_seconds)
        return found

    def _when_free(self, table: str, call: Callable[..., object], **given: Any) -> None:
        """Call, and call again after a longer pause each time that DynamoDB is not ready.

        Raises:
            RestoreError: it was not ready however long this waited.
        """
        for tries in range(MOST_TRIES):
            try:
                call(**given)
            except ClientError as error:
                if error_code(error) not in NOT_YET:
                    raise
                pause = self._poll_seconds * min(2**tries, LONGEST_PAUSE)
                self._say(f"{table}: {error_code(error)}; again in {pause:g} s")
                time.sleep(pause)
            else:
                return
        raise RestoreError(f"{table} is still busy; run this again later, it goes on from here")


def protection(dynamodb: Any, prefix: str) -> dict[str, bool]:
    """Return for each restored table whether it is protected from deletion."""
    tables = [f"{prefix}-{name}" for name in TABLES.values()]
    described = {one: dynamodb.describe_table(TableName=one)["Table"] for one in tables}
    return {name: one.get("DeletionProtectionEnabled", False) for name, one in described.items()}


def differences(dynamodb: Any, commands: str, data: str) -> list[str]:
    """Return the differences between two tables: each row must be the newest applied version.

    Both are read whole. Tables are restored one by one, so a transaction of that very second
    may be in only one of them. Work in progress does not count as a difference.
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
