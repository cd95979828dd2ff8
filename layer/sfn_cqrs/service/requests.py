"""Requests with an Idempotency-Key: the first answer again, or an error for another body."""

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.errors import IdempotencyMismatchError
from sfn_cqrs.domain.request import LIFETIME_SECONDS, Request
from sfn_cqrs.domain.values import Json


def new_request(
    tenant: str, key: str | None, asked: str, result: dict[str, Json]
) -> Request | None:
    """What a transaction keeps of a request: its key, its fingerprint and its answer."""
    if key is None:
        return None
    expires_at = int(bootstrap.now().timestamp()) + LIFETIME_SECONDS
    return Request(tenant, key, asked, result, expires_at)


def seen_id(tenant: str, key: str | None, asked: str) -> str | None:
    """The id that this very request was given, if it was made before.

    Raises:
        IdempotencyMismatchError: the key was used for something else.
    """
    if key is None:
        return None
    request = bootstrap.requests().find(tenant, key)
    if request is None:
        return None
    if request.body_hash != asked:
        raise IdempotencyMismatchError(
            "this Idempotency-Key was used for another request in the last 24 hours; use a new key"
        )
    return str(request.result["id"])
