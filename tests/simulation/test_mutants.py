"""No rule of the chain can be taken away without the model check finding it."""

import pytest
from tests.simulation.mutants import MUTANTS
from tests.support.proof import without

LONG = [
    mutant
    for mutant in MUTANTS
    if str(mutant)
    in (
        "the sweep does not wake who is blocked",
        "any attempt may write",
        "any restart counts, however old",
        "whatever its outcome it may leave",
        "the sweep takes a version that waits for one in the express lane",
    )
]


@pytest.mark.parametrize("mutant", without(MUTANTS, LONG), ids=str)
def test_the_model_check_finds_the_missing_rule(mutant):
    verdict = mutant.found()

    assert verdict.violation is not None
    assert verdict.violation.startswith(mutant.breaks), verdict.trace
