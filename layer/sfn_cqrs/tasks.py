"""Work in the background, an item at a time: declare a handler, create tasks, ask how they go."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.machines.task.service import TaskService, TaskState
    from sfn_cqrs.machines.task.types import TaskItem, find, task_handler
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.machines.task.service": "TaskService TaskState",
            "sfn_cqrs.machines.task.types": "TaskItem find task_handler",
        },
    )

__all__ = [
    "TaskItem",
    "TaskService",
    "TaskState",
    "find",
    "task_handler",
]
