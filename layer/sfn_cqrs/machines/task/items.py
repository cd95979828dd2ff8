"""Tasks, their items and the pointers to them as items of the tasks table."""

from typing import Final

from sfn_cqrs.kernel.keys import TaskKey
from sfn_cqrs.kernel.tables.codec import CREATED, Codec
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.tables.records import Kind
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.task import rules as tasks
from sfn_cqrs.machines.task.rules import Counts, Task

POINTER_SK = "task"
"""Sorts after every item of the task, because types are in capitals."""
_WHOSE: Final = Codec(TaskKey, names={"kind": "task_kind"}, also={"id": "id"})
_TASK: Final = Codec(
    Task,
    kind="task",
    inside={"key": _WHOSE, "counts": Codec(Counts), "created": CREATED},
    lean=("trace", "depth", "request_id"),
    later=("source", "concurrency"),
    also={"pk": "key.pk", "sk": "key.sk"},
)
_ITEM: Final = Codec(
    tasks.Item,
    kind="item",
    inside={"key": _WHOSE},
    lean=("retries", "retried_in", "depth"),
    also={"pk": "key.items_pk", "sk": lambda item: item.key.item_sk(item.index)},
)
as_item = _ITEM.record
stored_item = _ITEM.item
as_task_key = _WHOSE.record


def pointer_item(key: TaskKey) -> Item:
    """Return the pointer from a public id to its task."""
    return {**_WHOSE.item(key), "pk": key.items_pk, "sk": POINTER_SK, "kind": "pointer"}


def new_item(task: Task, index: int, value: Json, now: str) -> Item:
    """Return an item of a task as stored when the task begins."""
    item = tasks.Item(key=task.key, index=index, input=value, updated_at=now, depth=task.depth)
    return _ITEM.item(item)


TASKS = Kind(_TASK, is_open=lambda task: not task.status.is_closed)
