"""Repairing imports of archives: a start that was lost, an execution that has died.

If the answer to a wait was lost, the sweep of the file's own import sends it again.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ZipKey, ZipRef
from sfn_cqrs.machines.import_csv.queueing import may_begin
from sfn_cqrs.machines.zip_orchestrator.job import MAX_ATTEMPTS, Restart


def sweep_zip(key: ZipKey) -> str:
    """Repair a job that has been open for long, and return what was done.

    An execution that has ended without ending the job is followed by the next
    attempt, which goes on with the files that have not ended.
    """
    job = bootstrap.zip_jobs().find(key)
    if job is None:
        return "closed"
    execution = bootstrap.zip_executions().describe(job.ref)
    if execution is None:
        if not may_begin(job):
            return "queued"
        bootstrap.every_import().start(job)
        return "started"
    if execution.is_running:
        return "running"
    following = bootstrap.zip_jobs().change(key, Restart(job.attempt), job)
    if not following.done or following.record is None:
        return "closed"
    bootstrap.zip_executions().start(following.record.ref, following.record.trace)
    return "restarted"


def sweep_ended_zip(ref: ZipRef) -> str:
    """Go on with the job of an execution that has ended other than well.

    After the last attempt only the sweep goes on, so that no error makes executions follow one
    another without a pause.
    """
    job = bootstrap.zip_jobs().find(ref.key)
    if job is None or job.attempt != ref.attempt:
        return "superseded"
    return "waiting" if job.attempt > MAX_ATTEMPTS else sweep_zip(ref.key)
