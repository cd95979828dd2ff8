"""check_version: may this version run now?

The Choice state check_version_result branches on the number answered here. In the express lane
nothing waits: a version that has to wait continues in the standard machine.
"""

from sfn_cqrs.kernel.errors import NotYetError, PredecessorFailedError, VersionGapError
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.process import Turn
from sfn_cqrs.machines.command.state import BegunState, first_command_state

POLLS = 2
"""As often as the express machine's Retry lets it look again; cheaper than to hand over."""


@first_command_state
def lambda_handler(state: BegunState) -> dict[str, object]:
    """Compare the version with its predecessor's outcome and with the data's version.

    Raises:
        PredecessorFailedError: the version before this one failed; mark_failed blocks this one.
        VersionGapError: the version before this one is neither stored nor applied.
        NotYetError: it is open, and the express machine looks again in a moment.
    """
    verdict = state.chain.run(chain.turn(state.mine))
    if verdict.turn is Turn.BLOCKED:
        raise PredecessorFailedError(verdict.cause)
    if verdict.turn is Turn.GAP:
        raise VersionGapError(verdict.cause)
    if verdict.turn is Turn.WAIT and state.is_express:
        if state.context.state.retry_count < POLLS:
            raise NotYetError(f"version {verdict.predecessor} is open")
        state.chain.run(chain.leave(state.ref.version, state.ref.attempt, state.run))
    if verdict.turn is Turn.TOO_LATE:
        return {"result": verdict.turn.value, "error": verdict.error, "cause": verdict.cause}
    return {"result": verdict.turn.value}
