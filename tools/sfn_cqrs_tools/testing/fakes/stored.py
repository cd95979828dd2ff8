from collections.abc import Iterator
from functools import partialmethod
from itertools import count
from typing import Any, TypeVar

from sfn_cqrs.kernel.aws.attributes_bucket import AttributesBucket
from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.command import Command, DataRow
from sfn_cqrs.kernel.keys import ImportKey, ItemKey, TaskKey
from sfn_cqrs.kernel.read_models.rules import FIRST_GENERATION, ViewKey
from sfn_cqrs.kernel.records import Record, RecordKey
from sfn_cqrs.kernel.tables.dynamodb import marshal, unmarshal
from sfn_cqrs.kernel.tables.paging import Range, query
from sfn_cqrs.kernel.tables.records import Kind, Records
from sfn_cqrs.kernel.tables.request_table import RequestTable
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.command.items import (
    as_command,
    as_process,
    as_row,
    command_item,
    process_item,
    row_item,
)
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs.machines.command.process_table import open_shard
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.task.items import TASKS, as_item, new_item, pointer_item
from sfn_cqrs.machines.task.rules import Item, Task
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs_tools.testing.builders import a_task
from sfn_cqrs_tools.testing.dynamodb import Index

R = TypeVar("R", bound=Record)
StoredProcess = tuple[Process, bool, int | None]
_numbers = count(1)
_OPEN = {"open": Index(("open_shard", "N"), ("opened_at", "S"))}
_STATUS = {"status": Index(("tenant_status", "S"), ("sk", "S"))}
TABLES: dict[str, dict[str, Index]] = {
    "CommandsTable": _OPEN,
    "DataTable": {},
    "HistoryTable": {},
    "TasksTable": _OPEN,
    "ApprovalsTable": _OPEN | _STATUS,
    "SagasTable": _OPEN,
    "RequestsTable": {},
    "ReadModelsTable": {},
    "ImportTmpTable": _OPEN,
}
"""The framework's tables with their indexes, as its template has them."""
TABLE_OF = {
    "approval": "ApprovalsTable",
    "bucket": "RequestsTable",
    "budget": "ImportTmpTable",
    "erasure": "CommandsTable",
    "generations": "ReadModelsTable",
    "job": "ImportTmpTable",
    "plan": "CommandsTable",
    "problem": "ReadModelsTable",
    "queue": "ImportTmpTable",
    "saga": "SagasTable",
    "segment": "ReadModelsTable",
    "task": "TasksTable",
    "zip": "ImportTmpTable",
}
"""The table of each kind of record, by the `kind` attribute of its items."""


def stored_item(item: Item, ttl: int | None = None) -> dict[str, Any]:
    """Return an item of a task in DynamoDB's format."""
    new = new_item(a_task(item.key), item.index, item.input, item.updated_at)
    changed = {
        "status": str(item.status),
        "attempt": item.attempt,
        "seq": item.seq,
        "lease_until": item.lease_until,
        "result": item.result,
        "error": item.error,
        "cause": item.cause,
        "retries": item.retries,
        "retried_in": item.retried_in,
        "ttl": ttl,
    }
    return marshal(new | changed)


def is_listed(process: Process) -> bool:
    """Return whether the index of open versions lists it."""
    return not process.outcome.is_settled


