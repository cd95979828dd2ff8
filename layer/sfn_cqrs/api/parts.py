"""Makes the write budgets of tenants."""

from sfn_cqrs.api.write_budget import BUCKETS, Rate, WriteBudget
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.tables.parts import records_of


@part
def write_budget(parts: Parts) -> WriteBudget:
    """Return the write budgets of tenants."""
    rate = Rate(float(parts.variable("TENANT_WRITE_RATE")), parts.number("TENANT_WRITE_BURST"))
    buckets = records_of(parts, BUCKETS, parts.variable("REQUESTS_TABLE"))
    return WriteBudget(buckets, rate, parts.now)
