"""reserve_stock: take the order's goods out of stock; undone by release_stock."""

from sfn_cqrs.sagas import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Make the step once."""
    return state.make()
