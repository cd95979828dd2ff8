"""What unique values live in, as a state that the model check copies: items and reservations.

The rules are the real ones: the programs and decisions of `machines/command/unique`. The table's
transactions stand here; tests/contract holds their conditions against the same decisions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.simulation.exploring import BrokenError, Fates, Situation, called, stepped

from sfn_cqrs.machines.command import unique
from sfn_cqrs.machines.command.unique import Held, Reservation

TRIES = 3


@dataclass(frozen=True, slots=True)
class Append:
    """Append the version after this one, in the transaction of a publish: None, or the refusal."""

    after: Held
    wanted: tuple[str, ...]


TAKEN, NOT_UNIQUE = "version taken", "not unique"


def publish(wanted: tuple[str, ...]) -> Any:
    """As `CommandService.publish` does it: read the latest version, then append the next."""
    for _ in range(TRIES):
        found: Held | None = yield unique.Latest()
        refusal = yield Append(found or unique.NOTHING, wanted)
        if refusal is None:
            return "published"
        if refusal == NOT_UNIQUE:
            return "refused"
    return "gave up"


@dataclass(frozen=True, slots=True)
class Function:
    """A function at work on an item; `value` are the values of a publish, or one to release."""

    name: str
    code: str
    value: tuple[str, ...] = ()
    answers: tuple[Any, ...] = ()
    is_orphan: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Situation):
    """The latest versions by code, and the reservations by value.

    `is_old`: code that does not know of unique values has published.
    """

    items: tuple[tuple[str, Held], ...] = ()
    reserved: tuple[tuple[str, Reservation], ...] = ()
    is_old: bool = False
    rests: int = 0

    def latest(self, code: str) -> Held | None:
        return dict(self.items).get(code)

    def find(self, value: str) -> Reservation | None:
        return dict(self.reserved).get(value)

    def with_latest(self, code: str, held: Held) -> "State":
        return replace(self, items=tuple(sorted((dict(self.items) | {code: held}).items())))

    def moved(self, code: str, moves: unique.Moves) -> "State":
        now = dict(self.reserved)
        now |= {each: Reservation(code) for each in moves.taken}
        now |= {each: Reservation(code, is_freed=True) for each in moves.freed}
        return replace(self, reserved=tuple(sorted(now.items())))

    def may_move(self, code: str, moves: unique.Moves) -> bool:
        """Whether the conditions of the transaction's puts hold."""
        return all(unique.may_take(self.find(each), code) for each in moves.taken) and all(
            unique.may_free(self.find(each), code) for each in moves.freed
        )


def first_state(
    items: dict[str, Held], functions: tuple[Function, ...], faults: dict[str, int]
) -> State:
    """These items, with what they hold reserved, and functions at work."""
    state = State(items=tuple(sorted(items.items())), to_come=tuple(sorted(faults.items())))
    for code, held in items.items():
        state = state.moved(code, unique.Moves(held.held))
    return state.with_functions(functions)


def moves(state: State) -> Iterator[tuple[str, State]]:
    """What may happen next."""
    for function in dict.fromkeys(state.functions):
        yield from stepped(state, function, FATES, _replayed, _next)
        if state.may("die"):
            yield f"{function.name} dies", state.after("die").without(function)
    if state.may("old"):
        yield from _old(state.after("old"))


def _old(state: State) -> Iterator[tuple[str, State]]:
    """Code of before the declaration publishes: it reserves nothing, and frees nothing."""
    for code, found in state.items:
        after = Held(found.version + 1, (), ("v",))
        yield f"old code changes {code}", replace(state.with_latest(code, after), is_old=True)


def check(state: State) -> None:
    """What holds at every moment."""
    holds = [(value, code) for code, found in state.items for value in found.held]
    holders = dict(holds)
    if len(holders) < len(holds):
        raise BrokenError("U1: two items hold one value")
    if any(state.find(value) != Reservation(code) for value, code in holds):
        raise BrokenError("U2: an item holds what is not reserved for it")
    for value, reserved in state.reserved:
        if not reserved.is_freed and holders.get(value) != reserved.code and not state.is_old:
            raise BrokenError("U3: a value is reserved, and its item does not hold it")


def _replayed(function: Function) -> Any:
    return called(_program(function), function.answers)


def _program(function: Function) -> Any:
    if function.name == "publish":
        return publish(function.value)
    if function.name == "release":
        return unique.release(function.value[0], function.code)
    return unique.fill(function.code)


def _next(state: State, function: Function, call: Any) -> Iterator[tuple[str, State]]:
    name = f"{function.name} {function.code} {type(call).__name__}"
    answer, after = _answered(state, function, call)
    told = replace(function, answers=(*function.answers, answer))
    yield name, after.exchanged(function, told)


def _answered(state: State, function: Function, call: Any) -> tuple[Any, State]:
    code = function.code
    match call:
        case unique.Latest():
            return state.latest(code), state
        case unique.Find(value):
            return state.find(value), state
        case Append(after, wanted):
            return _appended(state, code, after, wanted)
        case unique.Fill(found, holds, its):
            if state.latest(code) != found or not state.may_move(code, its):
                return False, state
            return True, state.with_latest(code, replace(found, held=holds)).moved(code, its)
        case unique.Free(value, version):
            latest, its = state.latest(code), unique.Moves((), (value,))
            if (latest.version if latest else 0) != version or not state.may_move(code, its):
                return False, state
            return True, state.moved(code, its)
    raise TypeError(call)


def _appended(
    state: State, code: str, after: Held, wanted: tuple[str, ...]
) -> tuple[str | None, State]:
    latest, its = state.latest(code), unique.moves(after.held, wanted)
    is_filled = after.may_be_filled and latest is not None and latest.held != after.held
    if (latest.version if latest else 0) != after.version or is_filled:
        return TAKEN, state
    if not state.may_move(code, its):
        _check_refusal(state, code, its)
        return NOT_UNIQUE, state
    held = Held(after.version + 1, wanted, wanted)
    return None, state.with_latest(code, held).moved(code, its)


def _check_refusal(state: State, code: str, its: unique.Moves) -> None:
    others = {value for value, one in state.reserved if not one.is_freed and one.code != code}
    if not others & its.all:
        raise BrokenError("U4: a publish is refused, and nobody else has its value")


def _returned(state: State, function: Function, _result: Any) -> State:
    return state.without(function)


FATES = Fates(_returned, lambda state, _function: state, _returned)
