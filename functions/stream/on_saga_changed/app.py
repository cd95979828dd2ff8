"""The one consumer of the sagas table's stream: it starts attempts, and notifies.

The event source lets through sagas that are to be started, and those that have ended or are
parked. The first record that fails for a passing reason ends the batch there: Lambda
delivers it again, and all behind it. What can never be processed goes to the dead letters.
"""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.dynamodb import unmarshal
from sfn_cqrs.adapters.saga_items import as_saga
from sfn_cqrs.domain.saga import Saga, SagaStatus
from sfn_cqrs.domain.saga_notices import saga_alarm, saga_status
from sfn_cqrs.service.logs import logger


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle the records in their order; answers the first that has to come again."""
    ended: list[Saga] = []
    failures = []
    for record in event["Records"]:
        try:
            saga = _read(record)
            if saga is not None and saga.status is SagaStatus.CREATED:
                bootstrap.saga_executions(saga.saga).start(saga.ref)
            elif saga is not None:
                ended.append(saga)
        except Exception:
            sequence_number = record["dynamodb"]["SequenceNumber"]
            logger.exception("a record will be delivered again", record=sequence_number)
            failures = [{"itemIdentifier": sequence_number}]
            break
    table = bootstrap.sagas_table_name()
    parked = [saga for saga in ended if saga.status is SagaStatus.PARKED]
    bootstrap.events().publish([saga_status(saga, table) for saga in ended])
    bootstrap.alarms().publish([saga_alarm(saga, table) for saga in parked])
    return {"batchItemFailures": failures}


def _read(record: dict[str, Any]) -> Saga | None:
    try:
        return as_saga(unmarshal(record["dynamodb"]["NewImage"]))
    except (KeyError, TypeError, ValueError) as error:
        keys = record.get("dynamodb", {}).get("Keys", {})
        bootstrap.dead_letters().put(keys, f"no saga: {type(error).__name__}: {error}")
        logger.exception("a record went to the dead letters")
        return None
