"""cancel_shipment: call back what ship_order sent, or may have sent."""

from sfn_cqrs.service.sagas.state import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Undo the step if it has ever begun.

    Raises:
        TransientError: it failed, and is tried again; the log says why.
        SagaStepError: it was refused, so that a person has to help.
        SupersededError: a later try or attempt owns the compensation.
    """
    return state.undo()
