"""trigger_single_csv_and_wait: begin the import of one file, which ends this state's wait.

Its input is what extract_file answered, or the error that it ended with. The wait always ends
with success: how the import went is in its own job, and finalize_zip_job reads it there.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.import_csv.job import Cancel
from sfn_cqrs.machines.zip_orchestrator.child import begin_child
from sfn_cqrs.machines.zip_orchestrator.state import ZipState, zip_state


@zip_state
def lambda_handler(state: ZipState) -> None:
    """Store the token in the file's own import; what is not to be imported is answered here.

    Cancelling writes its mark and then stops the imports that there are; here the import is
    created and then the mark is read, so that one of the two sees the other.

    Raises:
        SupersededError: there is no such job, or a later try waits already.
    """
    zips, key, answer = bootstrap.zip_jobs(), state.ref.key, state.input
    job = zips.find(key)
    if job is None:
        raise SupersededError(f"import {key.id} does not exist")
    is_wanted = job.is_mine(state.ref.attempt) and not job.is_cancelled and "error" not in answer
    file = zips.processing(key, answer["index"]) if is_wanted else None
    if file is None:
        told = {name: answer[name] for name in ("index", "error") if name in answer}
        payload = {"Payload": {**told, "status": "NOT_BEGUN"}}
        bootstrap.zip_executions().succeed(state.token, payload)
        return
    begin_child(job, file, state)
    found = zips.find(key)
    if found is not None and found.is_cancelled:
        bootstrap.import_jobs().change(key.child(file.index), Cancel())
