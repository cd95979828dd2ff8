"""csv_rows_handler: apply a batch of rows and count it, as the last thing.

It serves both Maps. A batch that raises whenever it is tried has no marker, and that is how
finalize_parent_job knows its rows.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.import_csv.state import ImportState, import_state_without_status

RETRIES = 15
"""As often the machine has a batch tried again while AWS is busy, or its rows wait."""


@import_state_without_status
def lambda_handler(state: ImportState) -> dict[str, object]:
    """Go through the rows; a job that has ended or is cancelled has nothing left to do.

    Raises:
        TransientError: rows wait for their chains, or AWS is busy.
    """
    job = bootstrap.import_jobs().find(state.key)
    if job is None or job.loaded is None or not job.takes_rows:
        return {"result": 0}
    rows = job.loaded.rows_of(state.input)
    is_last_try = state.context.state.retry_count >= RETRIES or state.is_late
    return {"result": RowBatch.of(job, rows, is_last_try=is_last_try).run().counts.total}
