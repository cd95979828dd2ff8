"""Jobs: what one is, which of its occurrences are run, and when the next one comes.

A job is an item of each tenant. Each occurrence is a version of it, which a deadline of the version
before publishes; so whatever holds for deadlines holds for occurrences.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Stored
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.schedule.calendar import Calendar

CODE: Final = "calendar"
"""The code of a job's item."""
NEXT: Final = "next"
"""The name of the deadline that is its next occurrence."""
LATE: Final = timedelta(minutes=15)
"""With `missed="none"`, an occurrence that comes later than this is left out."""
EACH: Final = timedelta(minutes=10)
"""How often a process looks at how jobs are declared."""
Missed = Literal["last", "all", "none"]


@dataclass(frozen=True, slots=True)
class JobState:
    """A job of a tenant, as a version has it.

    The occurrences after `since` are to come. `occurrence` is the one that this version runs, and
    `last` the one that came last; `asked_at` is when a person asked for it, if one did.
    """

    cron: str
    zone: str
    every: int
    missed: Missed
    since: datetime
    occurrence: datetime | None = None
    last: datetime | None = None
    asked_at: datetime | None = None
    paused: bool = False

    @property
    def calendar(self) -> Calendar:
        """When it occurs."""
        return Calendar(self.cron, self.zone, self.every)

    def runs(self, published: datetime) -> bool:
        """Whether a version that was published then runs its occurrence, or leaves it out."""
        if self.occurrence is None:
            return False
        if self.asked_at is not None or self.missed == "all":
            return True
        if self.missed == "none":
            return published - self.occurrence <= LATE
        return self.calendar.latest(self.occurrence, published) is None

    def next(self, published: datetime) -> datetime | None:
        """Return the occurrence that comes after a version that was published then."""
        if self.paused:
            return None
        calendar = self.calendar
        missed = None if self.missed == "all" else calendar.latest(self.since, published)
        if missed is None:
            return calendar.after(self.since)
        if self.missed == "none" and published - missed > LATE:
            return calendar.after(published)
        return missed


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the user's package declares it."""

    type: str
    calendar: Calendar
    missed: Missed
    function: Callable[[Any], object]
    tenants: tuple[str, ...] | Callable[[], Any]

    def begun(self, now: datetime) -> dict[str, Json]:
        """Return what its item becomes when it begins."""
        return {
            "cron": self.calendar.cron,
            "zone": self.calendar.zone,
            "every": self.calendar.every,
            "missed": self.missed,
            **at_rest(now),
        }

    def changed(self, state: JobState, now: datetime) -> dict[str, Json] | None:
        """Return what changes if it was declared otherwise; None if it was not.

        What is due by the former calendar, and has not come, comes by this one.
        """
        if (state.calendar, state.missed) == (self.calendar, self.missed):
            return None
        is_behind = not state.paused and state.calendar.latest(state.since, now) is not None
        return self.begun(state.since if is_behind else max(now, state.since))


def at_rest(since: datetime) -> dict[str, Json]:
    """Return what changes if no occurrence is run, and those after a moment are to come."""
    return {"since": iso(since), "occurrence": None, "asked_at": None}


def occurring(moment: datetime) -> dict[str, Json]:
    """Return what changes at an occurrence of the calendar."""
    at = iso(moment)
    return {"since": at, "occurrence": at, "last": at, "asked_at": None}


def asked_for(moment: datetime, now: datetime) -> dict[str, Json]:
    """Return what changes if a person runs it for a moment; its calendar goes on."""
    at = iso(moment)
    return {"occurrence": at, "last": at, "asked_at": iso(now)}


def paused(state: JobState) -> dict[str, Json]:
    """Return what changes if it is paused."""
    return {**at_rest(state.since), "paused": True}


def resumed(state: JobState, now: datetime) -> dict[str, Json]:
    """Return what changes if it goes on: what it has missed meanwhile does not come."""
    return {**at_rest(max(now, state.since)), "paused": False}


class Rounds:
    """When this process looks next at how jobs are declared."""

    def __init__(self) -> None:
        """Look at once."""
        self._next: datetime | None = None

    def is_time(self, now: datetime) -> bool:
        """Whether it is time to look; a clock that has gone back is no reason to wait."""
        is_early = self._next is not None and now < self._next <= now + EACH
        if not is_early:
            self._next = now + EACH
        return not is_early


@dataclass(frozen=True, slots=True)
class Find:
    """Read the latest version of the job's item consistently: a `Seen`, or None."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A version of a job's item."""

    version: int
    state: JobState
    is_deleted: bool = False

    @classmethod
    def of(cls, command: Stored[JobState]) -> "Seen":
        """Return what the programs need of a version."""
        return cls(command.version, command.model, command.is_deleted)


@dataclass(frozen=True, slots=True)
class Change:
    """Publish a change on this version, if it is the latest; version 0 is none."""

    version: int
    attributes: dict[str, Json]


Call = Find | Change
Program = Generator[Call, Any, Any]


def keep(job: Job, now: datetime) -> Program:
    """Let a job begin that is declared, and follow how it is declared."""
    found: Seen | None = yield Find()
    if found is None:
        yield Change(0, job.begun(now))
        return
    changed = None if found.is_deleted else job.changed(found.state, now)
    if changed is not None:
        yield Change(found.version, changed)
