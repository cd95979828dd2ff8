"""The chain's model check: every interleaving of the real rules; see `model` for the invariants."""

import pytest
from tests.mutants.code import MovedError
from tests.mutants.mutant import drop
from tests.simulation.model import SCENARIOS, Scenario, run
from tests.simulation.mutants import KILLED, MUTANTS, PLAIN, ZOMBIE
from tests.simulation.rules import load_rules
from tests.support.proof import DEEP, without

HELD = [scenario for scenario in SCENARIOS if DEEP or not scenario.is_huge]
MUTATED = [mutant.scenario for mutant in MUTANTS]
"""In these a missing rule shows."""
LONG = [
    scenario
    for number, scenario in enumerate(HELD)
    if scenario.is_big or (number % 6 and scenario not in MUTATED)
]


@pytest.mark.parametrize("scenario", without(HELD, LONG), ids=str)
def test_the_rules_hold_in_every_interleaving(scenario):
    verdict = run(scenario, load_rules())

    assert verdict.violation is None, "\n".join(map(str, verdict.trace))


@pytest.mark.parametrize("scenario", [PLAIN, KILLED, ZOMBIE], ids=str)
def test_what_the_model_leaves_out_of_sight_changes_no_verdict(scenario):
    reduced = run(scenario, load_rules())
    whole = run(scenario, load_rules(), reduces=False, merges=False)

    assert whole.violation is reduced.violation is None
    assert whole.states > reduced.states


@pytest.mark.parametrize(
    "mutant", [mutant for mutant in MUTANTS if mutant.scenario == PLAIN], ids=str
)
def test_what_the_model_leaves_out_of_sight_hides_no_mutant(mutant):
    options = {**mutant.options, "reduces": False, "merges": False}
    verdict = run(mutant.scenario, load_rules(*mutant.edits), **options)

    assert verdict.violation is not None
    assert verdict.violation.startswith(mutant.breaks)


def test_a_scenario_without_versions_is_one_state():
    assert run(Scenario("nothing", ""), load_rules()).states == 1


def test_an_edit_that_no_longer_fits_the_rules_is_refused():
    with pytest.raises(MovedError, match="close has the code of a mutant 0 times, not once"):
        load_rules(drop("close", "no_such_code"))
