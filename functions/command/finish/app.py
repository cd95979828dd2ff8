"""finish: close the version as applied, then wake the one that waits for it."""

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.state import CommandState, command_state_without_status


@command_state_without_status
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Write the outcome first and look for a waiter afterwards.

    Raises:
        SupersededError: a newer attempt or another run owns it, or it was closed otherwise.
    """
    version, attempt = state.ref.version, state.ref.attempt
    closing = chain.close(version, attempt, Outcome.APPLIED, "finish:FINISHED", run=state.run)
    outcome = state.chain.run(closing)
    if outcome is not Outcome.APPLIED:
        raise SupersededError(f"version {state.ref.version} was closed as {outcome}")
    return {"result": "applied"}
