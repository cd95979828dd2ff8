"""mark_failed: record why an execution ends, then wake the version that waits for it.

Every Catch of the machine leads here, and so does check_version's refusal. What is answered
becomes the execution's error and cause.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.state import (
    CommandState,
    command_state_without_status,
    tell_if_killed,
)


@command_state_without_status
def lambda_handler(state: CommandState) -> dict[str, object]:
    """Close the version as failed, or as blocked if only its predecessor failed.

    A passing error does not fail the express lane: the standard machine has time to try again.
    """
    failure, ref = Failure.of(state.input), state.ref
    if state.is_express and failure.is_passing:
        tell_if_killed(state, failure)
        is_left = state.chain.run(chain.leave(ref.version, ref.attempt, state.run))
        return {"error": "HandedOver" if is_left else "SupersededError", "cause": failure.cause}
    process = bootstrap.processes().find(ref.key, ref.version)
    began = process.status.partition(":")[0] if process else ""
    outcome = Outcome.BLOCKED if failure.is_predecessors else Outcome.FAILED
    closing = chain.close(
        ref.version,
        ref.attempt,
        outcome,
        f"{failure.state or began}:FAILED",
        failure.error,
        failure.summary,
        state.run,
    )
    try:
        state.chain.run(closing)
    except SupersededError as error:
        return {"error": type(error).__name__, "cause": str(error)}
    return {"error": failure.error, "cause": failure.cause}
