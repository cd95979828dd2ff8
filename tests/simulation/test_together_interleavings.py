"""Decisions over several items through every interleaving; and each rule weakened.

Invariants:
T1  of a decision all versions are stored or none, and each names all
T2  one request is one decision, however often it comes
T3  each version is based on the one that it wanted
T4  the latest versions of two items never hold one value, and what is held is reserved
T5  a transaction writes each value once
T6  a decision is refused only if an item outside of it has a value
T7  a request that is stored gets its answer
T8  an item is told to be in conflict only if it has moved
T9  nobody gives up: who is refused is so by a version or by a value

How each version is then applied is what the chain's own checks explore: a decision adds nothing.
"""

from collections.abc import Iterable
from typing import Any

import pytest
from tests.simulation import together_world
from tests.simulation.exploring import BrokenError, Verdict, explore
from tests.simulation.together_world import Function, State, first_state, moves

from sfn_cqrs.machines.command import together
from sfn_cqrs.machines.command.together import Look, Reserves, Seen, Store

LIMIT = 300_000
LATEST = -1


def check(first: State) -> Verdict:
    """Look at every state, the nearest first."""
    return explore(first, _moves_or_end, LIMIT)


def _moves_or_end(state: State) -> Iterable[tuple[str, State]] | str:
    together_world.check(state)
    found = list(moves(state))
    if found:
        return found
    if "busy" in state.results:
        raise BrokenError("T9: somebody gave up")
    return " ".join(state.results) or "nothing"


def asks(id_: int, codes: str, values: str, *wanted: int, key: str = "") -> Function:
    """Return a function that publishes on items; a dot is an item without a value."""
    told = tuple("" if each == "." else each for each in values)
    return Function(id_, tuple(codes), told, wanted or (LATEST,) * len(codes), key)


SCENARIOS: list[Any] = [
    ("one decision that dies", {}, (asks(1, "ab", "vw", 0, 0),), {"die": 1}),
    ("two over the same", {"a": "", "b": ""}, (asks(1, "ab", "vw"), asks(2, "ba", "xy")), {}),
    (
        "two on the same versions",
        {"a": "", "b": ""},
        (asks(1, "ab", "vw", 1, 1), asks(2, "ab", "xy", 1, 1)),
        {"die": 1},
    ),
    (
        "they overlap in one",
        {"a": "", "b": "", "c": ""},
        (asks(1, "ab", "vw"), asks(2, "bc", "xy")),
        {"die": 1},
    ),
    (
        "beside a publish of one",
        {"a": "", "b": ""},
        (asks(1, "ab", "vw", 1, LATEST), asks(2, "b", "x"), asks(3, "a", "y")),
        {},
    ),
    (
        "a request comes twice",
        {"a": ""},
        (asks(1, "ab", "vw", 1, 0, key="k"), asks(2, "ab", "vw", 1, 0, key="k")),
        {"die": 1},
    ),
    (
        "a request comes late, on the latest",
        {"a": "", "b": ""},
        (asks(1, "ab", "vw", key="k"), asks(2, "ab", "vw", key="k"), asks(3, "b", "x")),
        {},
    ),
    (
        "one stays, and is changed",
        {"a": "v", "b": ""},
        (asks(1, "ab", "vw", 1, 1), asks(2, "a", "x")),
        {"die": 1},
    ),
    (
        "they exchange values while one is asked for",
        {"a": "v", "b": "w"},
        (asks(1, "ab", "wv"), asks(2, "c", "v", 0)),
        {"die": 1},
    ),
    (
        "one gives to another",
        {"a": "v"},
        (asks(1, "ab", ".v"), asks(2, "c", "v"), asks(3, "a", "x")),
        {},
    ),
    ("both want one value", {}, (asks(1, "ab", "vv", 0, 0), asks(2, "c", "v", 0)), {}),
    (
        "two decisions want one value",
        {},
        (asks(1, "ab", "vw", 0, 0), asks(2, "cd", "xv", 0, 0)),
        {"die": 1},
    ),
]


@pytest.mark.parametrize(
    ("items", "functions", "faults"),
    [one[1:] for one in SCENARIOS],
    ids=[one[0] for one in SCENARIOS],
)
def test_a_decision_is_whole_in_whatever_order_they_come(
    items: dict[str, str], functions: tuple[Function, ...], faults: dict[str, int]
) -> None:
    verdict = check(first_state(items, functions, faults))

    assert (verdict.violation, verdict.trace) == (None, ())
    assert verdict.ends


