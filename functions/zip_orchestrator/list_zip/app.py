"""list_zip: which files of the archive are to be imported?

The Map extract_files goes through the indexes answered here. An archive that cannot be read has
none, and says why in its job.
"""

from sfn_cqrs.service.zips.files import list_zip
from sfn_cqrs.service.zips.state import ZipState, zip_state


@zip_state
def lambda_handler(state: ZipState) -> dict[str, object]:
    """Read the directory, once; a later attempt answers the files that have not ended."""
    return {"result": list_zip(state.ref)}
