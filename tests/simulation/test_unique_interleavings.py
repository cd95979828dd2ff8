"""Unique values through every interleaving; and each rule weakened, to see that the check notices.

Invariants:
U1  the latest versions of two items never hold one value
U2  what a latest version holds is reserved for its item
U3  what is reserved is held by the latest version of its item, unless old code has published
U4  a publish is refused only if a value is reserved for another item
U5  once all is filled and released, each value that a latest version asks for has one holder
"""

from collections.abc import Iterable
from typing import Any

import pytest
from tests.simulation import unique_world
from tests.simulation.exploring import BrokenError, Verdict, explore
from tests.simulation.unique_world import Function, State, first_state, moves

from sfn_cqrs.machines.command import unique
from sfn_cqrs.machines.command.unique import Held, Moves

LIMIT = 300_000
MOST_RESTS = 3
Faults = dict[str, int]


def check(first: State) -> Verdict:
    """Look at every state, the nearest first."""
    return explore(first, _moves_or_end, LIMIT)


def _moves_or_end(state: State) -> Iterable[tuple[str, State]] | str:
    unique_world.check(state)
    found = list(moves(state))
    if found:
        return found
    left = _work(state)
    if left and state.rests < MOST_RESTS:
        after = state.begun(left[0])
        return [("an operator enforces", State(**{**_fields(after), "rests": state.rests + 1}))]
    _check_end(state)
    return " ".join(f"{code}:{''.join(one.held) or '-'}" for code, one in state.items)


def _fields(state: State) -> dict[str, Any]:
    return {name: getattr(state, name) for name in State.__dataclass_fields__}


def _work(state: State) -> list[Function]:
    """What `type unique --enforce` would do now."""
    held = {value: code for code, one in state.items for value in one.held}
    stale = [
        Function("release", one.code, (value,))
        for value, one in state.reserved
        if not one.is_freed and held.get(value) != one.code
    ]
    missing = [
        Function("fill", code)
        for code, one in state.items
        if any(value not in held for value in one.wanted)
    ]
    return stale + missing


def _check_end(state: State) -> None:
    held = {value for _, one in state.items for value in one.held}
    for value, one in state.reserved:
        if not one.is_freed and value not in held:
            raise BrokenError("U5: what nobody holds is reserved")
    for _, one in state.items:
        if not held.issuperset(one.wanted):
            raise BrokenError("U5: a value that is asked for has no holder")


def sets(code: str, *values: str) -> Function:
    return Function("publish", code, values)


def has(*values: str, version: int = 1) -> Held:
    return Held(version, values, values)


BARE = Held(1, (), ("v",))
"""An item from before the declaration, which has the value and no reservation."""
FILL_A, FILL_B = Function("fill", "a"), Function("fill", "b")
Items = dict[str, Held]
SCENARIOS: list[Any] = [
    ("two for one value", {}, (sets("a", "v"), sets("b", "v")), {"die": 1}),
    ("three for one value", {}, (sets("a", "v"), sets("b", "v"), sets("c", "v")), {}),
    ("one item twice", {}, (sets("a", "v"), sets("a", "w")), {"die": 1}),
    ("freed while asked for", {"a": has("v")}, (sets("a"), sets("b", "v")), {"die": 1}),
    ("passed on", {"a": has("v")}, (sets("a", "w"), sets("b", "v"), sets("b", "w")), {}),
    ("back again", {"a": has("v")}, (sets("a", "w"), sets("a", "v"), sets("b", "v")), {}),
    ("two values", {"a": has("v", "w")}, (sets("a", "w", "x"), sets("b", "v", "x")), {"die": 1}),
    ("changed places", {"a": has("v"), "b": has("w")}, (sets("a", "w"), sets("b", "v")), {}),
    ("filled while it changes", {"a": BARE}, (FILL_A, sets("a", "w"), sets("b", "v")), {"die": 1}),
    ("filled twice", {"a": BARE}, (FILL_A, FILL_A, sets("a")), {"die": 1}),
    ("two had it before", {"a": BARE, "b": BARE}, (FILL_A, FILL_B, sets("a", "w")), {"die": 1}),
    ("old code beside new", {"a": has("v")}, (sets("a", "w"), sets("b", "v")), {"old": 1}),
    (
        "a release meets a publish",
        {"a": Held(2, (), ()), "b": has("w")},
        (Function("release", "a", ("v",)), sets("a", "v"), sets("b", "v")),
        {"old": 1},
    ),
]


