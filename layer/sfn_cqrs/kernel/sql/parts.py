"""Makes PostgreSQL, if the stack has one."""

from sfn_cqrs.kernel.errors import SqlDisabledError
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.sql import failure_metrics
from sfn_cqrs.kernel.sql.connections import sql_at
from sfn_cqrs.kernel.sql.sql import Sql


@part
def sql(parts: Parts) -> Sql:
    """Return PostgreSQL, as another read model.

    Raises:
        SqlDisabledError: the stack has none.
    """
    where = parts.optional("POSTGRES")
    if not where:
        raise SqlDisabledError("this stack has no PostgreSQL")
    found = sql_at(where, parts.client)
    found.is_migrated_later = where.startswith(("data-api:", "secret:"))  # `up` migrates first
    if parts.optional("POWERTOOLS_METRICS_NAMESPACE"):  # not in a script, whose output is its own
        found.on_failure = failure_metrics.tell
    return found
