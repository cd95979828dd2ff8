"""csv_loader: what is in the file, and who reads its rows?

The Choice state choose_reader branches on the reader answered here; the Map reads the very
version of the very object that was looked at, or what was written of it.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.machines.import_csv.bucket import results_prefix
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Load, Reader, Refuse
from sfn_cqrs.machines.import_csv.load import load
from sfn_cqrs.machines.import_csv.state import BegunImport, import_state

NO_ROWS: dict[str, object] = {"result": str(Reader.NONE)}


@import_state
def lambda_handler(state: BegunImport) -> dict[str, object]:
    """Go through the file once; one that cannot be imported has no reader.

    Raises:
        SupersededError: the job has ended meanwhile.
    """
    job = state.begun
    if job.is_cancelled:
        return NO_ROWS
    loaded = job.loaded
    if loaded is None or job.is_unread:
        try:
            loaded = load(job, state.remaining_ms)
        except InvalidFileError as error:
            state.keep(Refuse(Problem(error.problem, str(error))))
            return NO_ROWS
        state.keep(Load(loaded))
    source, places = loaded.source, bootstrap.import_places()
    return {
        "result": str(loaded.reader),
        **job.key.as_input(),
        "source": {"bucket": source.bucket, "key": source.key, "versionId": source.version_id},
        "results": results_prefix(job.key),
        "concurrency": places.batches,
        "rows": places.rows,
    }
