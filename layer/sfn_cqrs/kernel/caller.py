"""Who asks for a change, from where, and by which request."""

from dataclasses import dataclass

from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.request import LIFETIME_SECONDS, request_key


@dataclass(frozen=True, slots=True)
class Caller:
    """The origin of a publish: the user, the address and the request.

    `client` is the caller over HTTP; None means code. With an idempotency key, the same
    request gets the first answer again as long as the answer is remembered: 24 hours by default.
    Keys of clients and of code are separate. An erasure `erases`, and no rule of a type forbids it.
    """

    user: str = ""
    ip: str = ""
    source: str = ""
    request_id: str = ""
    idempotency_key: str | None = None
    remembered_for: int = LIFETIME_SECONDS
    client: Client | None = None
    erases: bool = False

    @property
    def request_key(self) -> str | None:
        """Return the key under which the answer is stored, or None without an idempotency key.

        Raises:
            InvalidInputError: the key cannot be stored.
        """
        if self.idempotency_key is None:
            return None
        return request_key(self.idempotency_key, is_clients=self.client is not None)
