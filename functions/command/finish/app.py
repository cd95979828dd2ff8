"""finish: close the version as applied, then wake the one that waits for it."""

from sfn_cqrs.domain import chain
from sfn_cqrs.domain.errors import SupersededError
from sfn_cqrs.domain.process import Outcome
from sfn_cqrs.service.commands.state import CommandState, command_state_without_status


@command_state_without_status
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Write the outcome first and look for a waiter afterwards.

    Raises:
        SupersededError: a newer attempt owns the version, or this one was closed otherwise.
    """
    closing = chain.close(
        state.ref.version, state.ref.attempt, Outcome.APPLIED, status="finish:FINISHED"
    )
    outcome = state.chain.run(closing)
    if outcome is not Outcome.APPLIED:
        raise SupersededError(f"version {state.ref.version} was closed as {outcome}")
    return {"result": "applied"}
