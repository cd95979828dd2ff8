"""An undo whose states are killed before and after each call that they make."""

import json
from functools import partial

import pytest
from tests.contract.worlds import Clients, MotoWorld
from tests.simulation.test_import_crashes import (
    CHANGED,
    SAME,
    clients,
    deliver,
    environment,
    fresh,
    wire,
)
from tests.support.calls import Deaths
from tests.support.import_states import run_batch
from tests.support.proof import every, shares
from tests.unit.import_csv.conftest import JOB, a_row, key_of

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Ending, Job, JobStatus, Loaded, Reader
from sfn_cqrs.machines.import_csv.load import load
from sfn_cqrs.machines.import_csv.results import Counts

__all__ = ["clients", "environment", "wire"]
UNDO = ImportKey("tenant1", "01JDHZ0000000000000000000B")
NOON, LATER = "2026-11-25T12:00:00.000Z", "2026-11-25T13:00:00.000Z"


def import_rows(world: MotoWorld) -> None:
    """An import that has updated one item and made three; of one, somebody has made more."""
    rows = [a_row(2, CHANGED, name="New"), *[a_row(n, f"RK{n:02d}") for n in range(3, 6)]]
    assert deliver(rows) == Counts(created=3, updated=1)
    loaded = Loaded(4, (), (), Reader.NONE, NO_SOURCE)
    ending = Ending(JobStatus.COMPLETED, Counts(created=3, updated=1))
    world.import_jobs.create(
        Job(
            key=JOB,
            table="airports",
            source=NO_SOURCE,
            by=Audit(NOON),
            loaded=loaded,
            status=JobStatus.COMPLETED,
            ending=ending,
            finished_at=NOON,
        )
    )
    CommandService("tenant1").publish_partial("AIRPORT", "RK05", name="Theirs", is_sync=True)
    undo = Job(key=UNDO, table="airports", source=NO_SOURCE, by=Audit(LATER), undoes=JOB.id)
    world.import_jobs.create(undo)


def whole_undo(world: MotoWorld, wire: Deaths) -> Job:
    """The undo as its machine runs it, each state tried again when it dies."""

    def load_rows() -> None:
        job = world.import_jobs.change(UNDO, import_job.Begin()).record
        assert job is not None
        world.import_jobs.change(UNDO, import_job.Load(load(job, lambda: 900_000)))

    def found() -> Job:
        job = world.import_jobs.find(UNDO)
        assert job is not None
        return job

    wire.retried(load_rows)
    loaded = found().loaded
    assert loaded is not None
    lines = b"".join(world.import_bucket.chunks(loaded.source)).decode().splitlines()
    items = [{"index": n, "value": json.loads(line)} for n, line in enumerate(lines)]
    for batch in (items[:2], items[2:]):
        wire.retried(partial(run_batch, UNDO, batch))
    return wire.retried(lambda: end(found()))


def run_killed(clients: Clients, wire: Deaths, kill: tuple[int, str] | None) -> int:
    """Undo an import; answers how many calls the states made."""
    with fresh(clients, wire) as world:
        import_rows(world)
        wire.made, wire.kill = 0, kill
        ended = whole_undo(world, wire)
        made = wire.made
        assert wire.kill is None
        assert ended.ending == Ending(JobStatus.COMPLETED, Counts(updated=3, unchanged=1))
        assert world.imports.counts(UNDO) == Counts(updated=3, unchanged=1)
        report = world.import_bucket.report(UNDO)
        assert report is not None
        assert b"changed_since" in b"".join(report)
        seen = {icao: shown(world, icao) for icao in (CHANGED, SAME, "RK03", "RK04", "RK05")}
        assert seen == {
            CHANGED: (3, "Narita", False),
            SAME: (1, "Narita", False),
            "RK03": (2, "Narita", True),
            "RK04": (2, "Narita", True),
            "RK05": (2, "Theirs", False),
        }
    return made


def shown(world: MotoWorld, icao: str) -> tuple[int, str, bool]:
    """An item as data and read model agree that it is."""
    row = world.data.find(key_of(icao))
    counted = world.read_model("airports_by_country", buckets=16).get("tenant1", "counted", icao)
    assert row is not None
    assert counted is None or counted["version"] == row.version
    latest = world.commands.latest(key_of(icao))
    assert latest is not None
    assert latest.version == row.version
    assert len(world.history.page(key_of(icao), 10, None).items) == row.version - 1
    return row.version, row.name, row.is_deleted


@shares(40, usual=3)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_undo_whose_states_die_at_any_call_ends_the_same(
    moment: str, nth: int, clients: Clients, wire: Deaths
) -> None:
    total = run_killed(clients, wire, None)
    assert total > 30
    for number in every(nth, range(1, total + 1)):
        run_killed(clients, wire, (number, moment))
