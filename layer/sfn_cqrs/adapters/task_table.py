"""The tasks table: every change is one conditional write, every read is consistent."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.attributes_bucket import AttributesBucket
from sfn_cqrs.adapters.dynamodb import (
    Item,
    cancellation_codes,
    is_refused,
    marshal,
    refused_item,
    unmarshal,
)
from sfn_cqrs.adapters.open_index import Cursor, OpenIndex, shard_of
from sfn_cqrs.adapters.paging import Page, Range, query, query_page
from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.adapters.task_items import (
    POINTER_SK,
    as_item,
    as_task,
    as_task_key,
    new_item,
    pointer_item,
    task_item,
)
from sfn_cqrs.adapters.transient import is_busy
from sfn_cqrs.domain import task as tasks
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.keys import (
    TaskKey,
    TaskKind,
    task_items_partition_key,
    tasks_partition_key,
    type_prefix,
)
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs.domain.task import Counts, Ending, Stop, Task, TaskStatus, size_of
from sfn_cqrs.domain.task_programs import ItemWritten, TaskWritten
from sfn_cqrs.domain.values import Json

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_SHARDS = 4
OUTLIVES = timedelta(days=7)
"""How much longer than its task an item is kept: longer than any attempt that reopens it."""
ITEMS_PER_TRANSACTION = 100
BYTES_PER_TRANSACTION = 3 * 1024 * 1024
PAGE_SIZE = 1_000
_NEVER_STORED = "attribute_not_exists(pk)"
_AT_WORK = "attempt = :attempt AND seq = :seq AND #status = :processing"
_WAITING = "attempt = :attempt AND #status IN (:created, :queued)"
_OPEN = "#status IN (:created, :queued, :processing)"
_REPAIRABLE = "attempt = :attempt AND #status IN (:failed, :cancelled)"
_STATUSES = {f":{status.lower()}": str(status) for status in TaskStatus}
_WITHOUT_INPUT = (
    "#id, tenant, #type, ulid, task_kind, #index, #status, attempt, seq, lease_until,"
    " #result, #error, cause, updated_at"
)
_SPELT = {
    f"#{name}": name
    for name in (
        "completed",
        "error",
        "failed",
        "id",
        "index",
        "input",
        "left",
        "result",
        "status",
        "stop",
        "ttl",
        "type",
    )
}


def open_shard(key: TaskKey) -> int:
    """The partition of the index of open tasks that this one is listed in."""
    return shard_of(key.pk, key.sk, OPEN_SHARDS)


class TaskTable:
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
        """Speak to the tasks table, and to the one of requests."""
        self._client = client
        self._table = table
        self._requests = requests
        self._attributes = attributes
        self._now = now
        self._retention = retention
        self._open = OpenIndex(client, table, "tasks")

    def create(self, task: Task, request: Request | None = None) -> Refusal | None:
        """Store a task with the pointer to it; answers why it was refused, if it was."""
        items = task_item(task, open_shard(task.key)), pointer_item(task.key)
        parts: list[Any] = [self._put(item) for item in items]
        if request is not None:
            parts.append({"Put": self._requests.put_operation(request)})
        try:
            self._client.transact_write_items(TransactItems=parts)
        except ClientError as error:
            codes = cancellation_codes(error)
            if "ConditionalCheckFailed" in codes:
                return Refusal.REQUEST_SEEN
            if is_busy(error):
                return Refusal.BUSY
            raise
        return None

    def find(self, key: TaskKey) -> Task | None:
        """One task; None if there is none, or it has expired."""
        item = self._get(key.pk, key.sk)
        return None if item is None else as_task(item)

    def locate(self, tenant: str, kind: TaskKind, ulid: str) -> TaskKey | None:
        """The key of the task with a public id; None if there is none."""
        item = self._get(task_items_partition_key(tenant, kind, ulid), POINTER_SK)
        return None if item is None else as_task_key(item)

    def page(
        self, tenant: str, kind: TaskKind, type_: str, limit: int, cursor: str | None
    ) -> Page[Task]:
        """A page of the tasks of a type, the newest first.

        Raises:
            InvalidInputError: the limit or the cursor is none of this list's.
        """
        pk = tasks_partition_key(tenant, kind)
        wanted = Range(pk, type_prefix(type_), limit, cursor, is_descending=True)
        page = query_page(self._client, self._table, wanted, **self._kept())
        return Page([as_task(item) for item in page.items], page.next_cursor)

    def queue(self, key: TaskKey, attempt: int) -> TaskWritten:
        """Note that the task's message is about to be sent, until somebody has begun."""
        update = "SET #status = :queued, updated_at = :now"
        return self._write_task(key, update, _WAITING, {":attempt": attempt})

    def begin(self, key: TaskKey, attempt: int) -> TaskWritten:
        """Note that every item is stored; the task's own copy of the input goes."""
        update = "SET #status = :processing, updated_at = :now REMOVE #input, input_s3"
        return self._write_task(key, update, _WAITING, {":attempt": attempt})

    def stop(self, key: TaskKey, stop: Stop) -> TaskWritten:
        """Note that no further item is begun; the first reason stays."""
        update = "SET #stop = :stop, updated_at = :now"
        condition = f"{_OPEN} AND attribute_not_exists(#stop)"
        return self._write_task(key, update, condition, {":stop": str(stop)})

    def close(self, key: TaskKey, attempt: int, status: TaskStatus, counts: Counts) -> TaskWritten:
        """Write how an attempt ended, and leave the index of open tasks; it may expire now."""
        expiry = self._retention.expiry(key.type, self._now())
        written = self._write_task(
            key,
            "SET #status = :status, #completed = :c, #failed = :f, cancelled = :x,"
            f" updated_at = :now{_expiring(expiry)} REMOVE open_shard",
            f"attempt = :attempt AND {_OPEN}",
            {
                ":attempt": attempt,
                ":status": str(status),
                ":c": counts.completed,
                ":f": counts.failed,
                ":x": counts.cancelled,
                ":ttl": expiry,
            },
        )
        if written.done and expiry is not None and not status.is_repairable:
            self._expire_pointer(key, expiry)
        return written

    def go_on(self, key: TaskKey, attempt: int, pending: tuple[int, ...]) -> TaskWritten:
        """Open the next attempt with what an attempt that has ended left."""
        condition = "attempt = :attempt AND #status = :processing"
        return self._restart(key, attempt, pending, condition)

    def retry(self, key: TaskKey, attempt: int, pending: tuple[int, ...]) -> TaskWritten:
        """Open the next attempt with what did not go well."""
        return self._restart(key, attempt, pending, _REPAIRABLE)

    def put_items(self, task: Task) -> None:
        """Store the items that are not stored yet, all of them from the task's input.

        They are put in the same groups whoever puts them: if one is there, its group is.
        """
        now = iso(self._now())
        for group in _groups(self._input_of(task)):
            puts = [self._put(new_item(task, index, value, now)) for index, value in group]
            try:
                self._client.transact_write_items(TransactItems=puts)
            except ClientError as error:
                if "ConditionalCheckFailed" not in cancellation_codes(error):
                    raise

    def items(self, key: TaskKey) -> list[tasks.Item]:
        """All items of a task by their index, without their inputs."""
        wanted = Range(key.items_pk, f"{key.sk}#")
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
        """Take an item to work on it; all but the machine's next try wait for the lease."""
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
        """Keep how often the handler of the try that works on an item has asked for another."""
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
        """Write how the try that works on an item ended; its lease ends, too."""
        return self._end_item(
            key,
            index,
            ending,
            "lease_until = :none",
            _AT_WORK,
            {":attempt": attempt, ":seq": seq, ":none": 0},
        )

    def settle_item(self, key: TaskKey, index: int, attempt: int, ending: Ending) -> ItemWritten:
        """End an item that nobody has ended; its lease stays."""
        condition = f"attempt <= :attempt AND {_OPEN}"
        values = {":attempt": attempt}
        return self._end_item(key, index, ending, "attempt = :attempt", condition, values)

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Task], Cursor | None]:
        """The oldest tasks in one shard of the index, opened before a moment; from a cursor on."""
        items, more = self._open.opened(shard, cursor, before, limit)
        return [as_task(item) for item in items], more

    def cursors(self) -> dict[str, Cursor]:
        """Where the next sweep goes on in each shard, by the shard's number."""
        return self._open.cursors()

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        """Remember how far this sweep came."""
        self._open.keep_cursors(cursors)

    def _input_of(self, task: Task) -> tuple[Json, ...]:
        if task.input_s3 is None:
            return task.input or ()
        items = self._attributes.load(task.input_s3)["input"]
        return tuple(items) if isinstance(items, list) else ()

    def _put(self, item: Item) -> Any:
        return {
            "Put": {
                "TableName": self._table,
                "Item": marshal(item),
                "ConditionExpression": _NEVER_STORED,
            }
        }

    def _get(self, pk: str, sk: str) -> Item | None:
        item = self._client.get_item(
            TableName=self._table, Key=marshal({"pk": pk, "sk": sk}), ConsistentRead=True
        ).get("Item")
        if item is None:
            return None
        plain = unmarshal(item)
        return None if plain.get("ttl", inf) <= self._now().timestamp() else plain

    def _kept(self) -> dict[str, Any]:
        """What a query needs to leave out what has expired and is not deleted yet."""
        return {
            "names": {"#ttl": "ttl"},
            "values": {":instant": int(self._now().timestamp())},
            "FilterExpression": "attribute_not_exists(#ttl) OR #ttl > :instant",
        }

    def _expire_pointer(self, key: TaskKey, expiry: int) -> None:
        """Let the pointer to a task go with it; only a task that nobody can reopen has this."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.update_item(
                TableName=self._table,
                Key=marshal({"pk": key.items_pk, "sk": POINTER_SK}),
                UpdateExpression="SET #ttl = :ttl",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=marshal({":ttl": expiry}),
            )

    def _restart(
        self, key: TaskKey, attempt: int, pending: tuple[int, ...], condition: str
    ) -> TaskWritten:
        return self._write_task(
            key,
            "SET #status = :created, attempt = :next, pending = :pending, #left = :left,"
            " opened_at = :now, updated_at = :now, open_shard = :shard"
            " REMOVE #stop, #completed, #failed, cancelled, #ttl",
            condition,
            {
                ":attempt": attempt,
                ":next": attempt + 1,
                ":pending": pending,
                ":left": len(pending),
                ":shard": open_shard(key),
            },
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

    def _write_task(
        self, key: TaskKey, update: str, condition: str, values: dict[str, Any]
    ) -> TaskWritten:
        done, item = self._write(key.pk, key.sk, update, condition, values)
        return TaskWritten(done, as_task(item) if item else None)

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
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=marshal({"pk": pk, "sk": sk}),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=_names(text),
                ExpressionAttributeValues=marshal(
                    {name: value for name, value in given.items() if name in words}
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            return False, refused_item(error)
        return True, unmarshal(answer["Attributes"])


def _expiring(expiry: int | None) -> str:
    return "" if expiry is None else ", #ttl = :ttl"


def _names(text: str) -> dict[str, str]:
    return {spelt: name for spelt, name in _SPELT.items() if spelt in text}


def _groups(items: Iterable[Json]) -> Iterator[list[tuple[int, Json]]]:
    """Group items with their indexes, as many as one transaction takes."""
    group: list[tuple[int, Json]] = []
    size = 0
    for index, item in enumerate(items):
        size += size_of(item)
        if len(group) == ITEMS_PER_TRANSACTION or (group and size > BYTES_PER_TRANSACTION):
            yield group
            group, size = [], size_of(item)
        group.append((index, item))
    yield from chain([group] if group else [])
