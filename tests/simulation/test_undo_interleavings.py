"""Undos of imports beside live commands and other imports; the seed decides who calls next.

However they meet: no later version is lost, an item whose last version is the import's ends as it
was before the import, and each row is counted once.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.simulation.test_import_interleavings import (
    ASYNC,
    CODES,
    SYNC,
    ImportSystem,
    a_job,
    batches_of,
)
from tests.support.airports import Airport
from tests.support.proof import deep, sampled

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Command, Content
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.import_csv.undo import written_rows


def undo_of(undone: Job, letter: str) -> Job:
    return replace(a_job(letter, SYNC), undoes=undone.key.id)


def batches_to_undo(undone: Job) -> list[list[Row]]:
    """What the loader lists, in batches of four."""
    listed = [
        Row(row, ["AIRPORT", planned.code, str(planned.version)])
        for row, planned in written_rows(bootstrap.imports().plans(undone.key))
    ]
    return [listed[start : start + 4] for start in range(0, len(listed), 4)]


def one_after_the_other(*jobs: Callable[[], None]) -> Callable[[], None]:
    def all_of_them() -> None:
        for job in jobs:
            job()

    return all_of_them


def undo_once_imported(system: ImportSystem, job: Job, undo: Job) -> Callable[[], None]:
    """Import, and undo it at once: versions may be open still. Some batches come twice."""

    def undo_it() -> None:
        batches = batches_to_undo(job)
        for batch in [*batches, *batches[:1]]:
            system.spawn(system.deliver(undo, batch))

    imports = [system.deliver(job, batch) for batch in batches_of(job.key.id)]
    return one_after_the_other(*imports, undo_it)


def commands_of(code: str, system: ImportSystem) -> list[Command]:
    key = Airport(system, code).key
    found = [
        bootstrap.commands().find(key, n) for n in range(1, Airport.stored(system, code).last + 1)
    ]
    return [each for each in found if each is not None]


def _last(code: str, system: ImportSystem) -> tuple[int, Content]:
    last = commands_of(code, system)[-1]
    return last.version, last.content


def before(commands: list[Command], version: int, source: str) -> Command | None:
    """The version below that the source has not made; None if there is none."""
    while version > 1 and commands[version - 2].source == source:
        version -= 1
    return commands[version - 2] if version > 1 else None


def assert_undone(system: ImportSystem, job: Job, undo: Job) -> None:
    """Every reversal stands on the import's version, and no version of the import is the last."""
    reversals = 0
    for code in CODES:
        commands = commands_of(code, system)
        assert commands[-1].source != job.key.id, code
        for command in commands:
            if command.source != undo.key.id:
                continue
            reversals += 1
            assert commands[command.version - 2].source == job.key.id
            earlier = before(commands, command.version, job.key.id)
            if earlier is None:
                assert command.is_deleted
            else:
                assert command.content == earlier.content
    total = len(list(written_rows(bootstrap.imports().plans(job.key))))
    counts = bootstrap.imports().counts(undo.key)
    markers = bootstrap.imports().markers(undo.key)
    assert counts == Counts(updated=reversals, unchanged=total - reversals)
    assert sum((each.counts for each in markers), Counts()) == counts


@pytest.mark.parametrize("mode", [SYNC, ASYNC])
@pytest.mark.parametrize("seed", sampled(range(deep(60, 150)), 2))
def test_an_undo_beside_live_commands_loses_none_of_them(seed, mode):
    with ImportSystem(seed) as system:
        first, job = a_job("A", SYNC), a_job("B", mode)
        undo = undo_of(job, "C")
        if seed % 3:
            system.spawn(one_after_the_other(*(system.deliver(first, b) for b in batches_of("a"))))
            system.settle()
        system.spawn(undo_once_imported(system, job, undo))
        for number, code in enumerate(CODES[:4]):
            system.spawn(system.publish(code, f"live {number}", is_sync=seed % 2 == 0))

        system.settle()

        lives = [each for code in CODES for each in commands_of(code, system) if not each.source]
        assert len(lives) == 4
        assert_undone(system, job, undo)
        for code in CODES:
            row = Airport(system, code).row()
            assert (row.version, row.content) == _last(code, system)


@pytest.mark.parametrize("seed", sampled(range(deep(40, 100)), 2))
def test_an_undo_beside_another_import_of_the_same_items_keeps_its_rows(seed):
    with ImportSystem(seed) as system:
        job, other = a_job("A", SYNC), a_job("B", SYNC)
        undo = undo_of(job, "C")
        system.spawn(undo_once_imported(system, job, undo))
        for batch in batches_of("other"):
            system.spawn(system.deliver(other, batch))

        system.settle()

        assert_undone(system, job, undo)
        assert bootstrap.imports().counts(other.key).total == 9


@pytest.mark.parametrize("seed", sampled(range(deep(20, 50)), 2))
def test_an_undo_that_is_undone_brings_the_import_back(seed):
    with ImportSystem(seed) as system:
        job = a_job("A", SYNC)
        undo = undo_of(job, "B")
        system.spawn(undo_once_imported(system, job, undo))
        system.settle()
        names = {code: commands_of(code, system)[-2].name for code in CODES}
        again = undo_of(undo, "C")
        for batch in batches_to_undo(undo):
            system.spawn(system.deliver(again, batch))
            system.spawn(system.deliver(again, batch))

        system.settle()

        assert {code: commands_of(code, system)[-1].name for code in CODES} == names
        assert_undone(system, undo, again)
