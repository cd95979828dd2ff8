"""Ending a job: every row accounted for, and errors.csv written before the status is.

However long a job is, only a part of errors.csv is held in memory: markers are read twice.
"""

from dataclasses import replace

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.machines.import_csv.csv.report import report_lines
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.failures import counted_failures, failures
from sfn_cqrs.machines.import_csv.job import End, Job, ending_of
from sfn_cqrs.machines.import_csv.parent import answer_parent
from sfn_cqrs.machines.import_csv.results import Counts


def end(job: Job, problem: Problem | None = None, *, with_report: bool = True) -> Job:
    """End a job once, answer the execution that waits for it, and return the job.

    Later callers get the job as it ended.

    Where rows are missing, their batches cannot be counted later: an abandoned function may still
    be at work. The problem is the reason why rows were not processed. Without a report, no cell is
    read.

    Raises:
        TransientError: the markers and the counters disagree; a batch may still be counting.
    """
    if job.status.is_open:
        job = _end(job, problem, with_report=with_report)
    answer_parent(job)
    return job


def _end(job: Job, problem: Problem | None, *, with_report: bool) -> Job:
    imports = bootstrap.imports()
    counted, spent = imports.totals(job.key)
    if counted.total < job.total:
        imports.seal(job.key)
        counted, spent = imports.totals(job.key)
    if sum((each.counts for each in imports.markers(job.key)), Counts()) != counted:
        raise TransientError("the markers and the counters of the job disagree")
    ending = replace(ending_of(job, counted, problem), handlers=spent.percent)
    is_listed = ending.counts.failed or (job.undoes and ending.counts.unchanged)
    if job.loaded is not None and is_listed and with_report:
        has_missing = ending.counts != counted
        failed = failures(job, job.loaded, problem) if has_missing else counted_failures(job.key)
        bootstrap.import_bucket().put_report(job.key, report_lines(job.loaded.own_header, failed))
    ended = bootstrap.import_jobs().change(job.key, End(ending), job).record
    if ended is None:
        raise SupersededError(f"there is no import {job.key.id}")
    return ended
