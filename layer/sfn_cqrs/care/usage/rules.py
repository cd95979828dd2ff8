"""What tenants use: counted by the hourly audit from what it reads anyway, and summed when asked.

The audit looks at one of 336 parts of the tables an hour. A part says how much it had when it was
looked at. A part that was looked at after a day knows all of that day. The sum scales up from
these parts, and says what share of all parts they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

PARTS = 336
"""The hours of a fortnight."""
MOST_DAYS = 62
"""So many days of a type are kept, the latest."""


@dataclass(slots=True)
class OfDay:
    """How many commands and rows of imports were published on a day, and task items ended."""

    commands: int = 0
    rows: int = 0
    task_items: int = 0


@dataclass(slots=True)
class OfType:
    """How many items there are, their bytes in tables and in S3, and what was done by day.

    The items of a type of tasks are those of its tasks.
    """

    items: int = 0
    size: int = 0
    days: dict[str, OfDay] = field(default_factory=dict)
    objects: int = 0

    def published(self, day: str, *, is_row: bool) -> None:
        """Count a version."""
        counted = self.days.setdefault(day, OfDay())
        if is_row:
            counted.rows += 1
        else:
            counted.commands += 1

    def worked_on(self, day: str) -> None:
        """Count an item of a task that has ended."""
        self.days.setdefault(day, OfDay()).task_items += 1

    def recent(self) -> dict[str, OfDay]:
        """Return the latest days."""
        return {day: self.days[day] for day in sorted(self.days)[-MOST_DAYS:]}


@dataclass(frozen=True, slots=True)
class Part:
    """A tenant's share of a part of the tables, by type, when the audit looked at it."""

    segment: int
    at: str
    types: dict[str, OfType]


@dataclass(frozen=True, slots=True)
class Day:
    """The work of a type on a day; `known` is the share of parts that counted it."""

    day: str
    type: str
    commands: int
    rows: int
    known: float
    task_items: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """How many items of a type there are, their bytes, those in S3, and by what share of parts."""

    type: str
    items: int
    size: int
    known: float
    objects: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """A tenant's stored items, and its published versions by day, the latest first."""

    stored: tuple[Stored, ...]
    days: tuple[Day, ...]


def summed(parts: Iterable[Part], looked_at: dict[int, str]) -> Usage:
    """Sum a tenant's parts; `looked_at` says when each part was looked at last, whoever it has."""
    found = list(parts)
    types = sorted({name for part in found for name in part.types})
    days = sorted(
        {day for part in found for each in part.types.values() for day in each.days}, reverse=True
    )
    return Usage(
        tuple(_stored(name, found, looked_at) for name in types),
        tuple(
            each
            for day in days
            for name in types
            if (each := _day(day, name, found, looked_at)).commands + each.rows + each.task_items
        ),
    )


def _stored(name: str, parts: list[Part], looked_at: dict[int, str]) -> Stored:
    share = len(looked_at) / PARTS
    mine = [part.types[name] for part in parts if name in part.types]
    items, size = sum(each.items for each in mine), sum(each.size for each in mine)
    objects = sum(each.objects for each in mine)
    sizes = _scaled(size, share), share, _scaled(objects, share)
    return Stored(name, _scaled(items, share), *sizes)


def _day(day: str, name: str, parts: list[Part], looked_at: dict[int, str]) -> Day:
    """Add up a day from the parts that were looked at after it."""
    after = {segment for segment, at in looked_at.items() if at[:10] > day}
    share = len(after) / PARTS
    counted = [
        part.types[name].days[day]
        for part in parts
        if part.segment in after and name in part.types and day in part.types[name].days
    ]
    commands, rows = sum(one.commands for one in counted), sum(one.rows for one in counted)
    items = _scaled(sum(one.task_items for one in counted), share)
    return Day(day, name, _scaled(commands, share), _scaled(rows, share), share, items)


def _scaled(count: int, share: float) -> int:
    return round(count / share) if share else 0
