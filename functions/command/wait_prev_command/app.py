"""wait_prev_command: park until the version before closes.

The token is stored first and the predecessor is looked at afterwards, so that a predecessor
that closes in between is seen by one of the two.
"""

from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.state import CommandState, command_state_without_status


@command_state_without_status
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Store the task token; only its return ends the state, never this answer."""
    token, seq = state.context.task_token or "", state.context.state.retry_count
    state.chain.run(chain.wait(state.ref.version, state.ref.attempt, token, seq))
    return {"result": "parked"}
