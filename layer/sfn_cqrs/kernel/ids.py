"""Identifiers that sort by the time they were made."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

RANDOM_BITS = 80
RANDOM_CHARACTERS = 16
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARACTERS = 26
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
ULID = f"[{_ALPHABET}]{{{_CHARACTERS}}}"
"""A ULID as a regular expression."""


def new_ulid(now: datetime) -> str:
    """A ULID: 48 bits of milliseconds and 80 random ones, 26 characters.

    Source: https://github.com/ulid/spec
    """
    return _ulid(now, secrets.randbits(RANDOM_BITS))


def ulid_of(moment: datetime, *identity: str) -> str:
    """The ULID of something: always the same for the same moment and identity."""
    digest = hashlib.sha256("|".join(identity).encode()).digest()
    return _ulid(moment, int.from_bytes(digest[: RANDOM_BITS // 8], "big"))


def _ulid(moment: datetime, random: int) -> str:
    number = (moment - _EPOCH) // _MILLISECOND << RANDOM_BITS | random
    return in_crockford(number, _CHARACTERS)


def in_crockford(number: int, characters: int) -> str:
    """A number of 5 bits a character, in Crockford's base 32."""
    shifts = range(5 * (characters - 1), -1, -5)
    return "".join(_ALPHABET[number >> shift & 31] for shift in shifts)
