"""park_saga: leave the saga to a person, who is alarmed and can retry it.

Its input is the error of the state that gave up.
"""

from sfn_cqrs.domain import saga_programs
from sfn_cqrs.domain.failure import Failure
from sfn_cqrs.service.sagas.state import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Write the error to the saga; its log has the remaining steps.

    Raises:
        SupersededError: a later attempt owns the saga.
    """
    saga = state.flow.run(saga_programs.park(state.attempt, Failure.of(state.input)))
    return {"result": str(saga.status), "error": saga.error}
