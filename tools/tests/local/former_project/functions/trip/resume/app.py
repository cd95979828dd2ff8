"""resume: begin an attempt, forward or back.

The Choice state direction branches on the word answered here. A saga that is begun anew
after its execution died, or after a person retried it, goes on where its log says.
"""

from sfn_cqrs.domain import saga_programs
from sfn_cqrs.service.sagas.state import SagaState, saga_state


@saga_state
def lambda_handler(state: SagaState) -> dict[str, object]:
    """Look at the log.

    Raises:
        SupersededError: a later attempt owns the saga, or it is closed.
    """
    return {"result": state.flow.run(saga_programs.resume(state.attempt, state.type.moves))}