@pytest.mark.parametrize(
    ("items", "functions", "faults"),
    [one[1:] for one in SCENARIOS],
    ids=[one[0] for one in SCENARIOS],
)
def test_no_two_items_hold_one_value_in_whatever_order_they_come(
    items: Items, functions: tuple[Function, ...], faults: Faults
) -> None:
    verdict = check(first_state(items, functions, faults))

    assert (verdict.violation, verdict.trace) == (None, ())
    assert verdict.ends


def _takes_only(held: Any, wanted: Any) -> Moves:
    return Moves(tuple(each for each in wanted if each not in held))


def _frees_all(held: Any, wanted: Any) -> Moves:
    found = unique_moves(held, wanted)
    return Moves(found.taken, tuple(held))


def _takes_nothing(held: Any, wanted: Any) -> Moves:
    return Moves((), unique_moves(held, wanted).freed)


def _never_frees_the_last(held: Any, wanted: Any) -> Moves:
    return unique_moves(held, wanted) if wanted else Moves()


def _fills_without_asking(_code: str) -> Any:
    found = yield unique.Latest()
    return found is None or (yield unique.Fill(found, found.wanted, Moves(found.wanted))) or ()


def _fills_nothing(_code: str) -> Any:
    yield unique.Latest()
    return ()


def _releases_what_is_held(hash_: str, _code: str) -> Any:
    latest = yield unique.Latest()
    return (yield unique.Free(hash_, latest.version if latest else 0))


def _releases_nothing(hash_: str, _code: str) -> Any:
    return (yield unique.Find(hash_)) is None


def _forgets_what_is_freed(found: Any, code: str) -> bool:
    return found is None or found.code == code


unique_moves = unique.moves
RACE: tuple[Items, Any, Faults] = ({}, (sets("a", "v"), sets("b", "v")), {})
PASSED: tuple[Items, Any, Faults] = ({"a": has("v")}, (sets("a", "w"), sets("b", "v")), {})
KEPT: tuple[Items, Any, Faults] = ({"a": has("v")}, (sets("a", "v", "w"),), {})
HELD_FOR_GOOD: tuple[Items, Any, Faults] = ({"a": has("v")}, (sets("a"),), {})
OLD: tuple[Items, Any, Faults] = ({"a": has("w")}, (sets("b", "w"),), {"old": 1})
MUTANTS: dict[str, tuple[str, Any, tuple[Items, Any, Faults], str]] = {
    "anybody takes what is taken": ("may_take", lambda *_: True, RACE, "U1"),
    "nobody takes what was freed": ("may_take", _forgets_what_is_freed, PASSED, "U4"),
    "an own value cannot be taken again": (
        "may_take",
        lambda found, _: found is None or found.is_freed,
        ({"a": has("v")}, (sets("a", "v"),), {"old": 1}),
        "U4",
    ),
    "an own value cannot be freed": ("may_free", lambda found, _: found is None, PASSED, "U4"),
    "a version frees nothing": ("moves", _takes_only, PASSED, "U3"),
    "a version frees what it keeps": ("moves", _frees_all, KEPT, "U2"),
    "a version takes nothing": ("moves", _takes_nothing, RACE, "U2"),
    "a deletion keeps its values": ("moves", _never_frees_the_last, HELD_FOR_GOOD, "U3"),
    "a fill fills nothing": ("fill", _fills_nothing, ({"a": BARE}, (FILL_A,), {}), "U5"),
    "a release does not look": (
        "release",
        _releases_what_is_held,
        ({"a": has("v")}, (Function("release", "a", ("v",)),), {}),
        "U2",
    ),
    "nobody looks whether it was filled": (
        "Held.may_be_filled",
        property(lambda _: False),
        ({"a": BARE}, (FILL_A, sets("a", "w")), {}),
        "U3",
    ),
    "a release frees nothing": ("release", _releases_nothing, OLD, "U5"),
}


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_check_notices_when(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, weaker, (items, functions, faults), invariant = MUTANTS[rule]
    first = first_state(items, functions, faults)
    owner, _, last = name.rpartition(".")
    monkeypatch.setattr(getattr(unique, owner) if owner else unique, last, weaker)

    verdict = check(first)

    assert str(verdict.violation).startswith(invariant)
