"""The model check of rebuilds: the real rules through every interleaving.

Invariants:
R1  whoever reads, by what they know of the generations, sees every version that has closed
R2  no row ever goes back to an earlier version
R3  each item is counted once
R4  from the end of the replay on, both generations have every version that has closed
R5  whatever is asked for in whatever order, the work that is begun comes to its end
"""

from collections import deque
from dataclasses import dataclass

from tests.simulation.rebuild_world import BrokenError, State, moves

from sfn_cqrs.domain.read_models import Stage

LIMIT = 1_000_000
COMPLETE = (Stage.COMPARING, Stage.READY, Stage.SWITCHED)


@dataclass(frozen=True)
class Verdict:
    """How many states were seen, how it may end, and what is wrong if anything is."""

    states: int
    ends: frozenset[str]
    violation: str | None = None
    trace: tuple[str, ...] = ()


def check(first: State, limit: int = LIMIT) -> Verdict:
    """Look at every state, the nearest first.

    Raises:
        OverflowError: there are more states than the limit.
    """
    parents: dict[State, tuple[State, str] | None] = {first: None}
    waiting = deque([first])
    ends = set()
    while waiting:
        state = waiting.popleft()
        try:
            check_reads(state)
            check_generations(state)
            found = list(moves(state))
            if not found:
                ends.add(str(state.view.stage))
                check_end(state)
        except BrokenError as violation:
            return Verdict(len(parents), frozenset(ends), str(violation), _trace(parents, state))
        for name, after in found:
            if after not in parents:
                parents[after] = (state, name)
                waiting.append(after)
        if len(parents) > limit:
            raise OverflowError(f"more than {limit} states")
    return Verdict(len(parents), frozenset(ends))


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


def _trace(parents: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    steps = []
    before = parents[state]
    while before is not None:
        state, name = before
        steps.append(name)
        before = parents[state]
    return tuple(reversed(steps))
