"""Moments that people type and choose: spans before now, and times of their zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

WITHIN: Final = {
    "": "any time",
    "15m": "last 15 minutes",
    "1h": "last hour",
    "today": "today",
    "24h": "last 24 hours",
    "7d": "last 7 days",
    "between": "between …",
}
_SPANS: Final = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
}
LONGEST: Final = 80
_LENGTH: Final = re.compile(r"(\d{1,9}(?:[.,]\d{1,6})?) ?(ms|s|sec|m|min|h|d)?", re.IGNORECASE)
_LENGTHS: Final = {"ms": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_EPOCH: Final = re.compile(r"(\d{10})(\d{3})?(?:\.\d+)?")
_AGO: Final = re.compile(
    r"(\d{1,6}) ?(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?) ago", re.IGNORECASE
)
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?")
_OFFSET: Final = re.compile(
    r"(?P<rest>.*\d:\d\d(?::\d\d)?)(?:,| )*\(?(?:UTC|GMT)?(?P<sign>[+\-\u2212])"
    r"(?P<hours>0?\d|1[0-4]):?(?P<minutes>[0-5]\d)?\)?"
)
_SHORT: Final = {
    "Z": "UTC",
    "JST": "Asia/Tokyo",
    "CEST": "Europe/Berlin",
    "BST": "Europe/London",
    "EDT": "America/New_York",
    "CDT": "America/Chicago",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
}
_SHAPES: Final = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d/%b/%Y:%H:%M:%S",
    "%a, %d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y, %H:%M:%S",
    "%d %b %Y %H:%M",
    "%b %d, %Y, %H:%M:%S",
    "%B %d, %Y, %H:%M:%S",
    "%B %d, %Y at %H:%M",
    "%b %d %H:%M:%S",
)
"""Dates as mail, logs, this console and that of AWS write them."""


def since_and_until(
    wanted: Mapping[str, str], now: datetime | None = None
) -> tuple[datetime | None, datetime | None]:
    """Return the time that an address asks for; moments without a zone are UTC."""
    now, within = now or datetime.now(UTC), wanted.get("within", "")
    if within in _SPANS:
        return now - _SPANS[within], None
    if within == "today":
        offset = wanted.get("offset", "")
        minutes = int(offset) if offset.lstrip("-").isdigit() else 0
        there = now + timedelta(minutes=minutes)
        midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(minutes=minutes), None
    return moment_of(wanted.get("from", "")), moment_of(wanted.get("to", ""))


def moment_of(text: str) -> datetime | None:
    """Read a moment; None where it is none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def seconds_of(text: str) -> float | None:
    """Read a length of time, such as 300 ms, 2 s or 1.5 min; a number alone is seconds."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        return None
    return float(found[1].replace(",", ".")) * _LENGTHS[(found[2] or "s").lower()]


def typed(text: str) -> str:
    """Write a moment as a field for dates and times has it, in UTC; empty where it is none."""
    found = moment_of(text)
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if found else ""


def read(text: str, zone: str = "UTC", now: datetime | None = None) -> datetime | None:
    """Read a moment in any usual notation; without a zone it is of `zone`. None where it is none.

    ISO 8601, seconds or milliseconds since 1970, mail's, a log's, AWS's, "09:27 Asia/Tokyo", or
    "20 min ago". A time without a date is the latest that has been.
    """
    told, now = " ".join(text.split())[:LONGEST], now or datetime.now(UTC)
    if found := _EPOCH.fullmatch(told):
        return datetime.fromtimestamp(int(found[1]) + int(found[2] or 0) / 1000, UTC)
    if found := _AGO.fullmatch(told):
        return now - int(found[1]) * _UNITS[found[2][0].lower()]
    rest, there = _zone_of(told)
    own = there or _zone(zone) or UTC
    found_at = _date(rest, now.astimezone(own))
    if found_at is None:
        return None
    return (found_at if found_at.tzinfo else found_at.replace(tzinfo=own)).astimezone(UTC)


def _date(text: str, now: datetime) -> datetime | None:
    """Return the moment, without a zone where it names none."""
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    if _CLOCK.fullmatch(text):
        with suppress(ValueError):
            at = datetime.combine(now.date(), time.fromisoformat(text.zfill(5)))
            return at if at <= now.replace(tzinfo=None) else at - timedelta(days=1)
    for shape in _SHAPES:
        with suppress(ValueError):
            found = datetime.strptime(text, shape)
            return found if "%Y" in shape else found.replace(year=now.year)
    return None


def _zone_of(text: str) -> tuple[str, tzinfo | None]:
    """Return a text without the zone that ends it, and the zone."""
    if found := _OFFSET.fullmatch(text):
        sign = -1 if found["sign"] in "-\u2212" else 1
        minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
        return found["rest"].strip(), timezone(sign * timedelta(minutes=minutes))
    rest, _, name = text.rpartition(" ")
    there = _zone(name.strip("()")) if rest else None
    return (rest, there) if there else (text, None)


def _zone(name: str) -> tzinfo | None:
    known = _SHORT.get(name.upper(), name)
    with suppress(ValueError, OSError, LookupError):
        return ZoneInfo(known)
    return None
