"""An idempotent request: the same key and body give the first answer again."""

from dataclasses import dataclass

from sfn_cqrs.domain.values import Json

LIFETIME_SECONDS = 24 * 3600
MAX_KEY_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Request:
    """A key that a client chose, what it asked for, and what it was told.

    `body_hash` is the fingerprint of the body; `expires_at` is in epoch seconds.
    """

    tenant: str
    key: str
    body_hash: str
    result: dict[str, Json]
    expires_at: int
