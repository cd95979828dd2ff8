"""finalize_zip_job: sum the files up, write the status, then run the user's hooks.

Its input are the iterations' answers; one that gave up names its error. The Catches of the
states before also lead here.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.zip_orchestrator.end import end_zip
from sfn_cqrs.machines.zip_orchestrator.hooks import FinishedImport, run_hooks
from sfn_cqrs.machines.zip_orchestrator.job import Settle
from sfn_cqrs.machines.zip_orchestrator.state import ZipState, zip_state


@zip_state
def lambda_handler(state: ZipState) -> dict[str, object]:
    """End the job once, then run the hooks that have not run; who comes later does the rest.

    Raises:
        SupersededError: the attempt does not own the job.
        TransientError: a file's import is still ending, or a hook asks for another try.
    """
    zips, key, is_late = bootstrap.zip_jobs(), state.ref.key, state.is_late
    job = zips.find(key)
    if job is None or job.attempt != state.ref.attempt:
        raise SupersededError(f"attempt {state.ref.attempt} no longer owns {key.id}")
    if job.status.is_open:
        job = end_zip(job, state.input, is_late=is_late)
    finished, done = FinishedImport(job, tuple(zips.files(key))), zips.hooks(key)
    hooks = run_hooks(finished, done, zips.hook_ran, state.remaining_ms, is_late=is_late)
    job = zips.change(key, Settle(hooks), job).record or job
    return {"result": str(job.status)}
