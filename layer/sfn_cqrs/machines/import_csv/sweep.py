"""Repairing a job that has been open for long, and ending one whose execution has ended."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.job import JobStatus, ProcessingMode, SendAgain
from sfn_cqrs.machines.import_csv.notices import import_execute
from sfn_cqrs.machines.import_csv.parent import answer_parent
from sfn_cqrs.machines.import_csv.queueing import may_begin


def sweep_import(key: ImportKey) -> str:
    """Send again what was lost, and return what was done.

    That is a start, a single row's message, or the answer to the execution that waits for the end.
    Starting a running job changes nothing.
    """
    job = bootstrap.import_jobs().find(key)
    if job is None:
        return "closed"
    if not job.status.is_open:
        answer_parent(job)
        return "closed"
    if job.cells is not None:
        if not job.may_have_lost(iso(bootstrap.now())):
            return "waiting"
        bootstrap.events().publish([import_execute(job, bootstrap.import_table_name())])
        bootstrap.import_jobs().change(key, SendAgain(), job)
        return "queued"
    if job.status is JobStatus.PROCESSING and job.mode is ProcessingMode.STEP_FUNCTION:
        return "begun"
    if not may_begin(job):
        return "queued"
    bootstrap.every_import().start(job)
    return "started"


def finish_import(key: ImportKey) -> str:
    """End the job of a file whose execution ended without it; return what was done.

    The counts decide how the job ends.
    """
    job = bootstrap.import_jobs().find(key)
    if job is None or not job.status.is_open or job.cells is not None:
        return "closed"
    execution = bootstrap.import_executions().describe(job.key)
    if execution is None:
        return "unstarted"
    if execution.is_running:
        return "running"
    end(job, job.refusal or Problem("execution_ended", f"its execution ended: {execution.error}"))
    return "finished"
