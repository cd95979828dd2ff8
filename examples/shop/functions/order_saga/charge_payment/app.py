"""charge_payment: charge the customer's card; undone by refund_payment."""

from sfn_cqrs.sagas import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Make the step once."""
    return state.make()
