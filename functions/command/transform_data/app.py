"""transform_data: bring the data row to this version, then list the handlers of sync_data_all."""

from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.runner import write_row
from sfn_cqrs.machines.command.state import CommandState, command_state


@command_state
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Write the row before any handler runs, so that each finds its own item at its version.

    The names come first: if the user's package cannot be imported, the row stays as it is.

    Raises:
        TransientError: the row moved meanwhile; the machine tries again.
        VersionGapError: the command is not stored.
    """
    names = handlers.names_of(state.ref.key.type)
    write_row(state.ref.key, state.ref.version)
    return {"result": names}
