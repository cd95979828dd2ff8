"""When something occurs: by a cron expression in the local time of a zone, or every so often.

A local time that a clock change leaves out occurs at the moment of the change. One that comes twice
occurs the first time; where every hour has an occurrence, both hours do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.moments import LATEST

_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SHORTEST = timedelta(minutes=1)
_DAY = timedelta(days=1)
_SPANS: Final = (timedelta(hours=1), _DAY, 32 * _DAY, 366 * _DAY)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Occurrences by `cron` in the local time of `zone`, or each `every` seconds since 1970."""

    cron: str = ""
    zone: str = "UTC"
    every: int = 0

    @classmethod
    def of(cls, cron: object = None, zone: object = "UTC", every: object = None) -> "Calendar":
        """Return a calendar that somebody has written.

        Raises:
            InvalidInputError: it has no occurrence, or nobody can say when; the error names which.
        """
        if (cron is None) is (every is None):
            raise InvalidInputError(
                "cron", "give a cron expression, `cron`, or a duration, `every`"
            )
        _zone(zone)
        if every is None:
            _Cron.read(cron)
            return cls(cron=" ".join(str(cron).split()), zone=str(zone))
        if not isinstance(every, timedelta) or every < _SHORTEST or every % timedelta(seconds=1):
            raise InvalidInputError(
                "every", "must be a timedelta of whole seconds, from a minute on"
            )
        return cls(zone=str(zone), every=every // timedelta(seconds=1))

    def after(self, moment: datetime) -> datetime | None:
        """Return the first occurrence later than a moment, in UTC; None after the year 2099."""
        return next(self.since(moment), None)

    def since(self, moment: datetime) -> Iterator[datetime]:
        """Yield the occurrences later than a moment, in their order."""
        found = self._steps(moment) if self.every else self._by_cron(moment)
        for one in found:
            if one >= LATEST:
                return
            yield one

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """Return the last occurrence later than one moment, and not later than another."""
        for span in (*_SPANS, max(until - after, _DAY)):
            last = None
            for one in self.since(max(after, until - span)):
                if one > until:
                    break
                last = one
            if last is not None or until - span <= after:
                return last
        return None

    def local(self, moment: datetime) -> datetime:
        """Return a moment in the time of the zone."""
        return moment.astimezone(_zone(self.zone))

    def _steps(self, moment: datetime) -> Iterator[datetime]:
        number = int(moment.timestamp() // self.every)
        while True:
            number += 1
            yield datetime.fromtimestamp(number * self.every, UTC)

    def _by_cron(self, moment: datetime) -> Iterator[datetime]:
        cron, zone = _Cron.read(self.cron), _zone(self.zone)
        day, last = moment.astimezone(zone).date() - _DAY, moment
        while day < LATEST.date():
            if cron.has(day):
                for one in sorted(set(cron.moments(day, zone))):
                    if one > last:
                        last = one
                        yield one
            day += _DAY


@cache
def _zone(name: object) -> ZoneInfo:
    if not isinstance(name, str):
        raise InvalidInputError("zone", "must be a name, such as Europe/Berlin")
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # also of a name that is no path
        raise InvalidInputError(
            "zone", f"{name!r} is no time zone, such as Europe/Berlin; is tzdata installed?"
        ) from error


@dataclass(frozen=True, slots=True)
class _Cron:
    """The five fields of a cron expression."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    is_any_day: bool
    is_any_weekday: bool

    @staticmethod
    @cache
    def read(text: object) -> "_Cron":
        """Read an expression.

        Raises:
            InvalidInputError: it is none, or one that never comes.
        """
        parts = text.split() if isinstance(text, str) else []
        if len(parts) != len(_FIELDS):
            raise InvalidInputError("cron", "must have five fields, such as 0 2 * * *")
        sets = [_field(part.upper(), *field) for part, field in zip(parts, _FIELDS, strict=True)]
        minutes, hours, days, months, weekdays = sets
        found = _Cron(
            minutes,
            hours,
            days,
            months,
            frozenset(number % 7 for number in weekdays),
            is_any_day=parts[2].startswith("*"),
            is_any_weekday=parts[4].startswith("*"),
        )
        if found.is_any_weekday and not any(
            day <= _LONGEST[month - 1] for month, day in product(months, days)
        ):
            raise InvalidInputError("cron", f"{text!r} never comes: no month has such a day")
        return found

    def has(self, day: date) -> bool:
        """Whether it occurs on a day; if both kinds of days are named, either will do."""
        if day.month not in self.months:
            return False
        is_day = day.day in self.days
        is_weekday = day.isoweekday() % 7 in self.weekdays
        if self.is_any_day or self.is_any_weekday:
            return is_day and is_weekday
        return is_day or is_weekday

    def moments(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        """Yield its moments of a day, in UTC and in any order."""
        is_hourly = len(self.hours) == 24  # noqa: PLR2004 - hours of a day
        for hour, minute in product(self.hours, self.minutes):
            wall = datetime.combine(day, time(hour, minute), zone)
            first, second = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
            if first.astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None):
                yield _change_between(second, first, zone)
                continue
            yield first
            if is_hourly:
                yield second


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment between two others at which the clock of a zone changes."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _field(text: str, name: str, first: int, last: int, names: dict[str, int]) -> frozenset[int]:
    """Return the numbers that a field names.

    Raises:
        InvalidInputError: it cannot be read.
    """
    found: set[int] = set()
    for part in text.split(","):
        whole, has_step, step = part.partition("/")
        begin, is_range, end = whole.partition("-")
        try:
            low = first if whole == "*" else _number(begin, names)
            high = last if whole == "*" else _number(end, names) if is_range else low
            by = int(step) if has_step else 1
            is_good = first <= low <= high <= last and by > 0
        except ValueError:
            is_good = False
        if not is_good or (has_step and whole != "*" and not is_range):
            raise InvalidInputError(
                "cron", f"the {name} {part!r} must be numbers from {first} to {last}, as 1,5-9,*/2"
            )
        found.update(range(low, high + 1, by))
    return frozenset(found)


def _number(text: str, names: dict[str, int]) -> int:
    return names[text] if text in names else int(text) if text.isascii() and text.isdigit() else -1
