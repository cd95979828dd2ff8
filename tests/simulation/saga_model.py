"""The model check of declared sagas: the real rules through every interleaving.

Invariants:
S1  in the end a saga is COMPLETED and every step of the arms that were chosen is made, for each
    item of a list, or COMPENSATED and none is that can be undone, or PARKED with a log that has
    what is made
S2  a saga turns back once; from then on no step begins, and none is recorded
S3  a step is made after all that are declared before it, and only in the arm that was chosen
S4  what has begun is undone in reverse
S5  a saga turns back if a step is refused, fails or is given up, and for no other reason
S6  a pause lasts its time, counted from its first attempt, and so does a wait for what never comes
S7  whoever is no longer the owner of a saga or of a line writes nothing
S8  a function goes on to the next step only if it has ended the one before
S9  no saga is begun again without end
"""

from collections.abc import Iterable

from tests.simulation.exploring import BrokenError, Verdict, explore
from tests.simulation.saga_world import DONE, State, moves, swept

from sfn_cqrs.machines.saga.rules import Move, SagaStatus
from sfn_cqrs.machines.saga.saga_programs import MAX_RESTARTS

LIMIT = 300_000
MOST_ATTEMPTS = 2 * (MAX_RESTARTS + 1) + 1


def check(first: State) -> Verdict:
    """Look at every state, the nearest first.

    Raises:
        OverflowError: there are more states than the limit.
    """
    return explore(first, _moves_or_end, LIMIT)


def _moves_or_end(state: State) -> Iterable[tuple[str, State]] | str:
    if state.saga.attempt > MOST_ATTEMPTS:
        raise BrokenError("S9: the saga is begun again without end")
    found = list(moves(state))
    if not state.saga.status.is_open and not state.functions:
        _check_end(state)
    if not found and not state.saga.status.is_open:
        return str(state.saga.status)
    return found or [("sweep", swept(state))]


def _check_end(state: State) -> None:
    saga = state.saga
    each = {f"{move.step}.{item}" for move in saga.order if move.each for item in (1, 2)}
    if saga.status is SagaStatus.COMPLETED and each - state.made:
        raise BrokenError(f"S1: COMPLETED, and {min(each - state.made)} is not made")
    for move in saga.moves:
        _check_made(state, move)


def _check_made(state: State, move: Move) -> None:
    if move.lasts:
        return
    saga = state.saga
    is_made, entry = move.step in state.made, saga.log.get(move.step)
    is_chosen = move.choice is None or (
        move.choice in saga.log and saga.log[move.choice].result == move.arm
    )
    if saga.status is SagaStatus.COMPLETED and is_made is not is_chosen:
        raise BrokenError(f"S1: COMPLETED, and {move.step} is made: {is_made}")
    if saga.status is SagaStatus.COMPENSATED and is_made and move.compensation is not None:
        raise BrokenError(f"S1: COMPENSATED, and {move.step} is made")
    if is_made and entry is None:
        raise BrokenError(f"S1: {saga.status}, and {move.step} is made without a line")
    undone = saga.log.get(str(move.compensation))
    if is_made and undone is not None and undone.status is DONE:
        raise BrokenError(f"S1: {move.compensation} is done, and {move.step} is made")