class Stored:
    """Puts records in any state into the tables of a world, and reads them there."""

    dynamodb: Any
    requests: RequestTable
    attributes: AttributesBucket
    clock: Now

    # Records: the real ones.

    def records(self, kind: Kind[R], client: Any = None) -> Records[R]:
        return Records(
            client or self.dynamodb,
            TABLE_OF[kind.codec.kind],
            kind,
            requests=self.requests,
            now=self.clock,
        )

    def all_of(self, kind: Kind[R]) -> list[R]:
        """Return every record of a kind."""
        items = self._items(TABLE_OF[kind.codec.kind])
        return [kind.read(item) for item in items if item.get("kind") == {"S": kind.codec.kind}]

    # Versions and their items.

    def seed(self, *processes: Process) -> None:
        """Put processes unchanged, and list those that the index would list."""
        for process in processes:
            item = process_item(process, open_shard(process)) | {
                "open_shard": open_shard(process) if is_listed(process) else None,
                "task_token": process.token,
                "token_seq": process.token_seq,
                "run": process.run,
                "error": process.error,
                "cause": process.cause,
            }
            self.dynamodb.put_item(TableName="CommandsTable", Item=marshal(item))

    def seed_commands(self, *commands: Command) -> None:
        """Put versions, without processes and rows."""
        for command in commands:
            item = marshal(command_item(command))
            self.dynamodb.put_item(TableName="CommandsTable", Item=item)

    def seed_rows(self, *commands: Command) -> None:
        """Put data rows, each as a version makes it."""
        for command in commands:
            item = marshal(row_item(command.as_row()))
            self.dynamodb.put_item(TableName="DataTable", Item=item)

    def stored_commands(self) -> list[Command]:
        """Return every version, expired ones included."""
        items = (unmarshal(item) for item in self._items("CommandsTable"))
        return [as_command(*self._whole(item)) for item in items if item["kind"] == "command"]

    def stored_processes(self) -> list[Process]:
        """Return every process, expired ones included."""
        items = (unmarshal(item) for item in self._items("CommandsTable"))
        return [as_process(item) for item in items if item["kind"] == "process"]

    def stored_rows(self) -> list[DataRow]:
        """Return every data row, deleted ones included."""
        return [as_row(*self._whole(unmarshal(item))) for item in self._items("DataTable")]

    def stored(self, key: ItemKey) -> dict[int, StoredProcess]:
        """Return an item's processes by version, each with its listing in the index and its ttl."""
        items = self._under("CommandsTable", key.pk, key.versions_prefix)
        return {
            item["version"]: (as_process(item), "open_shard" in item, item.get("ttl"))
            for item in items
            if item["kind"] == "process"
        }

    def command_ttl(self, key: ItemKey, version: int) -> int | None:
        """Return when a version expires, in epoch seconds, or None for never."""
        (item,) = (
            item
            for item in self._under("CommandsTable", key.pk, key.version_sk(version))
            if item["kind"] == "command"
        )
        return item.get("ttl")

    def delete_command(self, key: ItemKey, version: int) -> None:
        """Delete a version, as DynamoDB does some time after it has expired."""
        where = marshal({"pk": key.pk, "sk": key.version_sk(version)})
        self.dynamodb.delete_item(TableName="CommandsTable", Key=where)

    def delete_history(self, key: ItemKey, version: int) -> None:
        """Delete an earlier row, as DynamoDB does some time after it has expired."""
        where = marshal({"pk": key.pk, "sk": key.version_sk(version)})
        self.dynamodb.delete_item(TableName="HistoryTable", Key=where)

    # Read models.

    def stored_view(
        self, key: ViewKey, generation: int = FIRST_GENERATION
    ) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the rows of a generation by partition and sort key."""
        prefix = key.rows_prefix(generation)
        items = (unmarshal(item) for item in self._items("ReadModelsTable"))
        return {
            (item.pop("pk").removeprefix(prefix), item.pop("sk")): item
            for item in items
            if item["pk"].startswith(prefix)
        }

    # Imports.

    def seed_counts(self, key: ImportKey, **counts: int) -> None:
        """Add to the counters of an import, without a marker of a batch."""
        item = marshal({"pk": key.parts_pk, "sk": "COUNT#99", "kind": "count", **counts})
        self.dynamodb.put_item(TableName="ImportTmpTable", Item=item)

    def delete_marker(self, key: ImportKey, first: int) -> None:
        """Delete the marker of a batch, as if its counter had died first."""
        where = marshal({"pk": key.parts_pk, "sk": f"BATCH#{first:09d}"})
        self.dynamodb.delete_item(TableName="ImportTmpTable", Key=where)

    # Tasks and their items.

    def seed_tasks(self, *tasks: Task) -> None:
        """Put tasks and the pointers to them, in any state."""
        self._seed(TASKS, *tasks)
        for task in tasks:
            item = marshal(pointer_item(task.key))
            self.dynamodb.put_item(TableName="TasksTable", Item=item)

    def seed_items(self, *items: Item) -> None:
        """Put items of tasks, in any state."""
        for item in items:
            self.dynamodb.put_item(TableName="TasksTable", Item=stored_item(item))

    def stored_items(self, key: TaskKey) -> list[Item]:
        """Return the items of a task with their inputs."""
        return [as_item(item) for item in self._under("TasksTable", key.items_pk, f"{key.sk}#")]

    def stored_item(self, key: TaskKey, index: int) -> Item | None:
        """Return one item of a task with its input."""
        return next((item for item in self.stored_items(key) if item.index == index), None)

    # Inside.

    def _seed(self, kind: Kind[R], *records: R) -> None:
        """Put records, in any state."""
        for record in records:
            item = kind.stored(record, f"seeded-{next(_numbers)}", self.clock())
            self.dynamodb.put_item(TableName=TABLE_OF[kind.codec.kind], Item=item)

    def _stored(self, kind: Kind[R], key: RecordKey) -> tuple[R | None, bool]:
        """Return a record, and whether the index lists it."""
        keys = marshal({"pk": key.pk, "sk": key.sk})
        item = self.dynamodb.get_item(
            TableName=TABLE_OF[kind.codec.kind], Key=keys, ConsistentRead=True
        )
        if "Item" not in item:
            return None, False
        return kind.read(item["Item"]), "open_shard" in item["Item"]

    def _items(self, table: str) -> list[dict[str, Any]]:
        """Return every item of a table in DynamoDB's format."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def _under(self, table: str, pk: str, prefix: str) -> Iterator[dict[str, Any]]:
        """Return the items of a partition whose sort keys have a prefix."""
        return query(self.dynamodb, table, Range([pk], prefix), 1_000)

    def _whole(self, item: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return an item with its attributes, wherever they are stored."""
        return item, self.attributes.whole(item)["attributes"]

    seed_approvals = partialmethod(_seed, APPROVALS)
    seed_jobs = partialmethod(_seed, IMPORTS)
    seed_sagas = partialmethod(_seed, SAGAS)
    seed_zips = partialmethod(_seed, ZIPS)
    stored_job = partialmethod(_stored, IMPORTS)
    stored_saga = partialmethod(_stored, SAGAS)
    stored_task = partialmethod(_stored, TASKS)
