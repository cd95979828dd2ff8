"""check_version: may this version run now?

The Choice state check_version_result branches on the number answered here.
"""

from sfn_cqrs.domain import chain
from sfn_cqrs.domain.errors import PredecessorFailedError, VersionGapError
from sfn_cqrs.domain.versioning import Turn
from sfn_cqrs.service.commands.state import BegunState, first_command_state


@first_command_state
def lambda_handler(state: BegunState) -> dict[str, object]:
    """Compare the version with its predecessor's outcome and with the data's version.

    Raises:
        PredecessorFailedError: the version before this one failed; mark_failed blocks this one.
        VersionGapError: the version before this one is neither stored nor applied.
    """
    verdict = state.chain.run(chain.turn(state.mine))
    if verdict.turn is Turn.BLOCKED:
        raise PredecessorFailedError(verdict.cause)
    if verdict.turn is Turn.GAP:
        raise VersionGapError(verdict.cause)
    if verdict.turn is Turn.TOO_LATE:
        return {"result": verdict.turn.value, "error": verdict.error, "cause": verdict.cause}
    return {"result": verdict.turn.value}
