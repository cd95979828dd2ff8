"""Runs the programs of tasks against DynamoDB, Step Functions and the user's handlers."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sfn_cqrs import bootstrap
from sfn_cqrs.domain import task_programs
from sfn_cqrs.domain.keys import TaskKey
from sfn_cqrs.domain.task import Ending, Item, Task, TryAgain
from sfn_cqrs.domain.task_programs import ItemWritten
from sfn_cqrs.service.programs import Flow

if TYPE_CHECKING:
    from sfn_cqrs.adapters.executions import Executions
    from sfn_cqrs.adapters.task_table import TaskTable

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

    def _made(self, call: task_programs.Call) -> object:
        match call:
            case task_programs.FindItems():
                return bootstrap.tasks().items(self._key)
            case task_programs.PutItems(task):
                bootstrap.tasks().put_items(task)
                return None
            case task_programs.Work(item):
                return self._work(item)
            case (
                task_programs.Claim()
                | task_programs.CountRetry()
                | task_programs.CloseItem()
                | task_programs.SettleItem()
            ):
                return self._item_written(call)
            case _:
                return super()._made(call)

    def _item_written(self, call: task_programs.ItemWrite) -> ItemWritten:
        tasks = bootstrap.tasks()
        match call:
            case task_programs.Claim(index, attempt, seq, lease_until, once):
                return tasks.claim(
                    self._key, index, attempt, seq, lease_until, is_delivered_once=once
                )
            case task_programs.CountRetry(item):
                return tasks.count_retry(item)
            case task_programs.CloseItem(index, attempt, seq, ending):
                return tasks.close_item(self._key, index, attempt, seq, ending)
            case task_programs.SettleItem(index, attempt, ending):
                return tasks.settle_item(self._key, index, attempt, ending)

    def _work(self, item: Item) -> Ending | TryAgain:
        if self._worker is None:
            raise ValueError("the flow was not given a worker")
        return self._worker(item)
