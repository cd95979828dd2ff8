"""charge_payment: charge the customer's card; undone by refund_payment."""

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
