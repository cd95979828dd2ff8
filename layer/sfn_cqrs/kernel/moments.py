"""Moments as users write them: RFC 3339 with an offset, or a duration of ISO 8601 from now on."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from sfn_cqrs.kernel.errors import InvalidInputError

LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""A later moment is a mistake."""
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
_MILLISECOND = timedelta(milliseconds=1)


def due(at: object, after: object, now: datetime) -> datetime:
    """Return the moment that a client asks for, by the one field or by the other.

    Raises:
        InvalidInputError: it is none, or later than anybody plans; both fields are given.
    """
    if after is None:
        found, field = moment(at), "at"
    elif at is None:
        found, field = now + duration(after), "after"
    else:
        raise InvalidInputError("after", "give a moment, `at`, or a duration, `after`")
    return checked(found, field)


def moment(text: object, field: str = "at") -> datetime:
    """Return a moment of RFC 3339.

    Raises:
        InvalidInputError: it is none, such as one without an offset.
    """
    if isinstance(text, str) and _MOMENT.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper())
        except ValueError:
            pass  # such as a 30th of February
    raise InvalidInputError(
        field, "must be a moment with its offset, such as 2026-12-24T18:00:00+01:00"
    )


def duration(text: object) -> timedelta:
    """Return a duration of ISO 8601 in weeks, days, hours, minutes and seconds.

    Raises:
        InvalidInputError: it is none; months and years are of no fixed length.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidInputError(
            "after", "must be a duration of days, hours, minutes and seconds, such as P3D or PT90M"
        )
    parts = {name: int(number) for name, number in found.groupdict(default="0").items()}
    return timedelta(**parts)


def checked(at: object, field: str = "at") -> datetime:
    """Return a moment, if it is one.

    Raises:
        InvalidInputError: it has no time zone, or is later than anybody plans.
    """
    if not isinstance(at, datetime) or at.utcoffset() is None:
        raise InvalidInputError(field, "must be a datetime with a time zone")
    if at >= LATEST:
        raise InvalidInputError(field, f"must be before the year {LATEST.year}")
    return at


def in_future(at: datetime, now: datetime, field: str = "at") -> datetime:
    """Return a moment in whole milliseconds, not earlier than it says.

    Raises:
        InvalidInputError: it is not in the future.
    """
    if at <= now:
        raise InvalidInputError(field, "must be in the future")
    return rounded(at)


def rounded(at: datetime) -> datetime:
    """Return a moment in whole milliseconds, not earlier than it says, in UTC."""
    return at.astimezone(UTC) + -timedelta(microseconds=at.microsecond) % _MILLISECOND
