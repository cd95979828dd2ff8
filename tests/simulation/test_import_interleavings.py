"""Imports beside one another and beside live commands; the seed decides who calls next."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

import pytest
from tests.support.airports import Airport
from tests.support.calls import AwsCall, KilledError
from tests.support.fake_system import FakeSystem
from tests.support.proof import deep, sampled
from tests.support.system import TENANT
from tests.unit.import_csv.conftest import A_JOB, a_row

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import ChainBusyError, TransientError, VersionConflictError
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.results import Counts, PublishMode

CODES = [f"R{number:03d}" for number in range(6)]
DELIVERIES = 40
KILLS = 3
SYNC, ASYNC = PublishMode.SYNC, PublishMode.ASYNC


class ImportSystem(FakeSystem):
    """A system with imports, whose batches are killed now and then."""

    watched = (*FakeSystem.watched, "import_bucket")
    table = "airports"
    refusals: ClassVar[tuple[type[Exception], ...]] = (ChainBusyError, VersionConflictError)

    def __init__(self, seed: int) -> None:
        super().__init__(seed, disorder={"shuffles": True, "duplicates": 0.1})
        self.kills = 0
        self.calls.observers.append(self._maybe_kill)

    def _maybe_kill(self, call: AwsCall, _moment: str) -> None:
        strands = self.strands
        if call.function != "batch" or strands is None or self.kills >= KILLS:
            return
        if strands.random.random() < 0.01:
            self.kills += 1
            raise KilledError

    def until_taken(
        self,
        function: str,
        work: Callable[[], object],
        passing: tuple[type[BaseException], ...] = (KilledError, TransientError),
    ) -> Callable[[], None]:
        """What is tried until it neither dies nor is refused."""

        def job() -> None:
            for _ in range(DELIVERIES):
                try:
                    with self.calls.of(function):
                        work()
                    return
                except passing:
                    self._sleep(2)
            raise AssertionError(f"a {function} is never taken")

        return job

    def deliver(self, imported: Job, rows: Sequence[Row]) -> Callable[[], None]:
        """A batch that is tried until it is counted."""
        strategy = None if imported.undoes else strategies.find(self.table)
        return self.until_taken("batch", lambda: RowBatch(imported, strategy, rows).run())

    def publish(self, code: str, name: str, *, is_sync: bool) -> Callable[[], None]:
        """A live command, tried until it is taken."""
        return self.command("AIRPORT", code, name, is_sync=is_sync, country="JP", city=name)

    def command(
        self, type_: str, code: str, name: str, *, is_sync: bool, **attributes: str
    ) -> Callable[[], None]:
        service = CommandService(TENANT)
        publish = service.publish_sync if is_sync else service.publish
        made = partial(publish, type_, code, name=name, attributes=attributes, version=-1)
        return self.until_taken("publish", made, self.refusals)


def a_job(letter: str, mode: PublishMode) -> Job:
    key = ImportKey(TENANT, f"01JDHZ0000000000000000000{letter}")
    return replace(A_JOB, key=key, publish_mode=mode)


def batches_of(name: str) -> list[list[Row]]:
    """A file of two batches; the second has a key of the first again."""
    first = [a_row(n, code, f"{name} {n}") for n, code in enumerate(CODES, 2)]
    second = [a_row(n, code, f"{name} {n}") for n, code in enumerate(CODES[:3], 102)]
    return [first, second]


def assert_counted(imported: Job, published: dict[str, list[tuple[int, int]]]) -> None:
    """Markers = counters = total, and each row counted as what its version is."""
    counts = bootstrap.imports().counts(imported.key)
    markers = list(bootstrap.imports().markers(imported.key))
    mine = published[imported.key.id]
    assert sum((each.counts for each in markers), Counts()) == counts
    assert (counts.total, counts.failed, len(markers)) == (9, 0, 2)
    assert counts.created == sum(version == 1 for version, _ in mine)
    assert counts.updated == sum(version > 1 for version, _ in mine)


def versions_of(system: FakeSystem) -> dict[str, list[tuple[int, int]]]:
    """Who published which versions from which rows."""
    published: dict[str, list[tuple[int, int]]] = {}
    for command in system.world.stored_commands():
        rows = published.setdefault(command.source, [])
        rows.append((command.version, command.source_row or 0))
    return published


def assert_in_order(system: FakeSystem, code: str) -> None:
    """Every version is applied, and a file's rows in the order of the file."""
    airport = Airport.stored(system, code)
    airport.assert_shows_the_last()
    assert airport.history() == list(enumerate(airport.names[:-1], start=1))
    rows: dict[str, list[int]] = {}
    for version in range(1, airport.last + 1):
        command = bootstrap.commands().find(airport.key, version)
        assert command is not None
        rows.setdefault(command.source, []).append(command.source_row or 0)
    assert all(of_one == sorted(of_one) for of_one in rows.values())


@pytest.mark.parametrize("modes", [(SYNC, SYNC), (SYNC, ASYNC), (ASYNC, ASYNC)])
@pytest.mark.parametrize("seed", sampled(range(deep(25, 60)), 2))
def test_two_imports_of_the_same_items_lose_nothing(seed, modes):
    with ImportSystem(seed) as system:
        jobs = [a_job("A", modes[0]), a_job("B", modes[1])]
        for number, job in enumerate(jobs):
            for batch in batches_of(f"job {number}"):
                system.spawn(system.deliver(job, batch))
                if seed % 2:
                    system.spawn(system.deliver(job, batch))

        system.settle()

        published = versions_of(system)
        for job in jobs:
            assert_counted(job, published)
        for code in CODES:
            assert_in_order(system, code)


@pytest.mark.parametrize("mode", [SYNC, ASYNC])
@pytest.mark.parametrize("seed", sampled(range(deep(30, 75)), 2))
def test_an_import_beside_live_commands_keeps_the_order_and_loses_nothing(seed, mode):
    with ImportSystem(seed) as system:
        job = a_job("A", mode)
        for batch in batches_of("job"):
            system.spawn(system.deliver(job, batch))
        for number, code in enumerate(CODES):
            for is_sync in (True, False):
                name = f"live {number} {is_sync}"
                system.spawn(system.publish(code, name, is_sync=is_sync))

        system.settle()

        published = versions_of(system)
        assert len(published[""]) == 12
        assert_counted(job, published)
        for code in CODES:
            assert_in_order(system, code)
