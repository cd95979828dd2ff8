"""No rule of the chain can be taken away without the model check finding it."""

import pytest
from tests.simulation.mutants import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_model_check_finds_the_missing_rule(mutant):
    verdict = mutant.found()

    assert verdict.violation is not None
    assert verdict.violation.startswith(mutant.breaks), verdict.trace
