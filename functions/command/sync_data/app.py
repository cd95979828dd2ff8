"""sync_data: run one sync handler, whose name is this iteration's input."""

from sfn_cqrs.machines.command.projection import project
from sfn_cqrs.machines.command.state import (
    CommandState,
    command_state_without_status,
    slowness_told,
)


@command_state_without_status
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Apply the command to one target.

    Raises:
        TransientError: the target is busy; the machine tries again.
        SyncHandlerError: the handler raised anything else.
    """
    with slowness_told(state, state.input):
        project(state.ref.key, state.ref.version, state.input)
    return {"handler": state.input, "ok": True}
