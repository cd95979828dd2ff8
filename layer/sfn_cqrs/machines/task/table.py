"""The tasks table: tasks are records, their items change by conditional writes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sfn_cqrs.kernel.aws.attributes_bucket import AttributesBucket
from sfn_cqrs.kernel.aws.groups import groups
from sfn_cqrs.kernel.clock import Now, Retention, iso
from sfn_cqrs.kernel.keys import TaskKey, TaskKind, task_items_partition_key
from sfn_cqrs.kernel.records import RecordKey, Write, Written
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.tables.conditional import is_done, try_update, update
from sfn_cqrs.kernel.tables.dynamodb import Item, alive, marshal
from sfn_cqrs.kernel.tables.paging import Range, query
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.kernel.tables.request_table import RequestTable
from sfn_cqrs.kernel.values import Json, size_of
from sfn_cqrs.machines.task import rules as tasks
from sfn_cqrs.machines.task.items import (
    POINTER_SK,
    TASKS,
    as_item,
    as_task_key,
    new_item,
    pointer_item,
    stored_item,
)
from sfn_cqrs.machines.task.programs import ItemWrite
from sfn_cqrs.machines.task.rules import Task, TaskStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OUTLIVES = timedelta(days=7)
"""How much longer an item is kept than its task: longer than any attempt that reopens it."""
ITEMS_PER_TRANSACTION = 100
BYTES_PER_TRANSACTION = 3 * 1024 * 1024
PAGE_SIZE = 1_000
_WITHOUT_INPUT = (
    "#id, tenant, #type, ulid, task_kind, #index, #status, attempt, seq, lease_until,"
    " #result, #error, cause, updated_at"
)
_SPELT = {f"#{name}": name for name in ("id", "type", "index", "status", "result", "error")}


class TaskTable(Records[Task]):
    """The tasks and their items."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        requests: RequestTable,
        attributes: AttributesBucket,
        now: Now,
        retention: Retention,
    ) -> None:
        """Use the tasks table and the requests table."""
        kind = replace(TASKS, ttl=self._expiry)
        super().__init__(client, table, kind, requests=requests, now=now)
        self._attributes = attributes
        self._retention = retention

    def create(self, record: Task, request: Request | None = None, *also: Item) -> bool:
        """Store a new task and its pointer; return False if the task or its request exists."""
        return super().create(record, request, pointer_item(record.key), *also)

    def change(self, key: RecordKey, write: Write[Task], seen: Task | None = None) -> Written[Task]:
        """Change a task; if nobody can reopen it, its pointer expires with it."""
        written = super().change(key, write, seen)
        if written.done and written.record is not None:
            expiry = self._expiry(written.record, self._now())
            if expiry is not None and not written.record.status.is_repairable:
                self._expire_pointer(written.record.key, expiry)
        return written

    def locate(self, tenant: str, kind: TaskKind, ulid: str) -> TaskKey | None:
        """Return the key of the task with a public id, or None if there is none."""
        where = task_items_partition_key(tenant, kind, ulid)
        item = alive(self._get(where, POINTER_SK), self._now())
        return as_task_key(item) if item else None

    def put_items(self, task: Task) -> None:
        """Store the items that are not stored yet, all of them from the task's input."""
        now = iso(self._now())
        values = self._input_of(task)
        self._put_all(new_item(task, index, value, now) for index, value in enumerate(values))

    def take_over(self, task: Task, items: Iterable[tasks.Item]) -> bool:
        """Store a task that ended elsewhere, with its items; return False if it is stored."""
        now = self._now()
        expiry = self._retention.expiry(task.key.type, now + OUTLIVES)
        ends = {} if expiry is None else {"ttl": expiry}
        self._put_all(stored_item(item) | ends for item in items)
        is_new = self.create(task)
        if ends and not task.status.is_repairable:
            self._expire_pointer(task.key, self._retention.expiry(task.key.type, now) or 0)
        return is_new

    def _put_all(self, items: Iterable[Item]) -> None:
        most = ITEMS_PER_TRANSACTION, BYTES_PER_TRANSACTION
        for group in groups(items, lambda item: (1, size_of(item)), most):
            self._put_group(group)

    def items(self, key: TaskKey) -> list[tasks.Item]:
        """Return all items of a task by their index, without their inputs."""
        wanted = Range([key.items_pk], f"{key.sk}#")
        kept = self._kept()
        found = query(
            self._client,
            self._table,
            wanted,
            PAGE_SIZE,
            **{**kept, "names": {**kept["names"], **_SPELT}},
            ProjectionExpression=_WITHOUT_INPUT,
        )
        return [as_item(item) for item in found]

    def write_item(self, key: TaskKey, write: ItemWrite) -> Written[tasks.Item]:
        """Make a write on an item if its condition holds.

        An item that has ended expires; one that is claimed again does not.
        """
        now = self._now()
        sets = write.sets()
        sets |= self._expiring(key, sets.get("status"), now) | {"updated_at": iso(now)}
        done, item = try_update(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": key.items_pk, "sk": key.item_sk(write.index)}),
            **update(sets, write.when(now.timestamp()), {}),
        )
        return Written(done, as_item(item) if item else None)

    def _input_of(self, task: Task) -> tuple[Json, ...]:
        if task.input_s3 is None:
            return task.input or ()
        items = self._attributes.load(task.input_s3)["input"]
        return tuple(items) if isinstance(items, list) else ()

    def _expiry(self, task: Task, now: datetime) -> int | None:
        """Return when a task expires: only a closed task does, and reopening it ends that."""
        return self._retention.expiry(task.key.type, now) if task.status.is_closed else None

    def _expire_pointer(self, key: TaskKey, expiry: int) -> None:
        """Give the pointer its task's expiry; only for a task that nobody can reopen."""
        is_done(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": key.items_pk, "sk": POINTER_SK}),
            UpdateExpression="SET #ttl = :ttl",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#ttl": "ttl"},
            ExpressionAttributeValues=marshal({":ttl": expiry}),
        )

    def _expiring(
        self, key: TaskKey, status: TaskStatus | None, now: datetime
    ) -> dict[str, int | None]:
        if status is None:
            return {}
        if not status.is_closed:
            return {"ttl": None}
        expiry = self._retention.expiry(key.type, now + OUTLIVES)
        return {} if expiry is None else {"ttl": expiry}
