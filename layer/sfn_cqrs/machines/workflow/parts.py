"""Makes the table of waits."""

from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.machines.workflow.wait_table import WaitTable


@part
def waits(parts: Parts) -> WaitTable:
    """Return the task tokens of executions that wait for an outside answer."""
    return WaitTable(parts.client("dynamodb"), parts.variable("REQUESTS_TABLE"), parts.now)
