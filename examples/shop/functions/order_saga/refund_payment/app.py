"""refund_payment: give back what charge_payment charged, or may have charged."""

from sfn_cqrs.sagas import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Undo the step if it has ever begun."""
    return state.undo()
