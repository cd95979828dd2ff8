"""run_steps: make a declared saga's steps, one after the other, as long as there is time."""

from sfn_cqrs.machines.saga.declared_state import DeclaredState, declared_state


@declared_state
def lambda_handler(state: DeclaredState) -> dict[str, object]:
    """Make the step that is next, and those after it.

    Raises:
        SupersededError: the saga has turned back, or a later try or attempt owns the step.
        TransientError: the step asks for another try.
    """
    return state.run_steps()
