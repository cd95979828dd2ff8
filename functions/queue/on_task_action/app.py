"""The consumer of the task action queue: it starts batches, and works on single tasks."""

import json
from functools import partial
from typing import Any

from sfn_cqrs.domain import task_flow
from sfn_cqrs.domain.errors import SupersededError
from sfn_cqrs.domain.keys import TaskKey, task_id_parts
from sfn_cqrs.service import task_types
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.task_flow import TaskFlow
from sfn_cqrs.service.task_state import lease_of
from sfn_cqrs.service.task_work import work_on_alone


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do what each message asks for; answers the messages that have to come again."""
    failures = []
    for record in event["Records"]:
        try:
            message = json.loads(json.loads(record["body"])["Message"])
            _execute(message, context.get_remaining_time_in_millis)
        except SupersededError as error:
            logger.info("a message has nothing left to do", reason=str(error))
        except Exception:
            logger.exception("a message will be delivered again", record=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _execute(message: dict[str, Any], remaining_ms: Any) -> None:
    content = message["content"]
    kind, ulid = task_id_parts(message["id"])
    key = TaskKey(message["tenantCode"], content["taskType"], ulid, kind)
    task_type = task_types.find_or_failing(key.type)
    worker = partial(work_on_alone, task_type, remaining_ms=remaining_ms)
    TaskFlow(key, worker).run(task_flow.execute(content["attempt"], lease_of(remaining_ms)))
