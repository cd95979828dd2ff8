"""The one consumer of the tasks table's stream: it sends for workers, and notifies.

The event source lets through tasks that are to be started, and tasks and items that have
ended. The first record that fails for a passing reason ends the batch there: Lambda
delivers it again, and all behind it. What can never be processed goes to the dead letters.
"""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.dynamodb import unmarshal
from sfn_cqrs.adapters.task_items import as_item, as_task
from sfn_cqrs.domain import task_flow
from sfn_cqrs.domain.keys import TaskRef
from sfn_cqrs.domain.notices import item_alarm, sub_task_status, task_execute, task_status
from sfn_cqrs.domain.task import Item, Task, TaskStatus
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.task_flow import TaskFlow


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle the records in their order; answers the first that has to come again."""
    notices: list[dict[str, Any]] = []
    alarms: list[dict[str, Any]] = []
    failures = []
    for record in event["Records"]:
        try:
            match _read(record):
                case Task() as task:
                    notices += _told_of_task(task)
                case Item() as item:
                    notices.append(sub_task_status(item, bootstrap.tasks_table_name()))
                    alarms += _alarmed(item)
        except Exception:
            sequence_number = record["dynamodb"]["SequenceNumber"]
            logger.exception("a record will be delivered again", record=sequence_number)
            failures = [{"itemIdentifier": sequence_number}]
            break
    bootstrap.events().publish(notices)
    bootstrap.alarms().publish(alarms)
    return {"batchItemFailures": failures}


def _read(record: dict[str, Any]) -> Task | Item | None:
    try:
        image = unmarshal(record["dynamodb"]["NewImage"])
        return as_task(image) if image["kind"] == "task" else as_item(image)
    except (KeyError, TypeError, ValueError) as error:
        keys = record.get("dynamodb", {}).get("Keys", {})
        bootstrap.dead_letters().put(keys, f"no task: {type(error).__name__}: {error}")
        logger.exception("a record went to the dead letters")
        return None


def _told_of_task(task: Task) -> list[dict[str, Any]]:
    table = bootstrap.tasks_table_name()
    if task.status.is_closed:
        return [task_status(task, table)]
    queued = TaskFlow(task.key).run(task_flow.enqueue(task.attempt))
    return [task_execute(queued, table)] if queued else []


def _alarmed(item: Item) -> list[dict[str, Any]]:
    if item.status is not TaskStatus.FAILED:
        return []
    table = bootstrap.tasks_table_name()
    execution = TaskRef(item.key, item.attempt).execution_name(table)
    return [item_alarm(item, table, execution)]
