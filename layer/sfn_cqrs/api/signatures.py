"""Signatures of webhooks: a shared secret's HMAC-SHA256 over the bytes that were sent."""

import base64
import hmac
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.api.declared import Asked
from sfn_cqrs.kernel.errors import BadSignatureError

_NAMED: Final = re.compile(r"\{([a-z0-9-]+)\}")
_SEPARATED: Final = re.compile(r"[ ,]+")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
FIVE_MINUTES: Final = timedelta(minutes=5)


def check_signature(
    asked: Asked,
    secrets: str | bytes | Sequence[str | bytes],
    *,
    header: str,
    prefix: str = "",
    signs: str = "{body}",
    timestamp: str = "",
    tolerance: timedelta = FIVE_MINUTES,
) -> None:
    """Refuse a request that nobody with the secret has signed, or that is too old or too new.

    The signature is an HMAC-SHA256 in hex or base64, and is compared in constant time. A signed
    request may be sent again within the tolerance, and for ever if the sender signs no time: make
    what it does once, by the sender's id of the event.

    Args:
        asked: a request to a route that is `raw`.
        secrets: the shared secret; while it is being changed, the old one and the new one.
        header: the header with the signature, or with several, parted by blanks or commas.
        prefix: what stands before the signature, such as `sha256=`.
        signs: what is signed: `{body}`, `{timestamp}`, and `{name}` for any header.
        timestamp: the header with the seconds of the time; of a header with parts, that after `t=`.
        tolerance: how far the time may be from now, either way.

    Raises:
        BadSignatureError: why not; it does not quote a signature.
        ValueError: a secret is empty, or the time is looked at and not signed.
    """
    keys = [secrets] if isinstance(secrets, str | bytes) else list(secrets)
    if not keys or not all(keys):
        raise ValueError("a secret is empty: anybody could sign with it")
    if bool(timestamp) != ("{timestamp}" in signs):
        raise ValueError("timestamp= and {timestamp} in signs= need each other")
    sent = _time(asked, timestamp) if timestamp else ""
    given = [one.encode() for one in _parts(asked, header, prefix)]
    wanted = [each for key in keys for each in _signatures(key, _signed(asked, signs, sent))]
    if not any(hmac.compare_digest(one, each) for one in given for each in wanted):
        raise BadSignatureError(f"no signature in {header} is that of what was sent")
    if sent and abs(bootstrap.DEPLOYED.now().timestamp() - int(sent)) > tolerance.total_seconds():
        raise BadSignatureError(f"{timestamp} is more than {tolerance} from now")


def _header(asked: Asked, name: str) -> str:
    value = asked.headers.get(name.lower())
    if value is None:
        raise BadSignatureError(f"the header {name} is missing")
    return value


def _parts(asked: Asked, header: str, prefix: str) -> Iterator[str]:
    for part in _SEPARATED.split(_header(asked, header)):
        if part.startswith(prefix) and part != prefix:
            yield part.removeprefix(prefix)


def _time(asked: Asked, header: str) -> str:
    text = _header(asked, header)
    [sent, *_] = [*_parts(asked, header, "t="), text]
    if not _SECONDS.fullmatch(sent):
        raise BadSignatureError(f"{header} is no time in seconds")
    return sent


def _signed(asked: Asked, signs: str, sent: str) -> bytes:
    """Return the bytes that are signed."""
    pieces = _NAMED.split(signs)
    named = {"body": asked.raw, "timestamp": sent.encode()}
    return b"".join(
        (named[piece] if piece in named else _header(asked, piece).encode())
        if number % 2
        else piece.encode()
        for number, piece in enumerate(pieces)
    )


def _signatures(key: str | bytes, signed: bytes) -> tuple[bytes, bytes]:
    """Return what a key signs, in hex and in base64."""
    digest = hmac.digest(key if isinstance(key, bytes) else key.encode(), signed, "sha256")
    return digest.hex().encode(), base64.b64encode(digest)
