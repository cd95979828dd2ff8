"""finish_saga: end a declared saga, COMPLETED or COMPENSATED, if its log has nothing left."""

from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga.declared_state import DeclaredState, declared_state


@declared_state
def lambda_handler(state: DeclaredState) -> dict[str, object]:
    """Close the saga.

    Raises:
        SupersededError: a later attempt owns the saga.
        SagaLogError: something is left.
    """
    return {"result": str(state.flow.run(saga_programs.finish(state.attempt)).status)}
