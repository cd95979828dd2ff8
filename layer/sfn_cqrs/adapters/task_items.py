"""Items of the tasks table: what a task, its items and the pointer to it look like when stored."""

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.item_parts import as_request, record_item, request_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain import task as tasks
from sfn_cqrs.domain.keys import DEFAULT_CONCURRENCY, TaskKey, TaskKind
from sfn_cqrs.domain.task import Counts, Stop, Task, TaskStatus
from sfn_cqrs.domain.values import Json

POINTER_SK = "task"
"""Sorts behind every item of the task, for types are spelt in capitals."""


def task_item(task: Task) -> Item:
    """The task as stored."""
    counts = task.counts
    return {
        **_whose(task.key),
        **record_item(task, "task"),
        "name": task.name,
        "status": str(task.status),
        "attempt": task.attempt,
        "total": task.total,
        "left": task.left,
        "pending": None if task.pending is None else list(task.pending),
        "stop": task.stop and str(task.stop),
        "completed": counts and counts.completed,
        "failed": counts and counts.failed,
        "cancelled": counts and counts.cancelled,
        "input": None if task.input is None else list(task.input),
        "input_s3": task.input_s3,
        "concurrency": task.concurrency,
        **request_item(task),
        "opened_at": task.opened_at,
    }


def pointer_item(key: TaskKey) -> Item:
    """What leads from a public id to its task."""
    return {**_whose(key), "pk": key.items_pk, "sk": POINTER_SK, "kind": "pointer"}


def new_item(task: Task, index: int, value: Json, now: str) -> Item:
    """An item of a task as stored when the task begins."""
    return {
        **_whose(task.key),
        "pk": task.key.items_pk,
        "sk": task.key.item_sk(index),
        "kind": "item",
        "index": index,
        "input": value,
        "status": str(TaskStatus.CREATED),
        "attempt": 0,
        "seq": 0,
        "lease_until": 0,
        "updated_at": now,
    }


def as_task(item: Item) -> Task:
    """Read a task; a large input stays where it is."""
    pending, value, stop = item.get("pending"), item.get("input"), item.get("stop")
    return Task(
        key=as_task_key(item),
        name=item["name"],
        status=TaskStatus(item["status"]),
        attempt=item["attempt"],
        total=item["total"],
        left=item["left"],
        pending=None if pending is None else tuple(pending),
        stop=None if stop is None else Stop(stop),
        counts=_counts(item),
        input=None if value is None else tuple(value),
        input_s3=item.get("input_s3"),
        concurrency=item.get("concurrency", DEFAULT_CONCURRENCY),
        opened_at=item["opened_at"],
        updated_at=item["updated_at"],
        **as_request(item),
    )


def as_item(item: Item) -> tasks.Item:
    """Read an item of a task; `input` is absent where a query leaves it out."""
    return tasks.Item(
        key=as_task_key(item),
        index=item["index"],
        input=item.get("input"),
        status=TaskStatus(item["status"]),
        attempt=item["attempt"],
        seq=item["seq"],
        lease_until=item["lease_until"],
        result=item.get("result"),
        error=item.get("error"),
        cause=item.get("cause"),
        retries=item.get("retries", 0),
        retried_in=item.get("retried_in", 0),
        updated_at=item["updated_at"],
    )


def as_task_key(item: Item) -> TaskKey:
    """Read the key from the attributes, never from pk and sk."""
    return TaskKey(item["tenant"], item["type"], item["ulid"], TaskKind(item["task_kind"]))


def _whose(key: TaskKey) -> Item:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "type": key.type,
        "ulid": key.ulid,
        "task_kind": str(key.kind),
    }


def _counts(item: Item) -> Counts | None:
    if "completed" not in item:
        return None
    return Counts(item["completed"], item["failed"], item["cancelled"])


TASKS = Kind(
    name="tasks",
    item=task_item,
    record=as_task,
    is_open=lambda task: not task.status.is_closed,
)
