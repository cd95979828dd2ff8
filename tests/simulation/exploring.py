"""The search through every state that the model checks of tasks, approvals and rebuilds share."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self, TypeVar

from sfn_cqrs.kernel.errors import SfnCqrsError, SupersededError, TransientError

Seen = TypeVar("Seen", bound=Hashable)


class BrokenError(Exception):
    """An invariant does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The functions at work, and what may still happen how often, as sorted pairs."""

    functions: tuple[Any, ...] = ()
    to_come: tuple[tuple[str, int], ...] = ()

    def may(self, what: str) -> bool:
        return dict(self.to_come).get(what, 0) > 0

    def after(self, what: str) -> Self:
        """The same, with one of these less to come."""
        left = dict(self.to_come) | {what: dict(self.to_come)[what] - 1}
        return replace(self, to_come=tuple(sorted(left.items())))

    def begun(self, function: Any) -> Self:
        """The same, with one more function at work."""
        return self.with_functions((*self.functions, function))

    def without(self, function: Any) -> Self:
        """The same, with one function less at work."""
        left = list(self.functions)
        left.remove(function)
        return replace(self, functions=tuple(left))

    def exchanged(self, before: Any, after: Any) -> Self:
        return self.without(before).begun(after)

    def orphaned(self, is_one: Callable[[Any], bool]) -> Self:
        """The same, with functions for which nobody waits any more."""
        return self.with_functions(
            replace(each, is_orphan=True) if is_one(each) else each for each in self.functions
        )

    def with_functions(self, functions: Iterable[Any]) -> Self:
        """These at work, in the one order that tells equal states as equal."""
        return replace(self, functions=tuple(sorted(functions, key=_order)))


@cache
def _order(function: Any) -> str:
    """What functions are sorted by; most are met thousands of times."""
    return repr(function)


@dataclass(frozen=True)
class Verdict:
    """How many states were seen, how it may end, and what is wrong if anything is."""

    states: int
    ends: frozenset[str]
    violation: str | None = None
    trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fates:
    """What becomes of the state when a function returns, is told that it is superseded, or dies.

    Whoever waits for one that has died, or seems to have, calls it again.
    """

    returned: Callable[[Any, Any, Any], Any]
    tried_again: Callable[[Any, Any], Any]
    gave_up: Callable[[Any, Any], Any]

    def died(self, state: Any, function: Any) -> Any:
        """The same without a function that has died, or asks to be called again."""
        left = state.without(function)
        return left if function.is_orphan else self.tried_again(left, function)


def called(program: Any, answers: Iterable[Any]) -> Any:
    """The call that a program makes after these answers; StopIteration once it has returned."""
    call = next(program)
    for answer in answers:
        call = program.send(answer)
    return call


def stepped(
    state: Any,
    function: Any,
    fates: Fates,
    replayed: Callable[[Any], Any],
    answered: Callable[[Any, Any, Any], Iterable[tuple[str, Any]]],
) -> Iterator[tuple[str, Any]]:
    """How a function's program ends, or what may follow the call that it makes next."""
    try:
        call = replayed(function)
    except StopIteration as end:
        yield f"{function.name} returns", fates.returned(state, function, end.value)
    except TransientError:
        yield f"{function.name} is to come again", fates.died(state, function)
    except SupersededError:
        yield f"{function.name} is superseded", fates.gave_up(state, function)
    except SfnCqrsError:
        yield f"{function.name} is refused", state.without(function)
    else:
        yield from answered(state, function, call)


def explore(
    first: Seen, look: Callable[[Seen], Iterable[tuple[str, Seen]] | str], limit: int
) -> Verdict:
    """Look at every state, the nearest first; `look` answers its moves, or which end it is.

    Raises:
        OverflowError: there are more states than the limit.
    """
    parents: dict[Seen, tuple[Seen, str] | None] = {first: None}
    waiting, ends = deque([first]), set()
    while waiting:
        state = waiting.popleft()
        try:
            found = look(state)
        except BrokenError as violation:
            return Verdict(len(parents), frozenset(ends), str(violation), _trace(parents, state))
        if isinstance(found, str):
            ends.add(found)
            continue
        for name, after in found:
            move = (state, name)
            if parents.setdefault(after, move) is move:
                waiting.append(after)
        if len(parents) > limit:
            raise OverflowError(f"more than {limit} states")
    return Verdict(len(parents), frozenset(ends))


def _trace(parents: dict[Seen, tuple[Seen, str] | None], state: Seen) -> tuple[str, ...]:
    steps = []
    before = parents[state]
    while before is not None:
        state, name = before
        steps.append(name)
        before = parents[state]
    return tuple(reversed(steps))


def named(case: Any) -> str | None:
    """A scenario by what may happen in it."""
    if isinstance(case, dict):
        return " ".join(f"{what}:{number}" for what, number in case.items()) or "no fault"
    return None
