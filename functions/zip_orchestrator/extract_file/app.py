"""extract_file: write the file whose index is this iteration's input to a key of its own."""

from sfn_cqrs.service.zips.files import extract_file
from sfn_cqrs.service.zips.state import ZipState, zip_state


@zip_state
def lambda_handler(state: ZipState) -> dict[str, object]:
    """Extract it, unless it is there; one that cannot be says why in its own item."""
    is_there = extract_file(state.ref.key, state.input, state.remaining_ms)
    return {"index": state.input, "ok": is_there}
