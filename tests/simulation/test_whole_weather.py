"""A share of all calls, invocations and answers fails, as `up --weather` has it: nothing shows.

`make proof DEEP=1 ARGS=tests/simulation/test_whole_weather.py` looks for longer.
"""

import pytest
from tests.simulation.weather import FLOWS, approvals, links, nothing_starts, said_as
from tests.support.proof import deep, without
from tests.support.whole_system import WholeSystem

from sfn_cqrs.care.audit.service import Audit

SEEDS = range(deep(2, 20))
SHARES = (0.04, 0.1)
CASES = [(flow, share, seed) for flow in FLOWS for share in SHARES for seed in SEEDS]
LONG = [case for case in CASES if case[1:] != (0.04, 0)]


STEPS = 5
JUMPS = (approvals, links, nothing_starts)
"""Hours pass there before anything is delivered, which an audit finds."""


class Audited(WholeSystem):
    """Every fifth step is followed by an audit, which finds nothing."""

    steps = 0

    def step(self) -> bool:
        self.steps += 1
        if self.steps % STEPS == 0:
            audited(self)
        return super().step()


def audited(system: WholeSystem) -> int:
    """Audit everything; answers how much it has looked at."""
    with system.calls.of("audit"):
        report = Audit().run()
    assert report.findings == []
    return report.items + report.imports + report.work


@pytest.mark.parametrize(("flow", "share", "seed"), without(CASES, LONG), ids=said_as)
def test_a_share_of_everything_fails_and_every_flow_ends_as_on_a_good_day(flow, share, seed):
    kind = WholeSystem if flow in JUMPS else Audited
    with kind(batch=2, weather=(share, seed)) as system:
        flow(system)

        assert system.given_up() == []
        assert audited(system) > 0
        assert system.weather.met.total() > 0
