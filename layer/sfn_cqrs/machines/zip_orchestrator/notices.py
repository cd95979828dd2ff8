"""Messages about the import of an archive: its start, its end, and its failure."""

from sfn_cqrs.kernel.notices import Message, alarm, notice
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob


def zip_status(job: ZipJob, table: str) -> Message:
    """The notice that an archive's files are known, or that its import has ended."""
    ending = job.ending
    counts = ending.counts if ending else Counts()
    cancelled = ending.cancelled if ending else 0
    content = {
        "status": str(job.status),
        "table": job.table,
        "files": job.files,
        "total": counts.total + cancelled,
        **counts.by_name,
        "cancelled": cancelled,
        "error": ending.problem.code if ending and ending.problem else None,
    }
    return notice("import-status", job.key, table, content, job.depth, job.trace)


def zip_alarms(job: ZipJob, table: str, execution: str) -> list[Message]:
    """The alarms that an import has failed, and that finalization hooks have."""
    messages = []
    if job.status is JobStatus.FAILED:
        messages.append(_reason(job))
    messages += [f"the hook {name} failed: {error}" for name, error in job.failed_hooks.items()]
    return [alarm(job.key, table, message, execution) for message in messages]


def _reason(job: ZipJob) -> str:
    problem = job.ending.problem if job.ending else None
    if problem is not None:
        return f"{problem.code}: {problem.reason}"
    return f"files or rows have failed; look at the files of {job.key.id}"
