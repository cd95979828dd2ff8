"""The one consumer of the approvals table's stream: it starts, wakes and notifies.

The event source lets through what has happened to an approval, but not that the machine
waits. The first record that fails for a passing reason ends the batch there: Lambda
delivers it again, and all behind it. What can never be processed goes to the dead letters.
"""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.approval_items import as_approval
from sfn_cqrs.adapters.dynamodb import unmarshal
from sfn_cqrs.domain import approval_flow
from sfn_cqrs.domain.approval import Approval, Happened
from sfn_cqrs.domain.notices import approval_alarm, approval_status
from sfn_cqrs.service.approval_flow import ApprovalFlow
from sfn_cqrs.service.logs import logger


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle the records in their order; answers the first that has to come again."""
    notices: list[dict[str, Any]] = []
    alarms: list[dict[str, Any]] = []
    failures = []
    table = bootstrap.approvals_table_name()
    for record in event["Records"]:
        try:
            approval = _approval_of(record)
            if approval is None:
                continue
            _move(approval)
            notices.append(approval_status(approval, table))
            if approval.happened is Happened.FAILED:
                execution = approval.ref.execution_name(table)
                alarms.append(approval_alarm(approval, table, execution))
        except Exception:
            sequence_number = record["dynamodb"]["SequenceNumber"]
            logger.exception("a record will be delivered again", record=sequence_number)
            failures = [{"itemIdentifier": sequence_number}]
            break
    bootstrap.events().publish(notices)
    bootstrap.alarms().publish(alarms)
    return {"batchItemFailures": failures}


def _approval_of(record: dict[str, Any]) -> Approval | None:
    try:
        return as_approval(unmarshal(record["dynamodb"]["NewImage"]))
    except (KeyError, TypeError, ValueError) as error:
        keys = record.get("dynamodb", {}).get("Keys", {})
        bootstrap.dead_letters().put(keys, f"no approval: {type(error).__name__}: {error}")
        logger.exception("a record went to the dead letters")
        return None


def _move(approval: Approval) -> None:
    """Start the machine, or let it go on; whoever decided may have died before."""
    flow = ApprovalFlow(approval.key)
    if approval.happened.starts:
        bootstrap.approval_executions().start(approval.ref)
    elif approval.is_decided:
        flow.run(approval_flow.wake(approval))
