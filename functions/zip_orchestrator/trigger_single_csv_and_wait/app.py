"""trigger_single_csv_and_wait: begin the import of one file, which ends this state's wait.

Its input is what extract_file answered, or the error that it ended with. The wait always ends
with success: how the import went is in its own job, and finalize_zip_job reads it there.
"""

from sfn_cqrs.service.zips.child import trigger
from sfn_cqrs.service.zips.state import ZipState, zip_state


@zip_state
def lambda_handler(state: ZipState) -> None:
    """Store the token in the file's own import; what is not to be imported is answered here."""
    trigger(state)
