"""csv_loader: what is in the file, and who reads its rows?

The Choice state choose_reader branches on the reader answered here; the Map reads the very
version of the very object that was looked at, or what was written of it.
"""

from sfn_cqrs.service.imports.load import load_job
from sfn_cqrs.service.imports.state import BegunImport, import_state


@import_state
def lambda_handler(state: BegunImport) -> dict[str, object]:
    """Go through the file once; one that cannot be imported has no reader."""
    return load_job(state.begun, state.remaining_ms)
