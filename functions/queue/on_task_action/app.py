"""The consumer of the task action queue: it starts batches, and works on single tasks."""

from functools import partial

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.functions.queue import Delivery, consumer_of
from sfn_cqrs.kernel.keys import TaskKey, task_id_parts
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.runner import TaskFlow
from sfn_cqrs.machines.task.state import lease_of
from sfn_cqrs.machines.task.work import work_on_alone


@consumer_of(lambda: bootstrap.task_actions())
def lambda_handler(delivery: Delivery) -> None:
    """Do what a message asks for; one that a later attempt has overtaken has nothing left to do."""
    notice, remaining_ms = delivery.notice, delivery.remaining_ms
    kind, ulid = task_id_parts(notice["id"])
    key = TaskKey(notice["tenantCode"], notice["content"]["taskType"], ulid, kind)
    task_type = task_types.find_or_failing(key.type)
    worker = partial(work_on_alone, task_type, remaining_ms=remaining_ms)
    attempt = notice["content"]["attempt"]
    try:
        executing = task_programs.execute(attempt, lease_of(remaining_ms), delivery.receives)
        TaskFlow(key, worker).run(executing)
    except SupersededError as error:
        logger.info("a message has nothing left to do", reason=str(error))
