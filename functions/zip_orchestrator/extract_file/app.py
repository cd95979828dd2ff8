"""extract_file: write the file whose index is this iteration's input to a key of its own."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.zip_orchestrator.files import extract
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus
from sfn_cqrs.machines.zip_orchestrator.state import ZipState, zip_state

READY = (FileStatus.EXTRACTED, FileStatus.PROCESSING)


@zip_state
def lambda_handler(state: ZipState) -> dict[str, object]:
    """Extract it, unless it is there; one that cannot be says why in its own item.

    Raises:
        SupersededError: there is no such job or file.
        TransientError: the connection to S3 broke.
    """
    zips, key, index = bootstrap.zip_jobs(), state.ref.key, state.input
    job, file = zips.find(key), zips.file(key, index)
    if job is None or file is None:
        raise SupersededError(f"{key.id} has no file {index}")
    if job.is_cancelled or not job.status.is_open:
        return {"index": index, "ok": False}
    if file.status is FileStatus.CREATED:
        file = extract(job, file, state.remaining_ms) or zips.file(key, index) or file
    return {"index": index, "ok": file.status in READY}
