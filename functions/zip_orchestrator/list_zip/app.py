"""list_zip: which files of the archive are to be imported?

The Map extract_files goes through the indexes answered here. An archive that cannot be read has
none, and says why in its job.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.zip_orchestrator.files import list_files
from sfn_cqrs.machines.zip_orchestrator.job import MAX_ATTEMPTS, Begin
from sfn_cqrs.machines.zip_orchestrator.state import ZipState, zip_state


@zip_state
def lambda_handler(state: ZipState) -> dict[str, object]:
    """Read the directory, once; a later attempt answers the files that have not ended.

    Raises:
        SupersededError: the attempt does not own the job.
    """
    zips, ref = bootstrap.zip_jobs(), state.ref
    begun = zips.change(ref.key, Begin(ref.attempt))
    job = begun.record
    if job is None or job.attempt != ref.attempt:
        raise SupersededError(f"attempt {ref.attempt} no longer owns {ref.key.id}")
    if begun.done and job.files is None:
        job = list_files(job)
    if not begun.done or job.is_cancelled or job.attempt > MAX_ATTEMPTS:
        return {"result": []}
    return {"result": [file.index for file in zips.files(job.key) if file.status.is_open]}
