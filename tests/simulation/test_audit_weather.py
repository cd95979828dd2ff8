"""A healthy stack under load and in bad weather gives an audit nothing to find, at any moment."""

import random

import pytest
from tests.support.airports import Airport
from tests.support.import_system import a_file, a_line
from tests.support.proof import deep
from tests.support.system import TENANT
from tests.support.whole_system import WholeSystem

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs_tools.replay import replaying
from sfn_cqrs_tools.replay.replaying import Replay, Wanted

MINUTES = 60
SHARE = 0.04
SEEDS = range(deep(2, 10))
ALL = Wanted(tenant=TENANT, is_audit=True)
CODES = [f"RJ{number:02d}" for number in range(8)]


def audited(system: WholeSystem) -> int:
    """Audit everything while nothing is repaired; answers how many items were looked at."""
    with system.calls.of("audit"):
        report = Audit(TENANT).run()
        replayed(system)
    assert report.findings == []
    return report.items


def replayed(system: WholeSystem) -> int:
    """Compare all read models; answers how many items were applied, and so replayed."""
    with system.calls.of("audit"):
        client = bootstrap.DEPLOYED.client
        report = Replay(client("dynamodb"), client("s3"), ALL).run()
    assert (report.rows, report.errors) == ([], [])
    return report.items


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(replaying, "PAUSE", 0.0)


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
def test_an_hour_of_load_in_bad_weather_gives_no_finding(seed):
    with WholeSystem(batch=2, weather=(SHARE, seed)) as system:
        rng, airports = random.Random(seed), {code: Airport(system, code) for code in CODES}
        looked = 0
        for minute in range(MINUTES):
            for code in rng.sample(CODES, 2):
                airports[code].publish(f"{code} {minute}")
            if minute % 15 == 5:
                system.start(a_file([a_line(f"RK{n:02d}", name=f"{minute}") for n in range(6)]))
            for _ in range(rng.randrange(12)):
                system.step()
            looked += audited(system)
            system.pass_time(60)
            looked += audited(system)
        system.settle()
        looked += audited(system)
        system.pass_time(3_600)

        assert replayed(system) >= len(CODES)
    assert looked > MINUTES


def test_a_stack_that_works_gives_no_finding():
    """A few minutes of the same, in fair weather."""
    with WholeSystem(batch=2) as system:
        airport = Airport(system, "RJAA")
        for minute in range(3):
            airport.publish(f"{minute}")
            for _ in range(minute):
                system.step()
            assert audited(system) >= 1
            system.pass_time(60)
        system.start(a_file([a_line("RK01"), a_line("RK02")]))
        system.settle()

        assert audited(system) >= 3
        system.pass_time(3_600)
        assert replayed(system) >= 3
