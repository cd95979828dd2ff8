"""finish_saga: end the saga, COMPLETED or COMPENSATED, if its log has nothing left."""

from sfn_cqrs.domain import saga_programs
from sfn_cqrs.service.sagas.state import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Close the saga.

    Raises:
        SupersededError: a later attempt owns the saga.
        SagaLogError: something is left: the machine does not fit the steps.
    """
    saga = state.flow.run(saga_programs.finish(state.attempt, state.type.moves))
    return {"result": str(saga.status)}
