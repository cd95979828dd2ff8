"""Children of a Map through every interleaving; and each rule weakened, so that it is noticed."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.simulation.exploring import named
from tests.simulation.wait_world import check, first_state
from tests.support.proof import PROOF

from sfn_cqrs.machines.workflow import waits
from sfn_cqrs.machines.workflow.executions import Parent
from sfn_cqrs.machines.workflow.wait_table import WaitTable

Faults = dict[str, int]
SCENARIOS: list[Any] = [
    (2, {"die": 2}),
    (1, {"late": 1, "twice": 1}),
    (1, {"lose": 1, "redrive": 1, "sweep": 1}),
]
LONG = [
    pytest.param(*scenario, marks=PROOF)
    for scenario in (
        (1, {"late": 1, "redrive": 1}),
        (3, {}),
        (2, {"late": 1}),
        (2, {"late": 1, "twice": 1}),
        (2, {"lose": 1, "redrive": 1}),
        (1, {"die": 2, "late": 1, "twice": 1}),
        (1, {"die": 1, "late": 1, "redrive": 1, "twice": 1}),
    )
]


@pytest.mark.parametrize(("items", "faults"), SCENARIOS + LONG, ids=named)
def test_in_whatever_order_each_item_goes_on_with_its_own_childs_answer(
    items: int, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = check(first_state(items, faults), monkeypatch)

    assert (verdict.violation, verdict.trace) == (None, ())
    assert verdict.ends == {"all go on"}


PARKS, CLOSES = WaitTable.park, WaitTable.close


def _closes_whoever_waits(table: Any, execution: str, state: str, key: str, _token: str) -> bool:
    return CLOSES(table, execution, state, key, table.token(execution, state, key))


def _parks_whoever_comes(
    table: Any, execution: str, state: str, token: str, _since: str, key: str = ""
) -> bool:
    return PARKS(table, execution, state, token, "", key)


MUTANTS: dict[str, tuple[Any, str, Callable[..., Any], int, Faults, str]] = {
    "the items of a Map share a key": (waits, "key_of", lambda _context: "", 2, {}, "W2"),
    "a child does not know which item is its own": (
        Parent,
        "as_input",
        lambda parent: {"execution": parent.execution, "state": parent.state},
        2,
        {},
        "W2",
    ),
    "a redrive does not count": (
        WaitTable,
        "park",
        lambda table, execution, state, token, since, key="": PARKS(
            table, execution, state, token, since[:24] + since[-3:], key
        ),
        1,
        {"die": 1, "redrive": 1},
        "W3",
    ),
    "an earlier try takes the place of a later one": (
        WaitTable,
        "park",
        _parks_whoever_comes,
        1,
        {"late": 1},
        "W3",
    ),
    "a sweep closes what another try waits for": (
        WaitTable,
        "close",
        _closes_whoever_waits,
        1,
        {"lose": 1, "redrive": 1, "sweep": 1},
        "W3",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_weakened_rule_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, weaker, items, faults, invariant = MUTANTS[name]
    monkeypatch.setattr(owner, attribute, weaker)

    verdict = check(first_state(items, faults), monkeypatch)

    assert (verdict.violation or "none")[:2] == invariant, verdict
