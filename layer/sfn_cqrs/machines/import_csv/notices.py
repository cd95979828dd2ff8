"""Messages about the import of a file or of a single row."""

from sfn_cqrs.kernel.notices import Message, alarm, notice
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.results import Counts


def import_execute(job: Job, table: str) -> Message:
    """The message that has a single row imported."""
    content = {"table": job.table}
    return notice("import-execute", job.key, table, content, trace=job.trace)


def import_status(job: Job, counts: Counts, table: str) -> Message:
    """The notice of how far a job is: its file is read, another twentieth is done, it ended."""
    problem = job.ending.problem if job.ending else None
    content = {
        "status": str(job.status),
        "table": job.table,
        "total": job.total,
        **counts.by_name,
        "cancelled": job.ending.cancelled if job.ending else 0,
        "error": problem.code if problem else None,
    }
    return notice("import-status", job.key, table, content, job.depth, job.trace)


def import_alarm(job: Job, counts: Counts, table: str, execution: str | None) -> Message:
    """The alarm that a job has failed."""
    problem = job.ending.problem if job.ending else None
    reason = f"{problem.code}: {problem.reason}" if problem else "see errors.csv"
    message = f"{counts.failed} of {job.total} rows failed; {reason}"
    return alarm(job.key, table, message, execution)
