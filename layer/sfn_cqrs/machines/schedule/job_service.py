"""Jobs from the outside: look at them, run, pause and resume them; and let those declared begin."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Command, Content, Known, Patch
from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError, VersionConflictError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.functions.runner import Runner
from sfn_cqrs.kernel.keys import ItemKey, PlanKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.change import Published
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule import declared_jobs, jobs
from sfn_cqrs.machines.schedule.calendar import Calendar
from sfn_cqrs.machines.schedule.jobs import CODE, Job, JobState
from sfn_cqrs.machines.schedule.rules import DEADLINE, Status

MOST_RUNS: Final = 100
"""How many occurrences one request may run."""
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class JobView:
    """A job of a tenant: how it is declared, what it did last, and what comes next.

    `status` is NEW if it has not begun, else RUNNING or PAUSED; `outcome` is that of its latest
    version.
    """

    job: Job
    status: str = "NEW"
    last: str | None = None
    version: int | None = None
    outcome: str | None = None
    upcoming: tuple[str, ...] = ()


class JobService:
    """The jobs of a tenant."""

    def __init__(self, tenant: str, client: Client | None = None) -> None:
        """Work for one tenant, and for a client, or for code."""
        self._tenant = tenant
        self._client = client

    def list(self) -> list[JobView]:
        """Return the jobs that the client may see, by name."""
        found = declared_jobs.all_jobs().values()
        return [self._view(job) for job in found if handlers.sees_all(job.type, self._client)]

    def get(self, name: str) -> JobView:
        """Return a job.

        Raises:
            NotFoundError: nobody declares it.
            NotPermittedError: the client may not see it.
        """
        job = declared_jobs.find(name)
        handlers.check_read(job.type, self._client)
        return self._view(job)

    def run(
        self,
        name: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        caller: Caller | None = None,
    ) -> JobView:
        """Run a job now; or, of the past, for its occurrences from one moment until before another.

        Raises:
            InvalidInputError: the moments are not in the past, or there are no or many occurrences.
            NotFoundError: it is not declared, or has not begun.
            NotPermittedError: the client may not run it.
        """
        job, now = self._changeable(name), bootstrap.now()
        if self._latest(job) is None:
            raise NotFoundError(f"{name} has not begun: resume it first")
        for moment in _past(job.calendar, since, until, now) if since or until else (now,):
            self._publish(job, jobs.asked_for(moment, now), caller)
        return self._view(job)

    def pause(self, name: str, *, caller: Caller | None = None) -> JobView:
        """Let no occurrence come until the job is resumed.

        Raises:
            NotFoundError: it is not declared, or has not begun.
            NotPermittedError: the client may not pause it.
        """
        job = self._changeable(name)
        latest = self._latest(job)
        if latest is None:
            raise NotFoundError(f"{name} has not begun")
        self._publish(job, jobs.paused(latest.model), caller)
        return self._view(job)

    def resume(self, name: str, *, caller: Caller | None = None) -> JobView:
        """Let a paused job go on, or one begin; what it has missed meanwhile does not come.

        Raises:
            NotFoundError: it is not declared.
            NotPermittedError: the client may not resume it.
        """
        job, now = self._changeable(name), bootstrap.now()
        latest = self._latest(job)
        if latest is None or latest.is_deleted:
            version = latest.version if latest else Known.NONE
            _begin(self._tenant, job, version, job.begun(now), _of_code(caller))
        elif latest.model.paused:
            self._publish(job, jobs.resumed(latest.model, now), caller)
        return self._view(job)

    def _changeable(self, name: str) -> Job:
        job = declared_jobs.find(name)
        handlers.check_publish(job.type, self._client)
        return job

    def _latest(self, job: Job) -> Command[JobState] | None:
        return bootstrap.commands().latest(ItemKey(self._tenant, job.type, CODE))

    def _publish(self, job: Job, attributes: dict[str, Json], caller: Caller | None) -> Published:
        """Change the item as code does, since nobody else may; the audit names the client."""
        return CommandService(self._tenant).publish_partial(
            job.type, CODE, attributes=attributes, is_deleted=False, caller=_of_code(caller)
        )

    def _view(self, job: Job) -> JobView:
        latest = self._latest(job)
        if latest is None or latest.is_deleted:
            return JobView(job)
        state, process = latest.model, bootstrap.processes().find(latest.key, latest.version)
        return JobView(
            job,
            "PAUSED" if state.paused else "RUNNING",
            last=iso(state.last) if state.last else None,
            version=latest.version,
            outcome=process.outcome if process else None,
            upcoming=tuple(map(iso, self._upcoming(latest))),
        )

    def _upcoming(self, latest: Command[JobState]) -> Iterator[datetime]:
        """Yield its next occurrences: the one that is planned, and those after it."""
        plan = bootstrap.schedule().find(PlanKey(latest.key, DEADLINE + jobs.NEXT))
        if plan is not None and plan.status is Status.PLANNED and not latest.model.paused:
            first = datetime.fromisoformat(plan.due_at)
            yield first
            yield from islice(latest.model.calendar.since(first), _SHOWN - 1)


def _past(
    calendar: Calendar, since: datetime | None, until: datetime | None, now: datetime
) -> list[datetime]:
    """Return the occurrences of a range of the past.

    Raises:
        InvalidInputError: there is none, or the range is not one of the past.
    """
    if since is None or until is None or not since < until <= now:
        raise InvalidInputError("until", "must be after `from`, and not in the future; give both")
    found: list[datetime] = []
    for one in calendar.since(since - datetime.resolution):
        if one >= until:
            break
        if len(found) == MOST_RUNS:
            raise InvalidInputError("until", f"leaves more than {MOST_RUNS} occurrences")
        found.append(one)
    if not found:
        raise InvalidInputError("until", "leaves no occurrence")
    return found


def _of_code(caller: Caller | None) -> Caller:
    """Return a caller without the rights of a client, nor a key that a client has chosen."""
    return replace(caller or Caller(), client=None, idempotency_key=None)


def _begin(
    tenant: str, job: Job, version: int, attributes: dict[str, Json], caller: Caller
) -> None:
    content = Content.checked("", attributes)
    CommandService(tenant).change(job.type, CODE, content, version, caller).publish()


def keep_jobs() -> None:
    """Let the jobs begin that are declared for tenants, and follow how they are declared.

    A process looks at once, and then every ten minutes; what fails is looked at again then.
    """
    if not bootstrap.job_rounds().is_time(bootstrap.now()):
        return
    for job in declared_jobs.all_jobs().values():
        try:
            for tenant in job.tenants() if callable(job.tenants) else job.tenants:
                _Keeping(tenant, job).run(jobs.keep(job, bootstrap.now()))
        except Exception as error:
            if not is_transient(error):
                logger.exception("a job could not be kept", job=job.type)


class _Keeping(Runner[jobs.Call]):
    """Runs the program for a job of a tenant."""

    def __init__(self, tenant: str, job: Job) -> None:
        self._tenant, self._job = tenant, job

    def _make(self, call: jobs.Call) -> object:
        match call:
            case jobs.Find():
                key = ItemKey(self._tenant, self._job.type, CODE)
                latest = bootstrap.commands().latest(key)
                return jobs.Seen.of(latest) if latest else None
            case jobs.Change(version, attributes):
                return self._change(version, attributes)

    def _change(self, version: int, attributes: dict[str, Json]) -> bool:
        """Publish it, unless somebody else came first."""
        caller = Caller(source="declared")
        try:
            if version == Known.NONE:
                _begin(self._tenant, self._job, version, attributes, caller)
            else:
                patch = Patch.checked(None, attributes, is_deleted=None)
                service = CommandService(self._tenant)
                service.change(self._job.type, CODE, patch, version, caller).publish()
        except VersionConflictError:
            return False
        return True
