"""Time: instants as text, ids that sort by them, and how long something is kept."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

Now = Callable[[], datetime]
"""Answers the current time, with its time zone; the one source of time of every part."""

_TO_MILLISECONDS = len("2026-11-29T09:30:00.000")


def iso(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds, so that texts sort as the moments do."""
    return f"{moment.isoformat(timespec='milliseconds')[:_TO_MILLISECONDS]}Z"


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


@dataclass(frozen=True, slots=True)
class Retention:
    """Days per type, and for all other types; none means for ever."""

    default: int | None = None
    by_type: dict[str, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "Retention":
        """Read a template parameter: empty, `90`, or `ORDER=30,AIRPORT=365` (both may be mixed).

        Raises:
            ValueError: a number of days is none, or not positive.
        """
        default: int | None = None
        by_type: dict[str, int] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            type_, separator, days = part.rpartition("=")
            if not days.isdecimal() or int(days) == 0 or (separator and not type_):
                raise ValueError(
                    f"{part!r} is not a number of days; write 90 or ORDER=30,AIRPORT=365"
                )
            if type_:
                by_type[type_] = int(days)
            else:
                default = int(days)
        return cls(default, by_type)

    def expiry(self, type_: str, now: datetime) -> int | None:
        """The ttl of an item of this type that closes now, in epoch seconds."""
        days = self.by_type.get(type_, self.default)
        return None if days is None else int((now + timedelta(days=days)).timestamp())
