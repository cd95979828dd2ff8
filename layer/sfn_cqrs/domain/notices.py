"""Messages that tell of a version: the notice of its end, and the alarm of its failure."""

from typing import Any

from sfn_cqrs.domain.process import Process

MAX_MESSAGE = 1_000


def command_status(process: Process, table: str) -> dict[str, Any]:
    """The notice that a version has closed; the error's name, but not its text."""
    return {
        "action": "command-status",
        **_identity(process, table),
        "content": {
            "status": process.status,
            "source": process.source,
            "outcome": str(process.outcome),
            "type": process.key.type,
            "code": process.key.code,
            "version": process.version,
            "attempt": process.attempt,
            "error": process.error,
        },
    }


def sfn_alarm(process: Process, table: str, execution: str) -> dict[str, Any]:
    """The alarm that a version has failed."""
    message = f"{process.error}: {process.cause or ''}".splitlines()[0][:MAX_MESSAGE]
    return {
        "action": "sfn-alarm",
        **_identity(process, table),
        "content": {"errorMessage": message, "sfnId": execution},
    }


def _identity(process: Process, table: str) -> dict[str, Any]:
    return {
        "id": process.command_id,
        "table": table,
        "pk": process.key.pk,
        "sk": process.key.version_sk(process.version),
        "tenantCode": process.key.tenant,
    }
