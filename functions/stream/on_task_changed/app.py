"""The one consumer of the tasks table's stream: it sends for workers, and notifies.

The event source lets through tasks that are to be started, and tasks and items that have
ended.
"""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.stream import Outbox, stream_of
from sfn_cqrs.kernel.keys import TaskKind, TaskRef
from sfn_cqrs.kernel.notices import failure_alarm
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task.items import TASKS, as_item
from sfn_cqrs.machines.task.notices import place_of, sub_task_status, task_execute, task_status
from sfn_cqrs.machines.task.rules import Item, Task, TaskStatus
from sfn_cqrs.machines.task.runner import TaskFlow


def _read(image: dict[str, Any]) -> Task | Item:
    return TASKS.record(image) if image["kind"] == "task" else as_item(image)


@stream_of("task", _read)
def lambda_handler(found: Task | Item, outbox: Outbox) -> None:
    """Send for a worker, or tell the world how a task or an item has ended.

    Attempt 0 is of another system, which has announced the end.
    """
    if found.attempt == 0 and found.status.is_closed:
        return
    table = bootstrap.tasks_table_name()
    match found:
        case Task() if found.status.is_closed:
            outbox.notices.append(task_status(found, table))
        case Task():
            queued = TaskFlow(found.key).run(task_programs.enqueue(found.attempt))
            if queued is not None:
                outbox.notices.append(task_execute(queued, table))
        case Item():
            outbox.notices.append(sub_task_status(found, table))
            if found.status is TaskStatus.FAILED:
                outbox.alarms.append(
                    failure_alarm(found, place_of(found), table, _execution(found))
                )


def _execution(item: Item) -> str | None:
    """Return the ARN of an item's execution; a single task is worked on by the queue's consumer."""
    if item.key.kind is TaskKind.SINGLE:
        return None
    return bootstrap.task_executions().arn_of(TaskRef(item.key, item.attempt))
