"""Messages that tell of a saga: of its end, and that a person has to help."""

from typing import Any

from sfn_cqrs.domain.notices import MAX_MESSAGE
from sfn_cqrs.domain.saga import Saga


def saga_status(saga: Saga, table: str) -> dict[str, Any]:
    """The notice that a saga has ended or is parked; the error's name, but not its text."""
    return {
        "action": "saga-status",
        **_identity(saga, table),
        "content": {
            "status": str(saga.status),
            "source": saga.source,
            "saga": saga.saga,
            "attempt": saga.attempt,
            "error": saga.error,
        },
    }


def saga_alarm(saga: Saga, table: str) -> dict[str, Any]:
    """The alarm that a saga is parked."""
    message = f"{saga.error}: {saga.cause or ''}".splitlines()[0][:MAX_MESSAGE]
    return {
        "action": "sfn-alarm",
        **_identity(saga, table),
        "content": {"errorMessage": message, "sfnId": saga.ref.execution_name(table)},
    }


def _identity(saga: Saga, table: str) -> dict[str, Any]:
    key = saga.key
    return {
        "id": key.id,
        "table": table,
        "pk": key.pk,
        "sk": key.sk,
        "tenantCode": key.tenant,
    }
