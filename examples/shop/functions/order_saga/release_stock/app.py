"""release_stock: put the goods back that reserve_stock took, or may have taken."""

from sfn_cqrs.sagas import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Undo the step if it has ever begun."""
    return state.undo()
