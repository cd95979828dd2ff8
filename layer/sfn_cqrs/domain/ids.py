"""Identifiers that sort by the time they were made."""

import secrets
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_CHARACTERS = 26


def new_ulid(now: datetime) -> str:
    """A ULID: 48 bits of milliseconds and 80 random ones, 26 characters.

    Source: https://github.com/ulid/spec
    """
    number = int(now.timestamp() * 1000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    shifts = range(5 * (_CHARACTERS - 1), -1, -5)
    return "".join(_ALPHABET[number >> shift & 31] for shift in shifts)
