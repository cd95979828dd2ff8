"""Makes the table of usage."""

from sfn_cqrs.care.usage.table import UsageTable
from sfn_cqrs.kernel.parts import Parts, part


@part
def usage(parts: Parts) -> UsageTable:
    """Return the usage of tenants, counted by parts of the tables."""
    return UsageTable(parts.client("dynamodb"), parts.variable("REQUESTS_TABLE"), parts.now)
