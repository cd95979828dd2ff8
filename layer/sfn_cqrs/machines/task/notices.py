"""Messages about tasks and their items."""

from sfn_cqrs.kernel.notices import Message, Place, notice, told
from sfn_cqrs.machines.task import rules as tasks
from sfn_cqrs.machines.task.rules import Item, Task


def task_execute(task: Task, table: str) -> Message:
    """The message that has a task worked on."""
    content = {"taskType": task.key.type, "attempt": task.attempt}
    return notice("task-execute", task.key, table, content, trace=task.trace)


def task_status(task: Task, table: str) -> Message:
    """The notice that a task has ended, with its counts."""
    fields = told(task, "status", "source", "attempt", "total", taskType="key.type")
    content = {**fields, **(task.counts or tasks.Counts()).by_name}
    return notice("task-status", task.key, table, content, task.depth, task.trace)


def sub_task_status(item: Item, table: str) -> Message:
    """The notice that an item has ended; the error's name, but neither its text nor a result."""
    content = told(item, "status", "index", "attempt", "error", taskType="key.type")
    return notice("sub-task-status", place_of(item), table, content, item.depth)


def place_of(item: Item) -> Place:
    """Return the task's public id, and where the item is."""
    key = item.key
    return Place(key.id, key.tenant, key.items_pk, key.item_sk(item.index))
