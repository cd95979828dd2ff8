"""The consumer of the import action queue: it imports single rows.

A row that fails each time its message comes is not left to the dead letters: the last time,
its job ends and says why.
"""

import json
from typing import Any

from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.service.import_single import import_single
from sfn_cqrs.service.logs import logger

RECEIVES = 5
"""As often a message comes before it goes to the dead letters."""


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Import the row of each message; answers the messages that have to come again."""
    failures = []
    for record in event["Records"]:
        try:
            message = json.loads(json.loads(record["body"])["Message"])
            key = ImportKey.of_id(message["tenantCode"], message["id"])
            receives = int(record["attributes"]["ApproximateReceiveCount"])
            import_single(key, is_last_try=receives >= RECEIVES)
        except Exception:
            logger.exception("a message will be delivered again", record=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
