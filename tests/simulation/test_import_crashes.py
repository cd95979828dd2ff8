"""A batch of an import, killed before and after each call that it makes, and delivered twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws
from tests.contract.worlds import Clients, MotoWorld
from tests.support.calls import Deaths, KilledError
from tests.support.proof import every, shares
from tests.unit.import_csv.conftest import A_JOB, JOB, a_row, key_of

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.command import table as command_table
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.results import Counts, PublishMode
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.stored import TABLES

BEFORE = ImportKey("tenant1", "01JDHZ00000000000000000009")
CHANGED, SAME = "RJ01", "RJ02"
FIRST = [
    a_row(2, "RJ00"),
    a_row(3, CHANGED, name="New"),
    a_row(4, SAME),
    a_row(5, "RJ05", lat="north"),
    a_row(6, "RJ00", name="Twice"),
    *[a_row(n, f"RK{n:02d}") for n in range(7, 19)],
]
SECOND = [a_row(19, "RK07", name="Again"), a_row(20, "RL20")]
MODES = [PublishMode.SYNC, PublishMode.ASYNC]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_PACKAGE", "shop")
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr(command_table, "MAX_OPERATIONS", 10)


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with mock_aws():
        yield Clients()


@pytest.fixture(scope="module")
def wire(clients: Clients) -> Deaths:
    deaths = Deaths()
    deaths.hear(clients.s3)
    return deaths


@contextmanager
def fresh(clients: Clients, wire: Deaths) -> Iterator[MotoWorld]:
    """A world in which one item is as the file has it, and one is not; S3 is moto's."""
    dynamodb = DynamoDB(TABLES)
    dynamodb.around = wire.around
    world = MotoWorld(clients, dynamodb=dynamodb)
    try:
        with bootstrap.override(**world.parts()):
            deliver([a_row(2, CHANGED), a_row(3, SAME)], key=BEFORE)
            yield world
    finally:
        clients.empty_buckets()


def deliver(rows: list[Row], **changed: Any) -> Counts:
    batch = RowBatch(replace(A_JOB, **changed), strategies.find("airports"), rows)
    return batch.run().counts


def killed(wire: Deaths, number: int, moment: str, rows: list[Row], mode: PublishMode) -> bool:
    """Deliver a batch and kill it; answers whether it lived so long."""
    wire.made, wire.kill = 0, (number, moment)
    try:
        with wire.at_work():
            deliver(rows, publish_mode=mode)
    except KilledError:
        return True
    finally:
        wire.kill = None
    return False


def calls_of(clients: Clients, wire: Deaths, mode: PublishMode) -> int:
    with fresh(clients, wire), wire.at_work():
        wire.made = 0
        deliver(FIRST, publish_mode=mode)
        return wire.made


def assert_exact(world: MotoWorld, mode: PublishMode) -> None:
    """Markers = counters = total; every row exactly once; nothing of ours counted unchanged."""
    expected = Counts(created=14, updated=2, unchanged=2, failed=1)
    markers = list(world.imports.markers(JOB))
    assert [(each.first, each.last) for each in markers] == [(2, 18), (19, 20)]
    assert sum((each.counts for each in markers), Counts()) == expected
    assert world.imports.counts(JOB) == expected
    assert [each.row.number for each in world.import_bucket.errors(JOB, 2)] == [5]
    versions = {"RJ00": 1, CHANGED: 2, SAME: 1, "RK07": 2, "RK18": 1, "RL20": 1}
    for icao, version in versions.items():
        latest = world.commands.latest(key_of(icao))
        assert latest is not None
        assert latest.version == version, icao
        if mode is PublishMode.SYNC:
            assert_applied(world, icao, version)
    twice = world.commands.latest(key_of("RJ00"))
    assert twice is not None
    assert twice.name == "Twice"


def assert_applied(world: MotoWorld, icao: str, version: int) -> None:
    row = world.data.find(key_of(icao))
    shown = world.read_model("airports_by_icao", buckets=16).get("tenant1", "airports", icao)
    counted = world.read_model("airports_by_country", buckets=16).get("tenant1", "counted", icao)
    assert row is not None
    assert shown is not None
    assert counted is not None
    assert {row.version, shown["version"], counted["version"]} == {version}
    assert len(world.history.page(key_of(icao), 10, None).items) == version - 1


@shares(20, usual=3)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("mode", MODES)
def test_a_batch_that_dies_at_any_call_ends_exact_when_it_comes_again(
    mode: PublishMode, moment: str, nth: int, clients: Clients, wire: Deaths
) -> None:
    """Of the many like calls of the projections, one in ten."""
    total = calls_of(clients, wire, mode)
    is_projection = range(9, total - 4) if mode is PublishMode.SYNC else range(0)
    own = [each for each in range(1, total + 1) if each not in is_projection or each % 10 == 0]
    for number in every(nth, own):
        with fresh(clients, wire) as world:
            assert killed(wire, number, moment, FIRST, mode)
            deliver(FIRST, publish_mode=mode)
            deliver(SECOND, publish_mode=mode)
            deliver(FIRST, publish_mode=mode)
            assert_exact(world, mode)


def test_batches_out_of_order_end_as_the_file_is_written(clients: Clients, wire: Deaths) -> None:
    total = calls_of(clients, wire, PublishMode.SYNC)
    for number in (4, total - 1):
        with fresh(clients, wire) as world:
            killed(wire, number, "after", FIRST, PublishMode.SYNC)
            deliver(SECOND)
            deliver(FIRST)
            deliver(SECOND)
            latest = world.commands.latest(key_of("RK07"))
            assert latest is not None
            assert latest.name == "Again"
            assert world.imports.counts(JOB).total == 19
            assert world.imports.counts(JOB).failed == 1


def test_somebody_else_s_version_between_two_deliveries_is_kept(
    clients: Clients, wire: Deaths
) -> None:
    total = calls_of(clients, wire, PublishMode.SYNC)
    for number in (5, 6, 8, total - 1):
        with fresh(clients, wire) as world:
            killed(wire, number, "after", FIRST, PublishMode.SYNC)
            service = CommandService("tenant1")
            published = service.publish(
                "AIRPORT", "RK18", name="Theirs", attributes={"country": "JP"}, version=-1
            )
            if published.version == 1:
                continue
            deliver(SECOND)
            deliver(FIRST)
            latest = world.commands.latest(key_of("RK18"))
            assert latest is not None
            assert (latest.name, latest.version) == ("Theirs", 2)
            assert world.imports.counts(JOB) == Counts(created=14, updated=2, unchanged=2, failed=1)
