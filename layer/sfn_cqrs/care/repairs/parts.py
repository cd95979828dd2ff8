"""Makes the table of plans."""

from sfn_cqrs.care.repairs.table import PlanTable
from sfn_cqrs.kernel.parts import Parts, part


@part
def plans(parts: Parts) -> PlanTable:
    """Return the plans of repairs, as they are listed."""
    return PlanTable(parts.client("dynamodb"), parts.variable("REQUESTS_TABLE"), parts.now)
