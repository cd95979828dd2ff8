"""cancel_shipment: call back what ship_order sent, or may have sent."""

from sfn_cqrs.sagas import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Undo the step if it has ever begun."""
    return state.undo()
