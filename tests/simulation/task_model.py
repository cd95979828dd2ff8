"""The model check of tasks: the real rules through every interleaving.

Invariants:
T1  an item that is COMPLETED stays so, and no handler is begun on it again
T2  no two attempts are ever at work on one item
T3  within an attempt, a status only moves forward
T4  at rest, when no sweep would change anything, the task has ended, every item has ended,
    and the counts are those of the items
T5  no task is continued without end
T6  whoever is no longer the owner of a task or of an item writes nothing
T7  unless it was stopped, a task ends after every item of its last attempt was worked on
"""

from collections import deque
from dataclasses import dataclass

from tests.simulation.task_world import BrokenError, State, moves, swept

from sfn_cqrs.domain.task import Counts, TaskStatus
from sfn_cqrs.domain.task_programs import MAX_FRUITLESS_ATTEMPTS

LIMIT = 3_000_000


@dataclass(frozen=True)
class Verdict:
    """How many states were seen, how the task may end, and what is wrong if anything is."""

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
            found = list(moves(state))
            if not found:
                if state.task.status.is_closed:
                    check_end(state)
                    ends.add(str(state.task.status))
                    continue
                found = [("sweep", swept(state))]
            check_bounds(state)
        except BrokenError as violation:
            return Verdict(len(parents), frozenset(ends), str(violation), _trace(parents, state))
        for name, after in found:
            if after not in parents:
                parents[after] = (state, name)
                waiting.append(after)
        if len(parents) > limit:
            raise OverflowError(f"more than {limit} states")
    return Verdict(len(parents), frozenset(ends))


def check_bounds(state: State) -> None:
    """Check what must hold everywhere.

    Raises:
        BrokenError: it does not.
    """
    if state.task.attempt > MAX_FRUITLESS_ATTEMPTS + 2 * state.task.total + 1:
        raise BrokenError("T5: the task is continued without end")


def check_end(state: State) -> None:
    """Check what must hold when nothing moves any more.

    Raises:
        BrokenError: it does not.
    """
    items = [item for item in state.items if item is not None]
    if len(items) != state.task.total or not all(item.status.is_closed for item in items):
        raise BrokenError("T4: the task has ended, and not all of its items have")
    counts = Counts.of(item.status for item in items)
    if state.task.counts != counts:
        raise BrokenError(f"T4: the counts are {state.task.counts}, the items {counts}")
    for item, successes in zip(items, state.successes, strict=True):
        if successes != (item.status is TaskStatus.COMPLETED):
            raise BrokenError(f"T1: item {item.index} has {successes} records of its success")
        is_missing = (
            item.index in state.task.items
            and item.attempt < state.task.attempt
            and item.status is not TaskStatus.COMPLETED
        )
        if is_missing and state.task.stop is None:
            raise BrokenError(f"T7: item {item.index} was not begun, and the task has ended")


def _trace(parents: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    steps = []
    before = parents[state]
    while before is not None:
        state, name = before
        steps.append(name)
        before = parents[state]
    return tuple(reversed(steps))
