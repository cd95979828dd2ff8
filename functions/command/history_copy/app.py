"""history_copy: keep the data row as it is before this version."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command.state import CommandState, command_state


@command_state
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Copy the row into the history, unless there is none or this version is applied."""
    row = bootstrap.data().snapshot(state.ref.key)
    if row is None or unmarshal({"version": row["version"]})["version"] >= state.ref.version:
        return {"result": "nothing"}
    bootstrap.history().append(row)
    return {"result": "copied"}