def _looks_once(_wanted: Any) -> Any:
    found = yield Look()
    for _ in range(together.TRIES):
        refusal = yield Store(found)
        if refusal is None:
            return None
    return refusal


def _asks_no_request(wanted: Any) -> Any:
    for _ in range(together.TRIES):
        found = yield Look()
        conflict = together.conflict_of(wanted, found)
        if conflict is not None:
            return conflict
        refusal = yield Store(found)
        if refusal is None:
            return None
    return refusal


def _asks_once(wanted: Any) -> Any:
    for _ in range(together.TRIES):
        seen = yield Seen()
        if seen is not None:
            return seen
        found = yield Look()
        conflict = together.conflict_of(wanted, found)
        if conflict is not None:
            return conflict
        refusal = yield Store(found)
        if refusal is None:
            return None
    return refusal


def _stores_one_by_one(_wanted: Any) -> Any:
    """Stop at the first refusal, with what is stored by then."""
    seen = yield Seen()
    if seen is not None:
        return seen
    found = yield Look()
    yield Store(found)
    return (yield Store(tuple(each + 1 for each in found)))


def _is_in_conflict_with_what_is_new(wanted: Any, found: Any) -> Any:
    both = enumerate(zip(wanted, found, strict=True))
    return next((together.Conflict(place, now) for place, (_, now) in both if now), None)


def _gives_nothing(items: Any) -> Any:
    return (Reserves(one.place, one.hash, one.frees) for one in reserves(items))


def _frees_what_is_given(items: Any) -> Any:
    for place, (_, its) in enumerate(items):
        yield from (Reserves(place, each) for each in its.taken)
        yield from (Reserves(place, each, frees=True) for each in its.freed)


def _frees_nothing(items: Any) -> Any:
    return (one for one in reserves(items) if not one.frees)


def _takes_of_the_first(items: Any) -> Any:
    return (one for one in reserves(items) if one.place == 0)


reserves = together.reserves
MOVED: Any = ({"a": "", "b": ""}, (asks(1, "ab", "vw", 1, 1), asks(2, "b", "x")), {})
RETRIED: Any = ({"a": ""}, (asks(1, "ab", "vw", 1, 0, key="k"),) * 2, {})
EXCHANGED: Any = ({"a": "v", "b": "w"}, (asks(1, "ab", "wv"),), {})
TWICE: Any = ({}, (asks(1, "ab", "vv", 0, 0),), {})
MUTANTS: dict[str, tuple[str, Any, Any, str]] = {
    "nobody looks whether an item has moved": ("conflict_of", lambda *_: None, MOVED, "T3"),
    "every item has moved": (
        "conflict_of",
        _is_in_conflict_with_what_is_new,
        ({"a": "", "b": ""}, (asks(1, "ab", "vw", 1, 1),), {}),
        "T8",
    ),
    "a refused decision does not look again": (
        "decide",
        _looks_once,
        ({"a": "", "b": ""}, (asks(1, "ab", "vw"), asks(2, "b", "x")), {}),
        "T9",
    ),
    "no request is remembered": ("decide", _asks_no_request, RETRIED, "T7"),
    "a request that won meanwhile is in conflict": ("decide", _asks_once, RETRIED, "T7"),
    "what is stored is stored again": (
        "decide",
        _stores_one_by_one,
        ({"a": ""}, (asks(1, "ab", "vw", 1, 0, key="k"),), {}),
        "T7",
    ),
    "nothing is given": ("reserves", _gives_nothing, EXCHANGED, "T6"),
    "what is given is freed as well": ("reserves", _frees_what_is_given, EXCHANGED, "T5"),
    "nothing is freed": (
        "reserves",
        _frees_nothing,
        ({"a": "v"}, (asks(1, "ab", "xw"),), {}),
        "T4",
    ),
    "only the first takes": (
        "reserves",
        _takes_of_the_first,
        ({}, (asks(1, "ab", "vw"),), {}),
        "T4",
    ),
    "two of a decision take one value": ("taken_twice", lambda _: None, TWICE, "T5"),
    "a version names itself alone": (
        "name_of",
        lambda key, version: f"{key.type}/a/{version}",
        ({}, (asks(1, "ab", "vw"),), {}),
        "T1",
    ),
}


@pytest.mark.parametrize("rule", MUTANTS)
def test_the_check_notices_when(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, weaker, (items, functions, faults), invariant = MUTANTS[rule]
    first = first_state(items, functions, faults)
    monkeypatch.setattr(together, name, weaker)

    verdict = check(first)

    assert str(verdict.violation).startswith(invariant)
