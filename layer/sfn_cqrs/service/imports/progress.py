"""A job's progress, and its notices: at the start, at each twentieth at most, at the end."""

from dataclasses import dataclass
from datetime import datetime

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.import_job import Advance, Job, JobStatus, ProcessingMode
from sfn_cqrs.domain.imports import Counts
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.domain.notices import import_alarm, import_status
from sfn_cqrs.domain.values import Json
from sfn_cqrs.service.stream import Outbox

STEPS = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """A job and its progress; `rate` is rows a second and `eta` seconds, where they are known."""

    job: Job
    counts: Counts
    rate: float | None = None
    eta: float | None = None

    def as_json(self, *, may_read: bool = True) -> dict[str, Json]:
        """Return the job as the HTTP API and `--json` print it.

        A client that may import but not read sees how many rows were accepted, but not whether they
        changed anything: that would reveal the items' content, one guess a row.
        """
        job, ending = self.job, self.job.ending
        counts: dict[str, Json] = {**self.counts.by_name}
        if not may_read:
            counts = {"accepted": self.counts.accepted, "failed": self.counts.failed}
        view: dict[str, Json] = {
            "id": job.key.id,
            "kind": job.key.kind.name.lower(),
            "table": job.table,
            "status": str(job.status),
            "processingMode": str(job.mode),
            "publishMode": str(job.publish_mode),
            "dryRun": job.dry_run,
            "total": job.total,
            **counts,
            "cancelled": ending.cancelled if ending else 0,
            "createdAt": job.by.at,
            "startedAt": job.started_at or None,
            "finishedAt": job.finished_at or None,
            **({"file": job.file_name} if job.file_name else {}),
        }
        if job.is_cancelled and ending is None:
            view["stopping"] = "cancelled"
        tells = may_read or job.cells is None
        if ending is not None and ending.problem is not None and tells:
            view["error"] = {"code": ending.problem.code, "message": ending.problem.reason}
        view |= _others(job)
        if self.rate is not None:
            view |= {"rowsPerSecond": round(self.rate, 1), "etaSeconds": self.eta}
        return view


def _others(job: Job) -> dict[str, Json]:
    """Return the ids of the import's related imports, by relation."""
    others = {
        "retries": job.retries[0] if job.retries else None,
        "retriedBy": job.retried_by,
        "undoes": job.undoes,
        "undoneBy": job.undone_by,
        "parent": job.parent.id if job.parent else None,
    }
    return {name: id_ for name, id_ in others.items() if id_}


def progress_of(job: Job) -> Progress:
    """Return a job with its live counts."""
    if job.ending is not None:
        return Progress(job, job.ending.counts)
    counts = bootstrap.imports().counts(job.key)
    if not job.started_at or not counts.total:
        return Progress(job, counts)
    seconds = (bootstrap.now() - datetime.fromisoformat(job.started_at)).total_seconds()
    rate = counts.total / seconds if seconds > 0 else 0.0
    eta = (job.total - counts.total) / rate if rate else None
    return Progress(job, counts, rate, eta)


def advance(key: ImportKey) -> None:
    """Note that another twentieth of a job's rows is done, if one is. The write sends a notice."""
    job = bootstrap.import_jobs().find(key)
    if job is None or job.step is None or not job.status.is_open or not job.total:
        return
    step = STEPS * bootstrap.imports().counts(key).total // job.total
    if step > job.step and step < STEPS:
        bootstrap.import_jobs().change(key, Advance(step), job)


def tell(job: Job, outbox: Outbox) -> None:
    """Send the notices about a job that was written, as it was then."""
    table = bootstrap.import_table_name()
    if job.ending is not None:
        counts = job.ending.counts
    else:
        counts = bootstrap.imports().counts(job.key) if job.step else Counts()
    outbox.notices.append(import_status(job, counts, table))
    if job.status is JobStatus.FAILED:
        outbox.alarms.append(import_alarm(job, counts, table, _execution(job)))


def _execution(job: Job) -> str | None:
    """Return the ARN of a job's execution; a single row and a DIRECT import have none."""
    if job.cells is not None or job.mode is ProcessingMode.DIRECT:
        return None
    return bootstrap.import_executions().arn_of(job.key)
