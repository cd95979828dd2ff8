"""What a webhook says, and who has signed it: Standard Webhooks 1.0."""

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from sfn_cqrs.kernel.notices import Message, event_of

PREFIX: Final = "whsec_"
SHORTEST: Final = 24
"""Bytes of a secret."""
LONGEST: Final = 64


class Webhook(NamedTuple):
    """The id by which a receiver knows a repeated one, and the bytes of the body."""

    id: str
    body: bytes


def webhook_of(notice: Message) -> Webhook:
    """Return what is sent of a notice: the same id and bytes for each delivery of it."""
    event = event_of(notice)
    event.pop("traceparent", None)  # a header, since it is of the try
    said = {"type": notice["action"], "data": event}
    body = json.dumps(said, sort_keys=True, separators=(",", ":"), default=str).encode()
    return Webhook(f"msg_{sha256(body).hexdigest()[:40]}", body)


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret.

    Raises:
        ValueError: it is no `whsec_` and the base64 of 24 to 64 bytes; it is not quoted.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(
            f"a secret of a webhook is {PREFIX} and the base64 of {SHORTEST} to {LONGEST} bytes"
        )
    return key


def headers_of(webhook: Webhook, secrets: Sequence[str], second: int) -> dict[str, str]:
    """Return the headers of one try, which each of the secrets signs.

    Raises:
        ValueError: there is no secret, or one has another form.
    """
    if not secrets:
        raise ValueError("a webhook needs a secret: nobody could tell who has sent it")
    signed = f"{webhook.id}.{second}.".encode() + webhook.body
    digests = [hmac.digest(key_of(each), signed, "sha256") for each in secrets]
    return {
        "content-type": "application/json",
        "webhook-id": webhook.id,
        "webhook-timestamp": str(second),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in digests),
    }
