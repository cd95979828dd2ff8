"""What decisions over several items live in, as a state that the model check copies.

The program and the rules are the real ones, of `machines/command/together` and `unique`. The
transaction stands here; tests/contract holds the table's conditions against the same decisions.
Each item has one value, which no two may have, and which is all that its content says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.simulation.exploring import BrokenError, Fates, Situation, called, stepped

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command import together, unique
from sfn_cqrs.machines.command.publication import Refusal
from sfn_cqrs.machines.command.unique import Moves, Reservation


@dataclass(frozen=True, slots=True)
class Function:
    """A function that publishes `values` of items on the versions that it wants, under a key.

    With one item it is a publish of its own, which writes the same. `id` tells decisions apart.
    """

    id: int
    codes: tuple[str, ...]
    values: tuple[str, ...]
    wanted: tuple[int, ...]
    key: str = ""
    answers: tuple[Any, ...] = ()
    is_orphan: bool = True

    @property
    def name(self) -> str:
        return f"decision {self.id}"


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version: its value, the decision, what it was based on, and all that it names."""

    value: str
    by: int = 0
    key: str = ""
    wanted: int = 0
    together: tuple[str, ...] = ()


Versions = tuple[Version, ...]
Stored = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class State(Situation):
    """The versions by code, the reservations by value, and the answers by key."""

    items: tuple[tuple[str, Versions], ...] = ()
    reserved: tuple[tuple[str, Reservation], ...] = ()
    requests: tuple[tuple[str, Stored], ...] = ()
    results: tuple[str, ...] = ()

    def versions(self, code: str) -> Versions:
        return dict(self.items).get(code, ())

    def find(self, value: str) -> Reservation | None:
        return dict(self.reserved).get(value)

    def with_versions(self, code: str, versions: Versions) -> "State":
        return replace(self, items=tuple(sorted((dict(self.items) | {code: versions}).items())))

    def with_reserved(self, value: str, reserved: Reservation) -> "State":
        after = dict(self.reserved) | {value: reserved}
        return replace(self, reserved=tuple(sorted(after.items())))


def first_state(
    items: dict[str, str], functions: tuple[Function, ...], faults: dict[str, int]
) -> State:
    """Each of these items has one version with its value; and functions are at work."""
    state = State(to_come=tuple(sorted(faults.items())))
    for code, value in items.items():
        state = state.with_versions(code, (Version(value),))
        if value:
            state = state.with_reserved(value, Reservation(code))
    return state.with_functions(functions)


def moves(state: State) -> Iterator[tuple[str, State]]:
    """What may happen next."""
    for function in dict.fromkeys(state.functions):
        yield from stepped(state, function, FATES, _replayed, _next)
        if state.may("die"):
            yield f"{function.name} dies", state.after("die").without(function)


def check(state: State) -> None:
    """What holds at every moment."""
    decided: dict[str, set[int]] = {}
    for code, versions in state.items:
        for number, version in enumerate(versions):
            if version.by and version.wanted not in (-1, number):
                raise BrokenError("T3: a version is based on another one than it wanted")
            _check_whole(state, f"T/{code}/{number + 1}", version)
            if version.key:
                decided.setdefault(version.key, set()).add(version.by)
    if any(len(each) > 1 for each in decided.values()):
        raise BrokenError("T2: one request is two decisions")
    _check_values(state)


def _check_whole(state: State, name: str, version: Version) -> None:
    if version.together and name not in version.together:
        raise BrokenError("T1: a version does not name itself")
    for other in version.together:
        key, number = together.named("t", other)
        found = state.versions(key.code)[number - 1 : number]
        if not found or found[0].together != version.together:
            raise BrokenError("T1: half of a decision is stored")


def _check_values(state: State) -> None:
    holds = [(versions[-1].value, code) for code, versions in state.items if versions[-1].value]
    if len(dict(holds)) < len(holds):
        raise BrokenError("T4: two items hold one value")
    if any(state.find(value) != Reservation(code) for value, code in holds):
        raise BrokenError("T4: an item holds what is not reserved for it")
    for value, reserved in state.reserved:
        if not reserved.is_freed and (value, reserved.code) not in holds:
            raise BrokenError("T4: a value is reserved, and its item does not hold it")


def _replayed(function: Function) -> Any:
    return called(together.decide(function.wanted), function.answers)


