"""transform_data: list the sync handlers that sync_data_all runs, one per iteration."""

from sfn_cqrs.service import handlers
from sfn_cqrs.service.commands.state import CommandState, command_state


@command_state
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Name the handlers of the type, the data table's first."""
    return {"result": handlers.names_of(state.ref.key.type)}
