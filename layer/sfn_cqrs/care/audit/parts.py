"""Makes the tables as an audit reads them."""

from sfn_cqrs.care.audit.tables import AuditTables
from sfn_cqrs.kernel.parts import Parts, part


def audited(parts: Parts) -> dict[str, str]:
    """Return the tables that an audit reads."""
    return {
        "commands": parts.variable("COMMANDS_TABLE"),
        "data": parts.variable("DATA_TABLE"),
        "history": parts.variable("HISTORY_TABLE"),
        "imports": parts.variable("IMPORT_TMP_TABLE"),
        "tasks": parts.variable("TASKS_TABLE"),
        "sagas": parts.variable("SAGAS_TABLE"),
        "approvals": parts.variable("APPROVALS_TABLE"),
    }


@part
def audit_tables(parts: Parts) -> AuditTables:
    """Return the tables as an audit reads them."""
    return AuditTables(parts.client("dynamodb"), audited(parts), parts.now)
