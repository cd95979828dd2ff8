"""A handler that reads its own item finds it at its version, whatever happens beside it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from tests.simulation.chaos import Chaos
from tests.support.airports import Airport
from tests.support.fake_system import FakeSystem
from tests.support.proof import sampled

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.machines.command import handlers

DISORDER = {"shuffles": True, "duplicates": 0.1, "replays": 0.2}
ITEMS, VERSIONS = 2, 5
SEEDS = 1_000 // (ITEMS * VERSIONS)
Seen = list[tuple[int, int]]


@contextmanager
def a_reader() -> Iterator[Seen]:
    """A third handler of airports: the version that it is given, and the one that it finds."""
    seen: Seen = []

    def own_item(command: Command) -> None:
        row = bootstrap.data().find(command.key)
        seen.append((command.version, 0 if row is None else row.version))

    handlers.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(handlers.registry.sync["AIRPORT"], "own_item", own_item)
        yield seen


def publish_all(airport: Airport) -> None:
    for number in range(VERSIONS):
        airport.publish(f"{airport.code} {number}")


def seen_by_the_reader(seed: int, express: float | None) -> Seen:
    """Two items with five versions each, on a day on which functions die and are given up."""
    chaos = Chaos(random.Random(seed), kills=0.01, hiccups=0.02, zombies=0.03)
    with FakeSystem(seed, disorder=DISORDER, express=express) as system, a_reader() as seen:
        system.calls.observers.append(chaos.observe)
        system.gives_up = chaos.gives_up
        airports = [Airport(system, f"P{number}") for number in range(ITEMS)]
        for airport in airports:
            system.spawn(partial(publish_all, airport))
        system.settle()
        for airport in airports:
            airport.assert_complete()
    return seen


@pytest.mark.parametrize("express", [None, 0.2], ids=["standard", "express"])
@pytest.mark.parametrize("seed", sampled(range(SEEDS), 5))
def test_a_handler_that_reads_its_own_item_finds_its_version(seed, express):
    seen = seen_by_the_reader(seed, express)

    assert len(seen) >= ITEMS * VERSIONS
    assert [(given, found) for given, found in seen if found < given] == []
    assert {given for given, _ in seen} == set(range(1, VERSIONS + 1))
