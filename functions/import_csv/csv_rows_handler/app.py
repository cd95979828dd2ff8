"""csv_rows_handler: apply a batch of rows and count it, as the last thing.

It serves both Maps. A batch that raises whenever it is tried has no marker, and that is how
finalize_parent_job knows its rows.
"""

from sfn_cqrs.service.imports.batch import RETRIES, run_batch
from sfn_cqrs.service.imports.state import ImportState, import_state_without_status


@import_state_without_status
def lambda_handler(state: ImportState) -> dict[str, object]:
    """Go through the rows; a job that has ended or is cancelled has nothing left to do.

    Raises:
        TransientError: rows wait for their chains, or AWS is busy.
    """
    is_last_try = state.context.state.retry_count >= RETRIES
    counts = run_batch(state.key, state.input, is_last_try=is_last_try)
    return {"result": counts.total if counts else 0}
