"""A single row: a job of one row, whose cells are in its item."""

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.transient import is_transient
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.import_job import Begin, Job
from sfn_cqrs.domain.imports import InputRow
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.service.imports import strategies
from sfn_cqrs.service.imports.end import end
from sfn_cqrs.service.imports.rows import RowBatch
from sfn_cqrs.service.logs import logger

ROW = 1


def import_single(key: ImportKey, *, is_last_try: bool = False) -> Job | None:
    """Import the row of a job; None if it has ended, or never was.

    On its last try the job ends with whatever keeps the row from being imported.

    Raises:
        TransientError: something is busy, or the row waits for its chain.
        Exception: whatever else the strategy or a handler raises, before the last try.
    """
    begun = bootstrap.import_jobs().change(key, Begin())
    job = begun.record
    if not begun.done or job is None or job.cells is None:
        return None
    if job.is_cancelled:
        return end(job)
    try:
        return end(job, _applied(job, is_last_try=is_last_try))
    except Exception as error:
        if not is_last_try:
            raise
        logger.exception("a row could not be imported")
        problem = Problem(
            "busy" if is_transient(error) else "failed", f"{type(error).__name__}; see the log"
        )
        return end(job, problem)


def _applied(job: Job, *, is_last_try: bool) -> Problem | None:
    strategy = strategies.find(job.table)
    rows = [InputRow(ROW, job.row)]
    batch = RowBatch(job.settings(), strategy, rows, is_last_try=is_last_try)
    return batch.run().plan[ROW].problem
