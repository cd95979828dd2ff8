"""An idempotent request: the same key and body give the first answer again."""

from dataclasses import dataclass

from sfn_cqrs.kernel.errors import IdempotencyMismatchError, InvalidInputError
from sfn_cqrs.kernel.values import Json

LIFETIME_SECONDS = 24 * 3600
MAX_KEY_CHARACTERS = 256
CLIENTS, CODES, CURSORS = "client/", "code/", "cursor/"
"""The prefixes of the keys of HTTP clients, of code and of kept cursors: they never meet."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request with an idempotency key, and its answer.

    `key` is as `request_key` makes it, `body_hash` is the fingerprint of the body; `expires_at`
    is in epoch seconds.
    """

    tenant: str
    key: str
    body_hash: str
    result: dict[str, Json]
    expires_at: int

    def result_for(self, body_hash: str) -> dict[str, Json]:
        """Return the answer to a request with this fingerprint.

        Raises:
            IdempotencyMismatchError: the key was used for something else.
        """
        if self.body_hash != body_hash:
            raise IdempotencyMismatchError(
                "this Idempotency-Key was used for another request in the last 24 hours;"
                " use a new key"
            )
        return self.result


def request_key(key: str, *, is_clients: bool) -> str:
    """The key of an answer, from an idempotency key of a client or of code.

    Raises:
        InvalidInputError: no answer can be kept under this key.
    """
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        raise InvalidInputError("Idempotency-Key", f"must be 1 to {MAX_KEY_CHARACTERS} characters")
    return f"{CLIENTS if is_clients else CODES}{key}"
