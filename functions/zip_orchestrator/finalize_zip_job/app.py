"""finalize_zip_job: sum the files up, write the status, then run the user's hooks.

Its input are the iterations' answers; one that gave up names its error. The Catches of the
states before lead here, too.
"""

from sfn_cqrs.service.zips.end import end_zip
from sfn_cqrs.service.zips.state import ZipState, zip_state


@zip_state
def lambda_handler(state: ZipState) -> dict[str, object]:
    """End the job; the imports of its files tell how each of them went."""
    return {"result": str(end_zip(state).status)}
