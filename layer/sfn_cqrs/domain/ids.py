"""Identifiers that sort by the time they were made."""

import hashlib
import secrets
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_CHARACTERS = 26


def new_ulid(now: datetime) -> str:
    """A ULID: 48 bits of milliseconds and 80 random ones, 26 characters.

    Source: https://github.com/ulid/spec
    """
    return _text(int(now.timestamp() * 1000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS))


def first_ulid(moment: datetime) -> str:
    """The first of all ULIDs of a moment, to derive others from."""
    return _text(int(moment.timestamp() * 1000) << _RANDOM_BITS)


def derived_ulid(ulid: str, *identity: str | int) -> str:
    """A ULID of the same moment as another one, the same for the same identity."""
    named = "|".join([ulid, *map(str, identity)])
    digest = hashlib.sha256(named.encode()).digest()[: _RANDOM_BITS // 8]
    moment = ulid[: -_RANDOM_BITS // 5]
    return moment + _text(int.from_bytes(digest, "big"))[-_RANDOM_BITS // 5 :]


def _text(number: int) -> str:
    shifts = range(5 * (_CHARACTERS - 1), -1, -5)
    return "".join(_ALPHABET[number >> shift & 31] for shift in shifts)
