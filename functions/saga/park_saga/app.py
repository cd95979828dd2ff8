"""park_saga: leave a declared saga to a person, who is alarmed and can retry it.

Its input is the error of the state that gave up.
"""

from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga.declared_state import DeclaredState, declared_state


@declared_state
def lambda_handler(state: DeclaredState) -> dict[str, object]:
    """Write the error to the saga; its log has the remaining steps.

    Raises:
        SupersededError: a later attempt owns the saga.
    """
    saga = state.flow.run(saga_programs.park(state.attempt, Failure.of(state.input)))
    return {"result": str(saga.status), "error": saga.error}
