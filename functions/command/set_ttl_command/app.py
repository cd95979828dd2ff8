"""set_ttl_command: let the command before this one expire, now that this one runs."""

from sfn_cqrs import bootstrap
from sfn_cqrs.service.command_state import CommandState, command_state


@command_state
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Give the previous command its ttl, if it is settled and its type has one."""
    previous = state.ref.version - 1
    if previous == 0 or not bootstrap.commands().expires(state.ref.key.type):
        return {"result": "kept"}
    process = bootstrap.processes().find(state.ref.key, previous)
    is_settled = process is None or process.outcome.is_settled
    if is_settled and bootstrap.commands().expire(state.ref.key, previous):
        return {"result": "expires"}
    return {"result": "kept"}
