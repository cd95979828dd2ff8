"""undo_reserve: undo what reserve has done, or may have done."""

from sfn_cqrs.service.sagas.state import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Undo the step if it has ever begun."""
    return state.undo()
