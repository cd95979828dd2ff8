"""The one consumer of the approvals table's stream: it starts, wakes and notifies.

The event source lets through what has happened to an approval, but not that the machine
waits.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.stream import Outbox, stream_of
from sfn_cqrs.kernel.notices import failure_alarm
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.notices import approval_status
from sfn_cqrs.machines.approval.rules import Approval, Happened
from sfn_cqrs.machines.approval.runner import ApprovalFlow


@stream_of("approval", APPROVALS.record)
def lambda_handler(approval: Approval, outbox: Outbox) -> None:
    """Start or wake the machine, as the decider may have died before; then send a notice."""
    if approval.happened.starts:
        bootstrap.approval_executions().start(approval.ref, approval.trace)
    else:
        ApprovalFlow(approval.key).run(approval_programs.wake(approval))
    table = bootstrap.approvals_table_name()
    outbox.notices.append(approval_status(approval, table))
    if approval.happened is Happened.FAILED:
        execution = bootstrap.approval_executions().arn_of(approval.ref)
        outbox.alarms.append(failure_alarm(approval, approval.key, table, execution))
