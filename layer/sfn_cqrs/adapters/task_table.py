"""The tasks table: tasks are records, their items change by conditional writes."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from sfn_cqrs.adapters.attributes_bucket import AttributesBucket
from sfn_cqrs.adapters.conditional import changed, is_done
from sfn_cqrs.adapters.dynamodb import Item, alive, marshal
from sfn_cqrs.adapters.paging import Range, query
from sfn_cqrs.adapters.records import Records
from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.adapters.task_items import (
    POINTER_SK,
    TASKS,
    as_item,
    as_task_key,
    new_item,
    pointer_item,
    stored_item,
)
from sfn_cqrs.domain import task as tasks
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.keys import TaskKey, TaskKind, task_items_partition_key
from sfn_cqrs.domain.records import RecordKey, Write, Written
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs.domain.task import Ending, Task, TaskStatus
from sfn_cqrs.domain.task_programs import ItemWritten
from sfn_cqrs.domain.values import Json, size_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OUTLIVES = timedelta(days=7)
"""How much longer an item is kept than its task: longer than any attempt that reopens it."""
ITEMS_PER_TRANSACTION = 100
BYTES_PER_TRANSACTION = 3 * 1024 * 1024
PAGE_SIZE = 1_000
_AT_WORK = "attempt = :attempt AND seq = :seq AND #status = :processing"
_OPEN = "#status IN (:created, :queued, :processing)"
_STATUSES = {f":{status.lower()}": str(status) for status in TaskStatus}
_WITHOUT_INPUT = (
    "#id, tenant, #type, ulid, task_kind, #index, #status, attempt, seq, lease_until,"
    " #result, #error, cause, updated_at"
)
_SPELT = {
    f"#{name}": name
    for name in (
        "error",
        "id",
        "index",
        "input",
        "result",
        "status",
        "ttl",
        "type",
    )
}


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
        for group in _groups(items):
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
            **{**kept, "names": {**kept["names"], **_names(_WITHOUT_INPUT)}},
            ProjectionExpression=_WITHOUT_INPUT,
        )
        return [as_item(item) for item in found]

    def claim(
        self,
        key: TaskKey,
        index: int,
        attempt: int,
        seq: int,
        lease_until: int,
        *,
        is_delivered_once: bool = True,
    ) -> ItemWritten:
        """Take an item to work on it; all except the machine's next try wait for the lease."""
        is_next = "seq < :seq" if is_delivered_once else "lease_until <= :instant"
        return self._write_item(
            key,
            index,
            "SET #status = :processing, attempt = :attempt, seq = :seq, lease_until = :lease,"
            " updated_at = :now REMOVE #error, cause, #ttl",
            f"(attempt = :attempt AND #status = :processing AND {is_next}) OR"
            " (attempt < :attempt AND #status <> :completed AND lease_until <= :instant)",
            {
                ":attempt": attempt,
                ":seq": seq,
                ":lease": lease_until,
                ":instant": self._now().timestamp(),
            },
        )

    def count_retry(self, item: tasks.Item) -> ItemWritten:
        """Store how often the handler of the current try of an item has asked for another try."""
        return self._write_item(
            item.key,
            item.index,
            "SET retries = :retries, retried_in = :attempt, updated_at = :now",
            _AT_WORK,
            {":retries": item.retries, ":attempt": item.attempt, ":seq": item.seq},
        )

    def close_item(
        self, key: TaskKey, index: int, attempt: int, seq: int, ending: Ending
    ) -> ItemWritten:
        """Write how the current try of an item ended, and end its lease."""
        return self._end_item(
            key,
            index,
            ending,
            "lease_until = :none",
            _AT_WORK,
            {":attempt": attempt, ":seq": seq, ":none": 0},
        )

    def settle_item(self, key: TaskKey, index: int, attempt: int, ending: Ending) -> ItemWritten:
        """End an item that has not ended; its lease stays."""
        condition = f"attempt <= :attempt AND {_OPEN}"
        values = {":attempt": attempt}
        return self._end_item(key, index, ending, "attempt = :attempt", condition, values)

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

    def _end_item(
        self,
        key: TaskKey,
        index: int,
        ending: Ending,
        also: str,
        condition: str,
        values: dict[str, Any],
    ) -> ItemWritten:
        fields = {"#result": ending.result, "#error": ending.error, "cause": ending.cause}
        expiry = self._retention.expiry(key.type, self._now() + OUTLIVES)
        values = {**values, ":ending": str(ending.status), ":ttl": expiry}
        sets, removes = f"#status = :ending, updated_at = :now, {also}{_expiring(expiry)}", []
        for name, value in fields.items():
            if value is None:
                removes.append(name)
            else:
                sets += f", {name} = :{name.lstrip('#')}"
                values[f":{name.lstrip('#')}"] = value
        removed = f" REMOVE {', '.join(removes)}" if removes else ""
        return self._write_item(key, index, f"SET {sets}{removed}", condition, values)

    def _write_item(
        self, key: TaskKey, index: int, update: str, condition: str, values: dict[str, Any]
    ) -> ItemWritten:
        done, item = self._write(key.items_pk, key.item_sk(index), update, condition, values)
        return ItemWritten(done, as_item(item) if item else None)

    def _write(
        self, pk: str, sk: str, update: str, condition: str, values: dict[str, Any]
    ) -> tuple[bool, Item | None]:
        text = f"{update} {condition}"
        given = {**_STATUSES, **values, ":now": iso(self._now())}
        words = set(text.replace(",", " ").replace("(", " ").replace(")", " ").split())
        return changed(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": pk, "sk": sk}),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames=_names(text),
            ExpressionAttributeValues=marshal(
                {name: value for name, value in given.items() if name in words}
            ),
        )


def _expiring(expiry: int | None) -> str:
    return "" if expiry is None else ", #ttl = :ttl"


def _names(text: str) -> dict[str, str]:
    return {spelt: name for spelt, name in _SPELT.items() if spelt in text}


def _groups(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield groups of items, each as large as a transaction allows."""
    group: list[Item] = []
    size = 0
    for item in items:
        size += size_of(item)
        if len(group) == ITEMS_PER_TRANSACTION or (group and size > BYTES_PER_TRANSACTION):
            yield group
            group, size = [], size_of(item)
        group.append(item)
    yield from chain([group] if group else [])
