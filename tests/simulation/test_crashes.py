"""Whoever is killed before or after whichever call: at the end everything is applied."""

import pytest
from tests.simulation.crashes import CRASHES
from tests.support.calls import moments_of
from tests.support.proof import every, shares


@shares(40, usual=3)
@pytest.mark.parametrize("crashes", CRASHES, ids=str)
def test_a_function_that_is_killed_at_any_call_loses_nothing(crashes, nth):
    moments = moments_of(crashes.calls())

    for call, moment in every(nth, moments):
        try:
            crashes.run(call, moment)
        except Exception as error:
            pytest.fail(f"killed {moment} {call}: {error!r}")
    assert moments
