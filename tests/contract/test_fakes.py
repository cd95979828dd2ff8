import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters import (
    attributes_bucket,
    command_table,
    data_table,
    executions,
    generation_rows,
    history_table,
    link_secret,
    live_events,
    process_table,
    queue,
    read_model,
    topics,
    wait_table,
)
from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.domain.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_process, a_publication
from sfn_cqrs_tools.testing.fakes import World, services, tables

PAIRS = [
    (services.AttributesBucket, attributes_bucket.AttributesBucket),
    (tables.CommandTable, command_table.CommandTable),
    (tables.DataTable, data_table.DataTable),
    (services.DeadLetters, topics.DeadLetters),
    (services.Executions, executions.Executions),
    (tables.GenerationRows, generation_rows.GenerationRows),
    (tables.HistoryTable, history_table.HistoryTable),
    (services.LinkSecret, link_secret.LinkSecret),
    (services.LiveEvents, live_events.LiveEvents),
    (tables.ProcessTable, process_table.ProcessTable),
    (services.Queue, queue.Queue),
    (tables.ReadModel, read_model.ReadModel),
    (services.Topic, topics.Topic),
    (tables.WaitTable, wait_table.WaitTable),
]
BETWEEN_ADAPTERS = {"put_operation"}
NO_FAKE = {"sql", "tracer"}
"""Tests of SQL read models run a real server; where no daemon is named, nothing is traced."""


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

    assert {name: of_fake.get(name) for name in of_adapter if name not in BETWEEN_ADAPTERS} == {
        name: call for name, call in of_adapter.items() if name not in BETWEEN_ADAPTERS
    }


def test_a_world_has_a_part_for_every_adapter_that_bootstrap_makes():
    makers = [
        name
        for name, maker in inspect.getmembers(bootstrap, inspect.isfunction)
        if hasattr(maker, "__wrapped__") and not inspect.isgeneratorfunction(maker.__wrapped__)
    ]

    assert sorted(World().parts()) == sorted({*makers} - NO_FAKE)


def test_of_many_threads_that_write_at_once_one_wins():
    world = World()
    world.seed(*[a_process(version=version) for version in range(1, 51)])

    def close(attempt):
        closed = [
            world.processes.close(CommandRef(NRT, version, 1), Outcome.APPLIED, "x").done
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
