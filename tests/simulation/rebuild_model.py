"""The model check of rebuilds: the real rules through every interleaving.

Invariants:
R1  whoever reads, by what they know of the generations, sees every version that has closed
R2  no row ever goes back to an earlier version
R3  each item is counted once
R4  from the end of the replay on, both generations have every version that has closed
R5  whatever is asked for in whatever order, the work that is begun comes to its end
"""

from collections.abc import Iterable

from tests.simulation.exploring import BrokenError, Verdict, explore
from tests.simulation.rebuild_world import State, moves

from sfn_cqrs.kernel.read_models.rules import Stage

LIMIT = 1_000_000
COMPLETE = (Stage.COMPARING, Stage.READY, Stage.SWITCHED)


def check(first: State) -> Verdict:
    """Look at every state, the nearest first.

    Raises:
        OverflowError: there are more states than the limit.
    """
    return explore(first, _moves_or_end, LIMIT)


def _moves_or_end(state: State) -> Iterable[tuple[str, State]] | str:
    check_reads(state)
    check_generations(state)
    found = list(moves(state))
    if not found:
        check_end(state)
    return found or str(state.view.stage)


def check_reads(state: State) -> None:
    """Check what readers see.

    Raises:
        BrokenError: it is older than what has closed.
    """
    for view in [state.view, *(known[0] for known in state.known if known)]:
        _check_complete(state, view.serving, "R1: somebody reads")


def check_generations(state: State) -> None:
    """Check what is built, and how it is counted.

    Raises:
        BrokenError: a version is lost, or an item is counted other than once.
    """
    view = state.view
    if view.stage not in COMPLETE:
        return
    counted = view.replayed.done + view.replayed.failed
    if counted != len(state.data):
        raise BrokenError(f"R3: {counted} items are counted of {len(state.data)}")
    if view.other is not None and not view.replayed.failed:
        _check_complete(state, view.other, "R4: a generation has")


def check_end(state: State) -> None:
    """Check what must hold when nothing moves any more.

    Raises:
        BrokenError: it does not.
    """
    if state.view.stage.is_work and state.running:
        raise BrokenError(f"R5: nobody works, and the read model is {state.view.stage}")


def _check_complete(state: State, generation: int, who: str) -> None:
    for item, version in enumerate(state.closed):
        row = state.rows[generation - 1][item]
        if row < version:
            raise BrokenError(f"{who} version {row} of an item whose {version} has closed")
