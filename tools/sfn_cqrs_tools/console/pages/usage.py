"""Usage: what the tenant stores and does, by type and day, with its list price; for operators."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sfn_cqrs_tools.client.usage import Line, priced_usage
from sfn_cqrs_tools.console.application import Ask, View

DAYS: Final = 30
HEIGHT: Final = 100
WORK: Final = ("commands", "rows", "taskItems")


@dataclass(frozen=True)
class Bar:
    """A day of the plot: its work, dollars and height; `known` is the share that was counted."""

    day: str
    work: int
    dollars: float
    known: float
    height: float


def show(ask: Ask) -> View:
    """Show them, or say who may see them."""
    if not ask.who.is_operator:
        return View("usage.html", {"bars": [], "stored": [], "days": [], "is_operator": False})
    found = priced_usage(ask.api, DAYS)
    values = {"bars": bars(found.days), "stored": found.stored, "days": found.days}
    return View("usage.html", {**values, "is_operator": True})


def bars(days: list[Line]) -> list[Bar]:
    """Return a bar for each day from the first to the last, the oldest first."""
    by_day: dict[str, list[Line]] = defaultdict(list)
    for each in days:
        by_day[each["day"]].append(each)
    if not by_day:
        return []
    first, last = date.fromisoformat(min(by_day)), date.fromisoformat(max(by_day))
    moments = [first + timedelta(number) for number in range((last - first).days + 1)]
    sums = [(str(day), _summed(by_day.get(str(day), []))) for day in moments[-DAYS:]]
    top = max(work for _, (work, _, _) in sums) or 1
    return [
        Bar(day, work, dollars, known, round(HEIGHT * work / top, 1))
        for day, (work, dollars, known) in sums
    ]


def _summed(lines: list[Line]) -> tuple[int, float, float]:
    work = sum(int(each[name]) for each in lines for name in WORK)
    return work, sum(each["dollars"] for each in lines), max((x["known"] for x in lines), default=1)


PAGES: Final = {"/usage": show}
FORMS: Final[dict[str, Any]] = {}
