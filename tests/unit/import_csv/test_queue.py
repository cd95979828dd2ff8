"""Above so many at a time imports wait, and begin the oldest first once others have ended."""

import pytest
from tests.support.import_system import a_file, a_line
from tests.support.system import silent
from tests.support.whole_system import WholeSystem
from tests.support.zip_system import an_archive

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv import queueing as queue
from sfn_cqrs.machines.import_csv.job import Job, Source
from sfn_cqrs.machines.import_csv.places import IMPORTS, ImportQueue, Places
from sfn_local import Done

ROWS = "ImportCsvCsvRowsHandlerFunction"


class Held(WholeSystem):
    """A stack with two places for a tenant, whose batches are held up until they are let go."""

    def __init__(self, places: Places = Places(2, 3)) -> None:  # noqa: B008
        super().__init__()
        self._places = places
        self.held: list[tuple[str, bytes, Done]] = []
        self.is_held = True

    def parts(self):
        return {**super().parts(), "import_places": self._places}

    def submit(self, function, payload, done):
        if self.is_held and self.lambdas.find(function).logical_id == ROWS:
            self.held.append((function, payload, done))
        else:
            super().submit(function, payload, done)

    def _wait(self):
        return False if self.held else super()._wait()

    def import_nth(self, nth):
        id_ = self.import_file(a_line("RJAA", f"Narita {nth}"))
        self.clock.advance(1)
        return id_

    def let_go(self):
        held, self.held = self.held, []
        for function, payload, done in held[:1]:
            super().submit(function, payload, done)
        self.held = held[1:] + self.held
        self.run()

    def statuses(self, ids):
        return [self.ask("GET", f"/imports/{id_}")["status"] for id_ in ids]


@pytest.fixture
def system():
    with silent(), Held() as started:
        yield started


def test_what_is_above_the_places_of_a_tenant_stays_created_and_begins_oldest_first(system):
    ids = [system.import_nth(nth) for nth in range(4)]
    system.run()
    assert system.statuses(ids) == ["PROCESSING", "PROCESSING", "CREATED", "CREATED"]

    system.let_go()

    assert system.statuses(ids) == ["COMPLETED", "PROCESSING", "PROCESSING", "CREATED"]
    system.let_go()
    assert system.statuses(ids) == ["COMPLETED", "COMPLETED", "PROCESSING", "PROCESSING"]
    system.is_held = False
    while system.held:
        system.let_go()
    assert set(system.statuses(ids)) == {"COMPLETED"}
    assert bootstrap.import_queue().find(IMPORTS).running == {}


def test_an_archive_has_one_place_with_all_of_its_files(system):
    files = [(f"{nth}.csv", a_file([a_line("RJAA", f"Narita {nth}")])) for nth in range(3)]
    asked = {"kind": "zip", "tableName": "airports", "key": system.upload(an_archive(*files))}
    archive = system.ask("POST", "/imports", asked)["id"]
    system.run()
    ids = [system.import_nth(nth) for nth in range(2)]
    system.run()

    assert system.statuses([archive, *ids]) == ["PROCESSING", "PROCESSING", "CREATED"]
    system.is_held = False
    while system.held:
        system.let_go()
    system.until(lambda: set(system.statuses([archive, *ids])) == {"COMPLETED"})
    assert set(system.statuses([archive, *ids])) == {"COMPLETED"}


def test_the_sweep_begins_the_next_where_nobody_has_told_of_an_end(system):
    ids = [system.import_nth(nth) for nth in range(3)]
    system.run()
    system.consumers["StreamOnImportChangedFunction"].dropped = lambda _: True
    system.let_go()
    assert system.statuses(ids) == ["COMPLETED", "PROCESSING", "CREATED"]

    system.tick()

    assert system.statuses(ids) == ["COMPLETED", "PROCESSING", "PROCESSING"]


def test_one_that_waits_is_cancelled_at_once(system):
    ids = [system.import_nth(nth) for nth in range(3)]
    system.run()

    system.ask("POST", f"/imports/{ids[2]}/cancel")
    system.run()

    assert system.statuses(ids) == ["PROCESSING", "PROCESSING", "CANCELLED"]


def test_a_tenant_behind_those_that_are_looked_at_goes_on_waiting(world, monkeypatch):
    monkeypatch.setattr(queue, "LOOKED_AT", 1)
    tenants = ["tenant1", "tenant2", "tenant3"]
    for number, tenant in enumerate(tenants):
        key = ImportKey(tenant, f"01KAXK3V9Q0M3W8C5R6T7Y8Z9{number}")
        source = Source("imports", f"uploads/{tenant}/1/a.csv", "1")
        by = Audit(f"2026-11-25T11:0{number}:00.000Z")
        world.import_jobs.create(Job(key=key, table="airports", source=source, by=by))
    world.import_queue.create(ImportQueue(waiting=frozenset(tenants)))

    begun = queue.begin_waiting()

    assert begun == 1
    assert "tenant3" in world.import_queue.find(IMPORTS).waiting
