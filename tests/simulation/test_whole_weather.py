"""A share of all calls, invocations and answers fails, as `up --weather` has it: nothing shows.

`make proof DEEP=1 ARGS=tests/simulation/test_whole_weather.py` looks for longer.
"""

import pytest
from tests.simulation.weather import FLOWS, said_as
from tests.support.proof import deep, without
from tests.support.whole_system import WholeSystem

SEEDS = range(deep(2, 20))
SHARES = (0.04, 0.1)
CASES = [(flow, share, seed) for flow in FLOWS for share in SHARES for seed in SEEDS]
LONG = [case for case in CASES if case[1:] != (0.04, 0)]


@pytest.mark.parametrize(("flow", "share", "seed"), without(CASES, LONG), ids=said_as)
def test_a_share_of_everything_fails_and_every_flow_ends_as_on_a_good_day(flow, share, seed):
    with WholeSystem(batch=2, weather=(share, seed)) as system:
        flow(system)

        assert system.given_up() == []
        assert system.weather.met.total() > 0
