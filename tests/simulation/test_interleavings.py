"""Functions make their calls in turns that a seed decides; the seed is in the test's name."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tests.simulation.chaos import Chaos
from tests.simulation.ledger import Ledger
from tests.support.airports import Airport
from tests.support.fake_system import FakeSystem
from tests.support.moto_system import MotoSystem
from tests.support.proof import deep, sampled
from tests.support.system import TENANT, System

from sfn_cqrs.domain.command import Known
from sfn_cqrs.service.commands.service import CommandService, Published

DISORDER = {"shuffles": True, "duplicates": 0.1, "replays": 0.2}
PAIRS = 25
PUBLISHERS = 8
VERSIONS = 24
ROUNDS = 10


def seeds(*, fake: int, moto: int) -> list[Any]:
    """The seeds to run over the fakes, and those over moto; and in proof many more of both."""
    return [
        *sampled([(FakeSystem, seed) for seed in range(fake * deep(5, 20))], fake),
        *sampled([(MotoSystem, seed) for seed in range(moto * deep(2, 5))], moto),
    ]


def publish(code: str, name: str, version: int) -> Published:
    return CommandService(TENANT).publish(
        "AIRPORT",
        code,
        name=name,
        attributes={"country": name[-1], "city": name},
        version=version,
    )


def a_pair(system: System, code: str) -> Callable[[], None]:
    """Two versions, a millisecond apart."""

    def job() -> None:
        publish(code, "first", 0)
        system.clock.advance(0.001)
        publish(code, "second", 1)

    return job


@pytest.mark.parametrize("seed", sampled(range(deep(20, 40)), 1))
def test_pairs_of_versions_1_ms_apart_are_applied_in_order(seed):
    with FakeSystem(seed, disorder=DISORDER) as system:
        codes = [f"P{number}" for number in range(PAIRS)]
        for code in codes:
            system.spawn(a_pair(system, code))

        system.run()

        for code in codes:
            airport = Airport.stored(system, code)
            assert airport.names == ["first", "second"]
            airport.assert_complete()
        waited = [each for each in system.processes() if each.token_seq is not None]
        assert {each.version for each in waited} == {2}


def publish_all(names: list[str], ledger: Ledger) -> None:
    """Publish on top of the latest version, again after each lost race."""
    while names:
        name = names.pop()
        before = len(ledger.answers)
        ledger.publish(lambda: publish("NRT", name, Known.LATEST))  # noqa: B023 - called at once
        if not ledger.answers[before:][0].is_stored:
            names.append(name)


@pytest.mark.parametrize(("kind", "seed"), seeds(fake=2, moto=1))
def test_versions_of_one_item_from_8_publishers_are_applied_in_order(kind, seed):
    with kind(seed, disorder=DISORDER) as system:
        ledger = Ledger()
        names = [f"name {number}" for number in range(VERSIONS)]
        random.Random(seed).shuffle(names)
        for first in range(PUBLISHERS):
            system.spawn(partial(publish_all, names[first::PUBLISHERS], ledger))

        system.run()

        airport = Airport.stored(system, "NRT")
        assert sorted(airport.names) == sorted(names)
        airport.assert_complete()
        ledger.assert_linearizable()


@pytest.mark.parametrize("seed", sampled(range(deep(40, 80)), 4))
def test_publishers_that_know_a_version_lose_or_win_as_if_one_came_after_the_other(seed):
    def race(ledger: Ledger, own: str) -> None:
        version = 0
        for number in range(5):
            version = ledger.publish(partial(publish, "NRT", f"{own}{number}", version))

    with FakeSystem(seed) as system:
        ledger = Ledger()
        for own in "abcd":
            system.spawn(partial(race, ledger, own))

        system.run()

        ledger.assert_linearizable()
        Airport.stored(system, "NRT").assert_complete()


def heal(system: System, airports: list[Airport]) -> None:
    """Retry what has failed, the earliest first, until nothing has."""
    for _ in range(ROUNDS):
        system.settle()
        for airport in airports:
            outcomes = airport.outcomes()
            if "FAILED" in outcomes:
                assert airport.operate(outcomes.index("FAILED") + 1, "retry") == 202
        if not any("FAILED" in airport.outcomes() for airport in airports):
            return system.settle()
    raise AssertionError(f"not healed after {ROUNDS} rounds")


@pytest.mark.parametrize(("kind", "seed"), seeds(fake=5, moto=1))
def test_kills_zombies_and_failures_at_random_heal(kind, seed):
    with kind(seed, disorder=DISORDER) as system:
        chaos = Chaos(random.Random(seed), kills=0.01, failures=0.02, hiccups=0.02, zombies=0.05)
        system.calls.observers.append(chaos.observe)
        system.gives_up = chaos.gives_up
        codes = [f"P{number}" for number in range(12 if kind is FakeSystem else 2)]
        for code in codes:
            system.spawn(a_pair(system, code))
        system.run()
        airports = [Airport.stored(system, code) for code in codes]
        heal(system, airports)
        system.calls.observers.remove(chaos.observe)
        system.gives_up = lambda: False
        heal(system, airports)

        for airport in airports:
            airport.assert_complete()
        assert chaos.done or kind is MotoSystem
