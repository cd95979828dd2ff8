"""Makes the parts of tasks: their table, their machine and their queue."""

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.parts import attributes, executions_of
from sfn_cqrs.kernel.aws.queue import Queue
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.tables.parts import requests
from sfn_cqrs.machines.task.table import TaskTable


@part
def task_ttl(parts: Parts) -> Retention:
    """Return how long tasks are kept that are closed."""
    return Retention.parse(parts.optional("TASK_TTL_DAYS"))


@part
def tasks(parts: Parts) -> TaskTable:
    """Return the tasks and their items."""
    return TaskTable(
        parts.client("dynamodb"),
        parts.variable("TASKS_TABLE"),
        requests=requests(parts),
        attributes=attributes(parts),
        now=parts.now,
        retention=task_ttl(parts),
    )


@part
def task_executions(parts: Parts) -> Executions:
    """Return the task machine."""
    return executions_of(parts, "task", parts.variable("TASKS_TABLE"))


@part
def task_actions(parts: Parts) -> Queue:
    """Return the queue of tasks to start."""
    return Queue(parts.client("sqs"), parts.variable("TASK_ACTION_QUEUE_URL"))
