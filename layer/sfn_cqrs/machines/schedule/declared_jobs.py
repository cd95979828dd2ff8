"""Jobs that are declared: a function that runs on a calendar."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Command, Known
from sfn_cqrs.kernel.errors import (
    IdempotencyMismatchError,
    InvalidInputError,
    NotFoundError,
)
from sfn_cqrs.kernel.keys import checked_tenant
from sfn_cqrs.kernel.policy import CODE, MEMBERS, Client, Policy, checked_whole
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.change import Published
from sfn_cqrs.machines.command.projection import is_replayed
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule import jobs
from sfn_cqrs.machines.schedule.calendar import Calendar
from sfn_cqrs.machines.schedule.deadlines import Deadlines
from sfn_cqrs.machines.schedule.jobs import Job, JobState, Missed

REMEMBERED: Final = timedelta(days=30)
"""For so long a run that is retried publishes nothing again."""
Tenants = Sequence[str] | Callable[[], Sequence[str]]
_jobs: dict[str, Job] = {}


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a job: for which tenant, and for which occurrence, in the time of the job's zone.

    `asked_at` is when a person asked for it; None if the calendar did.
    """

    tenant: str
    job: str
    occurrence: datetime
    asked_at: datetime | None = None

    @property
    def day(self) -> date:
        """Return the day of the occurrence."""
        return self.occurrence.date()

    def publish(
        self,
        type_: str,
        code: str,
        *,
        name: str = "",
        attributes: dict[str, Json],
        version: int = Known.LATEST,
    ) -> Published | None:
        """Publish an item; None if this run has published another content of it already.

        A run may be tried again. What it publishes of an item is published once.
        """
        try:
            return CommandService(self.tenant).publish(
                type_,
                code,
                name=name,
                attributes=attributes,
                version=version,
                caller=self.caller(f"{type_} {code}"),
            )
        except IdempotencyMismatchError:
            return None

    def publish_partial(
        self, type_: str, code: str, *, attributes: dict[str, Json]
    ) -> Published | None:
        """Change some attributes of an item; None if this run has changed it otherwise already."""
        try:
            return CommandService(self.tenant).publish_partial(
                type_, code, attributes=attributes, caller=self.caller(f"{type_} {code}")
            )
        except IdempotencyMismatchError:
            return None

    def caller(self, key: str) -> Caller:
        """Return a caller whose publish with this key is done once, however often it is tried."""
        asked = self.asked_at.isoformat() if self.asked_at else ""
        return Caller(
            source=f"job:{self.job}",
            idempotency_key=f"job {self.job} {self.occurrence.isoformat()} {asked} {key}",
            remembered_for=int(REMEMBERED.total_seconds()),
        )


def job(
    type_: str,
    *,
    cron: str | None = None,
    every: timedelta | None = None,
    zone: str = "UTC",
    tenants: Tenants = (),
    missed: Missed = "last",
    publish: Policy = CODE,
    read: Policy = MEMBERS,
) -> Callable[[Callable[[Run], object]], Callable[[Run], object]]:
    """Register a function that runs at each occurrence of a calendar, for each tenant.

    An occurrence is a version of the item `calendar` of the job's type. It runs as a handler does:
    it may be tried again, and one that fails holds the later ones until somebody retries or skips
    it. `run.publish` publishes once, however often the run is tried.

    Args:
        type_: the name of the job, a type of its own, such as STOCK_REPORT.
        cron: minute, hour, day of the month, month and day of the week, such as `0 2 * * *`.
        every: or a duration, from a minute on, counted from 1970-01-01 00:00 UTC.
        zone: whose local time the cron expression is. A time that a clock change leaves out comes
            at the change; one that comes twice comes the first time, unless the cron expression has
            every hour.
        tenants: for whom it begins, or a function that returns them. For others somebody begins it:
            `sfn-cqrs job resume`.
        missed: of occurrences that could not run in time, run the `last`, `all`, or `none`.
        publish: which clients may run, pause and resume it.
        read: which clients may see it.

    Raises:
        InvalidInputError: there is no such zone, or the calendar has no occurrence.
    """
    calendar = Calendar.of(cron, zone, every)
    if missed not in ("last", "all", "none"):
        raise InvalidInputError("missed", "must be last, all or none")
    if isinstance(tenants, str):
        raise InvalidInputError("tenants", "must be a list of names, or a function")
    checked_whole(publish, read)
    names = tenants if callable(tenants) else tuple(map(checked_tenant, tenants))

    def register(function: Callable[[Run], object]) -> Callable[[Run], object]:
        found = _jobs.get(type_)
        if found is not None and found.function.__module__ != function.__module__:
            raise ValueError(f"{type_} is a job of {found.function.__module__} already")
        handlers.command_type(
            type_, publish=publish, read=read, model=JobState, check=_by_code, lane="standard"
        )
        _jobs[type_] = Job(type_, calendar, missed, function, names)
        _register_handlers(type_, function)
        return function

    return register


def _by_code(_before: JobState | None, _after: JobState, client: Client | None) -> str | None:
    return None if client is None else "a job is changed by POST /jobs/NAME/run, pause and resume"


def _register_handlers(type_: str, function: Callable[[Run], object]) -> None:
    def plan_next(command: Command[JobState]) -> None:
        """Say when the next occurrence comes; also if this one fails, and is skipped."""
        deadlines = Deadlines(command)
        due = None if command.is_deleted else command.model.next(_published(command))
        if due is None:
            deadlines.clear(jobs.NEXT)
        else:
            deadlines.set(jobs.NEXT, at=due, publish=jobs.occurring(due))

    def run(command: Command[JobState]) -> None:
        state = command.model
        if command.is_deleted or is_replayed() or not state.runs(_published(command)):
            return
        assert state.occurrence is not None
        local = state.calendar.local(state.occurrence)
        function(Run(command.key.tenant, type_, local, state.asked_at))

    for handler, name in ((plan_next, f"calendar_of_{type_.lower()}"), (run, function.__name__)):
        handler.__name__, handler.__module__ = name, function.__module__
        handlers.acting_handler(type_)(handler)


def _published(command: Command[Any]) -> datetime:
    return datetime.fromisoformat(command.updated.at)


def all_jobs() -> dict[str, Job]:
    """Return the jobs of the user's package, by name."""
    handlers.load()
    return dict(sorted(_jobs.items()))


def find(name: str) -> Job:
    """Return a job.

    Raises:
        NotFoundError: nobody declares it; the error names those that are.
    """
    known = all_jobs()
    if name not in known:
        raise NotFoundError(f"there is no job {name}; there are: {', '.join(known) or 'none'}")
    return known[name]
