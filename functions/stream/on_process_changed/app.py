"""The one consumer of the commands table's stream: it starts, wakes and notifies.

The event source lets through process items that are to be started, and those that have
closed. The first record that fails for a passing reason ends the batch there: Lambda
delivers it again, and all behind it. What can never be processed goes to the dead letters.
"""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.dynamodb import unmarshal
from sfn_cqrs.adapters.items import as_process
from sfn_cqrs.domain import chain
from sfn_cqrs.domain.notices import command_status, sfn_alarm
from sfn_cqrs.domain.process import START, Outcome, Process
from sfn_cqrs.service.chain import Chain
from sfn_cqrs.service.logs import logger


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle the records in their order; answers the first that has to come again."""
    notices: list[dict[str, Any]] = []
    alarms: list[dict[str, Any]] = []
    failures = []
    for record in event["Records"]:
        try:
            process = _process_of(record)
            if process is not None:
                _handle(process, notices, alarms)
        except Exception:
            sequence_number = record["dynamodb"]["SequenceNumber"]
            logger.exception("a record will be delivered again", record=sequence_number)
            failures = [{"itemIdentifier": sequence_number}]
            break
    bootstrap.events().publish(notices)
    bootstrap.alarms().publish(alarms)
    return {"batchItemFailures": failures}


def _process_of(record: dict[str, Any]) -> Process | None:
    try:
        return as_process(unmarshal(record["dynamodb"]["NewImage"]))
    except (KeyError, TypeError, ValueError) as error:
        keys = record.get("dynamodb", {}).get("Keys", {})
        bootstrap.dead_letters().put(keys, f"no process item: {type(error).__name__}: {error}")
        logger.exception("a record went to the dead letters")
        return None


def _handle(process: Process, notices: list[dict[str, Any]], alarms: list[dict[str, Any]]) -> None:
    if process.status == START:
        bootstrap.executions().start(process.ref)
        return
    table = bootstrap.commands_table_name()
    its_chain = Chain(process.key)
    if process.outcome is Outcome.BLOCKED:
        its_chain.run(chain.wake(process.version))
    its_chain.run(chain.wake_next(process.version))
    notices.append(command_status(process, table))
    if process.outcome is Outcome.FAILED:
        alarms.append(sfn_alarm(process, table, process.ref.execution_name(table)))
