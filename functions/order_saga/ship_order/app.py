"""ship_order: send the order on its way; undone by cancel_shipment."""

from sfn_cqrs.service.sagas.state import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Make the step once.

    Raises:
        SagaStepError: it was refused, or it failed; the log says why.
        SupersededError: the saga has turned back, or a later try or attempt owns the step.
        TransientError: the step says try again.
    """
    return state.make()
