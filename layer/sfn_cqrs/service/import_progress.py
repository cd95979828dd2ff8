"""How far a job is, and telling the world: at the start, each twentieth at most, at the end."""

from dataclasses import dataclass
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.import_job import Job, JobStatus
from sfn_cqrs.domain.imports import Counts
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.domain.notices import import_alarm, import_status

STEPS = 20


@dataclass(frozen=True, slots=True)
class Told:
    """What a change of a job has to be told of."""

    notices: list[dict[str, Any]]
    alarms: list[dict[str, Any]]


def advance(key: ImportKey) -> None:
    """Note that another twentieth of a job's rows is done, if one is; its item tells the world."""
    job = bootstrap.import_jobs().find(key)
    if job is None or job.step is None or not job.status.is_open or not job.total:
        return
    step = STEPS * bootstrap.imports().counts(key).total // job.total
    if step > job.step and step < STEPS:
        bootstrap.import_jobs().advance(key, step)


def told_of(job: Job) -> Told:
    """What a job that was written has to be told of, as it was then."""
    table = bootstrap.import_table_name()
    if job.ending is None:
        counts = bootstrap.imports().counts(job.key) if job.step else Counts()
        return Told([import_status(job, counts, table)], [])
    counts = job.ending.counts
    alarms = [import_alarm(job, counts, table)] if job.status is JobStatus.FAILED else []
    return Told([import_status(job, counts, table)], alarms)
