"""undo_steps: undo what a declared saga has begun, the last first, as long as there is time.

Its input is the error of a step that was given up, or what is next to be undone.
"""

from sfn_cqrs.machines.saga.declared_state import DeclaredState, declared_state


@declared_state
def lambda_handler(state: DeclaredState) -> dict[str, object]:
    """Turn the saga back, or make its next compensations.

    Raises:
        SupersededError: a later try or attempt owns the compensation.
        TransientError: one failed, and is tried again; the log says why.
        SagaStepError: one was refused, so that a person has to help.
    """
    return state.undo_steps()
