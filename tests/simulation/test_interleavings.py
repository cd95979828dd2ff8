"""Functions make their calls in turns that a seed decides; the seed is in the test's name."""

import random
from functools import partial
from typing import Any

import pytest
from tests.simulation.ledger import Ledger
from tests.support.airports import Airport
from tests.support.fake_system import FakeSystem
from tests.support.moto_system import MotoSystem
from tests.support.proof import deep, sampled
from tests.support.system import TENANT

from sfn_cqrs.kernel.command import Known
from sfn_cqrs.machines.command.change import Published
from sfn_cqrs.machines.command.service import CommandService

DISORDER = {"shuffles": True, "duplicates": 0.1, "replays": 0.2}
PUBLISHERS = 8
VERSIONS = 24


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
