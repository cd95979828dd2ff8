"""The consumer of the notification queue: it tells the user's package of each notice."""

import json
from typing import Any

from sfn_cqrs.service import handlers
from sfn_cqrs.service.logs import logger


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Hand each message to its handlers; answers the messages that have to come again."""
    failures = []
    for record in event["Records"]:
        try:
            notice = json.loads(json.loads(record["body"])["Message"])
            for handler in handlers.notice_handlers(notice["action"]):
                handler(notice)
        except Exception:
            logger.exception("a notice will be delivered again", record=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
