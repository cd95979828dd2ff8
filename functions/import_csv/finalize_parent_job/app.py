"""finalize_parent_job: end the job, from its batches' markers alone.

Its input is the Map's result, the loader's answer where no Map ran, or what a Catch caught.
"""

from sfn_cqrs.service.imports.end import end_job, problem_of
from sfn_cqrs.service.imports.state import ImportState, import_state_without_status


@import_state_without_status
def lambda_handler(state: ImportState) -> dict[str, object]:
    """Account for every row, write errors.csv and then the status, once."""
    job = end_job(state.key, problem_of(state.input))
    return {"result": str(job.status)}
