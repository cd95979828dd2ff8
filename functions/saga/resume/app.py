"""resume: begin an attempt of a declared saga where its log says.

The Choice state direction branches on the word that is answered here.
"""

from sfn_cqrs.machines.saga.declared_state import DeclaredState, declared_state


@declared_state
def lambda_handler(state: DeclaredState) -> dict[str, object]:
    """Look at the log.

    Raises:
        SupersededError: a later attempt owns the saga, or it is closed.
    """
    return state.resume()
