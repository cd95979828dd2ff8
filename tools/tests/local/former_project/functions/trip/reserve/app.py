"""reserve: make the step; undone by undo_reserve."""

from sfn_cqrs.service.sagas.state import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Make the step once."""
    return state.make()
