"""Answering the ZIP import that waits for one of its files."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.import_csv.job import Answer, Job


def answer_parent(job: Job) -> None:
    """Answer the execution that waits for a job, once the job has ended.

    A wait that is over needs no answer. If the answer was not noted, the next caller sends it
    again.
    """
    parent, ending = job.parent, job.ending
    if parent is None or parent.token is None or ending is None:
        return
    result: dict[str, Json] = {
        "id": job.key.id,
        "index": parent.index,
        "status": str(ending.status),
        "total": job.total,
        **ending.counts.by_name,
        "cancelled": ending.cancelled,
    }
    bootstrap.import_executions().succeed(parent.token, {"Payload": result})
    bootstrap.import_jobs().change(job.key, Answer(parent.token), job)
