"""A job's progress, and its notices: at the start, at each twentieth at most, at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.stream import Outbox
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Advance, Job, JobStatus, ProcessingMode
from sfn_cqrs.machines.import_csv.notices import import_alarm, import_status
from sfn_cqrs.machines.import_csv.results import Counts

STEPS = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """A job and its progress; `rate` is rows a second and `eta` seconds, where they are known.

    `handlers` are percents of the time that batches took.
    """

    job: Job
    counts: Counts
    rate: float | None = None
    eta: float | None = None
    handlers: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Return the number of rows."""
        return self.job.total

    @property
    def cancelled(self) -> int:
        """Return how many rows were not processed, because the import was cancelled."""
        return self.job.ending.cancelled if self.job.ending else 0

    @property
    def stopping(self) -> str | None:
        """Return why the import ends soon, while it has not."""
        return "cancelled" if self.job.is_cancelled and self.job.ending is None else None

    @property
    def error(self) -> Problem | None:
        """Return why the import failed as a whole."""
        return self.job.ending.problem if self.job.ending else None


def progress_of(job: Job) -> Progress:
    """Return a job with its live counts."""
    if job.ending is not None:
        return Progress(job, job.ending.counts, handlers=job.ending.handlers)
    counts, spent = bootstrap.imports().totals(job.key)
    if not job.started_at or not counts.total:
        return Progress(job, counts)
    seconds = (bootstrap.now() - datetime.fromisoformat(job.started_at)).total_seconds()
    rate = counts.total / seconds if seconds > 0 else 0.0
    eta = (job.total - counts.total) / rate if rate else None
    return Progress(job, counts, rate, eta, spent.percent)


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