def _next(state: State, function: Function, call: Any) -> Iterator[tuple[str, State]]:
    if call == together.Ask() and _is_taken(state, function):
        told = tuple(sorted((*state.results, "refused")))
        yield f"{function.name} is refused", replace(state, results=told).without(function)
        return
    answer, after = _answered(state, function, call)
    name = f"{function.name} {type(call).__name__} {answer}"
    yield name, after.exchanged(function, replace(function, answers=(*function.answers, answer)))


def _answered(state: State, function: Function, call: Any) -> tuple[Any, State]:
    match call:
        case together.Seen():
            return dict(state.requests).get(function.key), state
        case together.Look():
            return tuple(len(state.versions(code)) for code in function.codes), state
        case together.Store(found):
            return _stored(state, function, found)
        case together.Ask():
            return None, state
    raise TypeError(call)


def _stored(
    state: State, function: Function, found: tuple[int, ...]
) -> tuple[Refusal | None, State]:
    """The transaction: each condition, then all of its writes."""
    if function.key and function.key in dict(state.requests):
        return Refusal.REQUEST_SEEN, state
    if found != tuple(len(state.versions(code)) for code in function.codes):
        return Refusal.VERSION_TAKEN, state
    after = _reserved(state, function)
    if after is None:
        return Refusal.NOT_UNIQUE, state
    changed = _changed(state, function)
    names = tuple(together.name_of(_key(code), len(state.versions(code)) + 1) for code in changed)
    for code, (value, wanted) in changed.items():
        version = Version(value, function.id, function.key, wanted, names)
        after = after.with_versions(code, (*state.versions(code), version))
    if function.key:
        answer = tuple((code, len(after.versions(code))) for code in function.codes)
        after = replace(after, requests=(*after.requests, (function.key, answer)))
    return None, after


def _changed(state: State, function: Function) -> dict[str, tuple[str, int]]:
    """The value and the version that is wanted, of each item that would change."""
    asked = zip(function.codes, function.values, function.wanted, strict=True)
    return {
        code: (value, wanted)
        for code, value, wanted in asked
        if not state.versions(code) or state.versions(code)[-1].value != value
    }


def _reserved(state: State, function: Function) -> State | None:
    """The state after the puts of values; None if one of their conditions refuses."""
    changed = _changed(state, function)
    items = [(_key(code), _moves(state, code, value)) for code, (value, _) in changed.items()]
    if together.taken_twice(items) is not None:
        return None
    written = list(together.reserves(items))
    if len({one.hash for one in written}) < len(written):
        raise BrokenError("T5: a transaction writes one value twice")
    after = state
    for one in written:
        code, there = items[one.place][0].code, state.find(one.hash)
        may = unique.may_free if one.frees else unique.may_take
        if not (may(there, code) or (one.giver and may(there, one.giver))):
            _check_refusal(there, function)
            return None
        after = after.with_reserved(one.hash, Reservation(code, is_freed=one.frees))
    return after


def _is_taken(state: State, function: Function) -> bool:
    """What a refused decision asks again: whether somebody else has what it wants."""
    changed = _changed(state, function)
    if together.taken_twice([(_key(c), _moves(state, c, v)) for c, (v, _) in changed.items()]):
        return True
    found = [state.find(value) for value, _ in changed.values() if value]
    return any(one and not one.is_freed and one.code not in function.codes for one in found)


def _check_refusal(there: Reservation | None, function: Function) -> None:
    if there is None or there.is_freed or there.code in function.codes:
        raise BrokenError("T6: a decision is refused, and nobody else has its value")


def _key(code: str) -> ItemKey:
    return ItemKey("t", "T", code)


def _moves(state: State, code: str, value: str) -> Moves:
    versions = state.versions(code)
    before = (versions[-1].value,) if versions and versions[-1].value else ()
    return unique.moves(before, (value,) if value else ())


def _returned(state: State, function: Function, result: Any) -> State:
    is_stored = bool(function.key) and function.key in dict(state.requests)
    if is_stored and result is not None and result != dict(state.requests)[function.key]:
        raise BrokenError("T7: a request that is stored gets another answer")
    match result:
        case together.Conflict(place, current):
            told = "conflict"
            if function.wanted[place] == current:
                raise BrokenError("T8: an item is in conflict that has not moved")
        case Refusal():
            told = "busy"
        case _:
            told = "done"
    return replace(state, results=tuple(sorted((*state.results, told)))).without(function)


FATES = Fates(_returned, lambda state, _function: state, lambda state, _f, _r=None: state)
