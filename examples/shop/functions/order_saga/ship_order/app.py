"""ship_order: send the order on its way; undone by cancel_shipment."""

from sfn_cqrs.sagas import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Make the step once."""
    return state.make()
