"""Runs the programs of tasks against DynamoDB, Step Functions and the user's handlers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.runner import Flow
from sfn_cqrs.kernel.keys import TaskKey
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task.rules import Ending, Item, Task, TryAgain

if TYPE_CHECKING:
    from sfn_cqrs.kernel.aws.executions import Executions
    from sfn_cqrs.machines.task.table import TaskTable

Worker = Callable[[Item], Ending | TryAgain]


class TaskFlow(Flow[task_programs.Call, TaskKey, Task]):
    """A program runner for one task."""

    def __init__(self, key: TaskKey, worker: Worker | None = None) -> None:
        """Take a task; a program that works on items also needs the worker."""
        super().__init__(key)
        self._worker = worker

    def _records(self) -> "TaskTable":
        return bootstrap.tasks()

    def _executions(self, _record: Task) -> "Executions":
        return bootstrap.task_executions()

    def _make(self, call: task_programs.Call) -> object:
        match call:
            case task_programs.FindItems():
                return bootstrap.tasks().items(self._key)
            case task_programs.PutItems(task):
                bootstrap.tasks().put_items(task)
                return None
            case task_programs.Work(item):
                return self._work(item)
            case task_programs.ItemWrite():
                return bootstrap.tasks().write_item(self._key, call)
            case _:
                return super()._make(call)

    def _work(self, item: Item) -> Ending | TryAgain:
        if self._worker is None:
            raise ValueError("the flow was not given a worker")
        return self._worker(item)
