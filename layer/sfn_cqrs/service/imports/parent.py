"""Answering the ZIP import that waits for one of its files."""

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.import_job import Answer, Job
from sfn_cqrs.domain.values import Json


def answer_parent(job: Job) -> None:
    """Tell whoever waits for a job how it has ended, once it has.

    A wait that is over is none; whoever finds the answer not noted sends it again.
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
