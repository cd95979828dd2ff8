import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.places import parts_of_rooms

from sfn_cqrs.care.live import events as live_events
from sfn_cqrs.kernel.aws import executions, queue, topics
from sfn_cqrs.machines.approval import link_secret
from sfn_cqrs.machines.command.chain import Close
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_process, a_publication
from sfn_cqrs_tools.testing.fakes import World, services

PAIRS = [
    (services.DeadLetters, topics.DeadLetters),
    (services.Executions, executions.Executions),
    (services.LinkSecret, link_secret.LinkSecret),
    (services.LiveEvents, live_events.LiveEvents),
    (services.Queue, queue.Queue),
    (services.Topic, topics.Topic),
]
RETENTIONS = {"command_ttl", "history_ttl", "task_ttl"}
NO_FAKE = {"audit_tables", "event_bus", "sql", "tracer", *RETENTIONS}
"""Audits, buses and SQL read models are tested on real ones; without a daemon nothing is traced."""


def calls_of(kind):
    """How the public methods of a class are called."""
    return {
        name: [(each.name, each.kind, each.default) for each in parameters.values()]
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
        for parameters in [inspect.signature(method).parameters]
    }


@pytest.mark.parametrize(("fake", "adapter"), PAIRS, ids=lambda kind: kind.__module__)
def test_a_fake_is_called_as_its_adapter_is(fake, adapter):
    of_fake, of_adapter = calls_of(fake), calls_of(adapter)

    assert {name: of_fake.get(name) for name in of_adapter} == of_adapter


def test_a_world_has_every_part_of_every_room():
    makers = {name for names in parts_of_rooms().values() for name in names}

    assert sorted(World().parts()) == sorted(makers - NO_FAKE)


def test_of_many_threads_that_write_at_once_one_wins():
    world = World()
    world.seed(*[a_process(version=version) for version in range(1, 51)])

    def close(attempt):
        closed = [
            world.processes.write(NRT, Close(version, 1, Outcome.APPLIED, "x")).done
            for version in range(1, 51)
        ]
        published = [
            world.commands.publish(a_publication(version=version)) is None
            for version in range(51, 101)
        ]
        return attempt, sum(closed), sum(published)

    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(close, range(8)))

    assert sum(closed for _, closed, _ in wins) == 50
    assert sum(published for _, _, published in wins) == 50
