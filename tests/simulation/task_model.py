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

from collections.abc import Iterable

from tests.simulation.exploring import BrokenError, Verdict, explore
from tests.simulation.task_world import State, moves, swept

from sfn_cqrs.machines.task.programs import MAX_FRUITLESS_ATTEMPTS
from sfn_cqrs.machines.task.rules import Counts, TaskStatus

LIMIT = 3_000_000


def check(first: State) -> Verdict:
    """Look at every state, the nearest first.

    Raises:
        OverflowError: there are more states than the limit.
    """
    return explore(first, _moves_or_end, LIMIT)


def _moves_or_end(state: State) -> Iterable[tuple[str, State]] | str:
    found = list(moves(state))
    if not found and state.task.status.is_closed:
        check_end(state)
        return str(state.task.status)
    check_bounds(state)
    return found or [("sweep", swept(state))]


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
