"""The chain as a model in TLA+, checked by TLC; docs/model.md tells what it says.

Two models stand beside each other: this one, written from the protocol, and the one of
`tests/simulation`, which runs the code. What the second one does, the first one has to accept.
"""

from pathlib import Path

import pytest
from tests.tla.cases import HELD, LEFT_OUT, RECORDED
from tests.tla.checker import Case, NotCheckedError, Verdict, accepted, check
from tests.tla.recording import traces
from tests.tla.test_page import states

pytestmark = pytest.mark.proof


@pytest.mark.parametrize("place", range(len(HELD)), ids=[str(case) for case in HELD])
def test_every_property_holds_in_every_behaviour(place: int, tmp_path: Path) -> None:
    """The page has the number of states."""
    assert check(HELD[place], tmp_path) == Verdict(states()[place])


@pytest.mark.parametrize("rule", LEFT_OUT)
def test_without_a_rule_a_property_is_broken(rule: str, tmp_path: Path) -> None:
    case, broken = LEFT_OUT[rule]

    assert check(case, tmp_path).broken == broken


@pytest.mark.parametrize("case", RECORDED, ids=str)
def test_what_the_code_does_in_our_own_model_this_one_accepts(case: Case, tmp_path: Path) -> None:
    recorded = traces(case)

    assert len(recorded) > 2
    assert accepted(case, recorded, tmp_path) == set(range(len(recorded)))


def test_what_the_code_never_does_is_not_accepted(tmp_path: Path) -> None:
    case = Case(2)
    trace = traces(case, 1)[0]
    versions, data, view = trace[-1]
    ends_unapplied = [*trace[:-1], (versions, data, view - 1)]
    overtakes = [((("OPEN", 1), second), data, view) for (_, second), data, view in trace]

    assert accepted(case, [trace, ends_unapplied, overtakes], tmp_path) == {0}


def test_a_model_with_a_mistake_is_not_taken_for_one_that_holds(tmp_path: Path) -> None:
    with pytest.raises(NotCheckedError):
        check(Case(2, {"crash": "many"}), tmp_path)  # type: ignore[dict-item]
