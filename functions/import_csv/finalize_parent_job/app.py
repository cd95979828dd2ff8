"""finalize_parent_job: end the job, from its batches' markers alone.

Its input is the Map's result, the loader's answer where no Map ran, or what a Catch caught.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.state import ImportState, import_state_without_status


@import_state_without_status
def lambda_handler(state: ImportState) -> dict[str, object]:
    """Account for every row, write errors.csv and then the status, once; answer how the job ended.

    FAULT is the answer if the import itself is broken: then the execution also fails.

    Raises:
        SupersededError: there is no such job.
        TransientError: a batch may still be counting.
    """
    job = bootstrap.import_jobs().find(state.key)
    if job is None:
        raise SupersededError(f"import {state.key.id} does not exist")
    ended = end(job, _caught(state.input) or job.refusal)
    return {"result": "FAULT" if ended.has_fault else str(ended.status)}


def _caught(state_input: object) -> Problem | None:
    """Return the error that a Catch caught, as a job shows it; None for anything else."""
    if not isinstance(state_input, dict) or "Error" not in state_input:
        return None
    failure = Failure.of(state_input)
    reason = failure.summary.partition("\n")[0]
    if failure.error == "States.ItemReaderFailed":
        return Problem("unreadable", f"the rows could not be read: {reason}")
    return Problem("failed", f"{failure.error}: {reason}")
