"""The consumer of the import action queue: it imports single rows, a job each.

A row that fails each time its message comes is not left to the dead letters: the last time but
one its job ends and says why. If even that did not end (a strategy may take longer than the
function has), the last time ends the job and reads no cell.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.functions.queue import Delivery, consumer_of
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.job import Begin, Job

ROW = 1
KILLED = Problem("failed", "no try has ended; see the log")


@consumer_of(lambda: bootstrap.import_actions())
def lambda_handler(delivery: Delivery) -> None:
    """Import the row of the job that a message names; one that has ended needs nothing."""
    key = ImportKey.of(delivery.notice["tenantCode"], delivery.notice["id"])
    begun = bootstrap.import_jobs().change(key, Begin())
    job = begun.record
    if not begun.done or job is None or job.cells is None:
        return
    if not delivery.tries_left:
        end(job, None if job.is_cancelled else KILLED, with_report=False)
        return
    is_last_try = delivery.tries_left == 1
    try:
        end(job, _imported(job, is_last_try=is_last_try))
    except Exception as error:
        if not is_last_try:
            raise
        logger.exception("a row could not be imported")
        code = "busy" if is_transient(error) else "failed"
        end(job, Problem(code, f"{type(error).__name__}; see the log"))


def _imported(job: Job, *, is_last_try: bool) -> Problem | None:
    """What is wrong with the row, if something is; of a cancelled job it is left alone."""
    if job.is_cancelled:
        return None
    return RowBatch.of(job, [Row(ROW, job.row)], is_last_try=is_last_try).run().plan[ROW].problem
