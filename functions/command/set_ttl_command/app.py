"""set_ttl_command: let the command before this one expire, now that this one runs."""

from sfn_cqrs.machines.command.runner import expire_previous
from sfn_cqrs.machines.command.state import CommandState, command_state


@command_state
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Give the previous command its ttl, if it is settled and its type has one."""
    expires = expire_previous(state.ref.key, state.ref.version)
    return {"result": "expires" if expires else "kept"}
