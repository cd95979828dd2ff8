import csv
from dataclasses import dataclass, replace

import pytest
from tests.support.typed import declaring
from tests.unit.import_csv.conftest import key_of, run_machine

from sfn_cqrs import bootstrap
from sfn_cqrs.api.imports_schemas import job_view
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    NotFoundError,
    NotPermittedError,
    NotUndoableError,
    TransientError,
)
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.kernel.policy import MEMBERS, Access, Client
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.process import Mode, Outcome
from sfn_cqrs.machines.command.publication import Publication
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.import_csv.table import ImportTable
from sfn_cqrs.machines.import_csv.undo import Undo
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs_tools.testing.builders import a_command, a_process, a_zip
from shop.airports import airports_of

HEADER = "icao,name,country,lat,lon,tz\n"
RJAA, RJTT, RJBB = key_of("RJAA"), key_of("RJTT"), key_of("RJBB")
ULID = "01JDHZ0000000000000000000Z"


def a_line(icao, name="Narita", lat="35.7"):
    return f"{icao},{name},JP,{lat},140.3,Asia/Tokyo\n"


@pytest.fixture
def service():
    return ImportService("tenant1")


@pytest.fixture
def imported(world, service):
    """Return a way to import lines by the machine; it answers the job."""

    def start(*lines, **more):
        key = service.upload_key("airports.csv")
        world.import_bucket.put(key, (HEADER + "".join(lines)).encode())
        progress = service.start(Request(table="airports", key=key), **more)
        job = run_machine(progress.job.key.id, world)
        world.clock.advance(minutes=1)
        return job

    return start


@pytest.fixture
def undone(world, service):
    """Return a way to undo a job by the machine; it answers the job that has done it."""

    def start(job, **more):
        return run_machine(service.undo(job.key.id, **more).job.key.id, world)

    return start


def counts(job):
    return (job.ending.counts.updated, job.ending.counts.unchanged, job.ending.counts.failed)


def report(world, job):
    text = b"".join(world.import_bucket.report(job.key)).decode("utf-8-sig")
    return [line[1:5] for line in csv.reader(text.splitlines())][1:]


def rename(code, name):
    return CommandService("tenant1").publish_partial("AIRPORT", code, name=name, is_sync=True)


def test_what_an_import_updated_is_as_before_and_what_it_created_is_deleted(
    world, imported, undone
):
    imported(a_line("RJAA", "Before"))
    job = imported(a_line("RJAA", "After"), a_line("RJTT", "New"))

    undo = undone(job)

    assert (undo.status, undo.total, counts(undo)) == (JobStatus.COMPLETED, 2, (2, 0, 0))
    assert (world.data.find(RJAA).name, world.data.find(RJAA).version) == ("Before", 3)
    assert (world.data.find(RJTT).is_deleted, world.data.find(RJTT).version) == (True, 2)
    assert airports_of("tenant1") == {"JP": 1}
    assert world.import_jobs.find(job.key).undone_by == undo.key.id


def test_an_undo_can_be_undone(world, imported, undone):
    imported(a_line("RJAA", "Before"))
    job = imported(a_line("RJAA", "After"), a_line("RJTT", "New"))

    again = undone(undone(job))

    assert counts(again) == (2, 0, 0)
    assert (world.data.find(RJAA).name, world.data.find(RJAA).version) == ("After", 4)
    assert (world.data.find(RJTT).name, world.data.find(RJTT).is_deleted) == ("New", False)


def test_what_has_changed_since_is_kept_and_listed(world, imported, undone):
    job = imported(a_line("RJAA"), a_line("RJTT"))
    rename("RJTT", "Haneda")

    undo = undone(job)

    assert (undo.status, counts(undo)) == (JobStatus.COMPLETED, (1, 1, 0))
    assert (world.data.find(RJTT).name, world.data.find(RJTT).version) == ("Haneda", 2)
    assert report(world, undo) == [["RJTT", "1", "3", "changed_since"]]


def test_rows_that_changed_nothing_or_failed_are_no_rows_of_the_undo(imported, undone):
    imported(a_line("RJAA"))
    job = imported(a_line("RJAA"), a_line("RJTT", lat="north"), a_line("RJBB"))

    assert (undone(job).total, job.total) == (1, 3)


def test_a_dry_run_counts_and_changes_nothing_and_the_undo_may_follow(
    world, service, imported, undone
):
    job = imported(a_line("RJAA"), a_line("RJTT"))
    rename("RJTT", "Haneda")

    trial = undone(job, dry_run=True)

    assert (trial.dry_run, counts(trial)) == (True, (1, 1, 0))
    assert world.data.find(RJAA).version == 1
    assert job_view(service.get(job.key.id)).get("undoneBy") is None
    assert counts(undone(job)) == (1, 1, 0)


def test_an_item_that_two_rows_changed_is_as_before_both(world, imported, undone):
    imported(a_line("RJAA", "Before"))
    rows = [a_line(f"RK{n:02d}") for n in range(99)]
    job = imported(a_line("RJAA", "First"), *rows, a_line("RJAA", "Second"))
    assert world.data.find(RJAA).version == 3

    undo = undone(job)

    assert (world.data.find(RJAA).name, world.data.find(RJAA).version) == ("Before", 4)
    assert counts(undo) == (100, 1, 0)
    assert report(world, undo) == [["RJAA", "2", "2", "superseded"]]


@pytest.mark.parametrize("later", [0, 1], ids=["as it was then", "changed since"])
def test_a_row_that_failed_in_the_import_after_it_was_planned_is_kept_as_not_written(
    later, world, imported, undone, monkeypatch
):
    plan, theirs = ImportTable.plan, a_command(RJAA, 1)

    def overtaken(imports, key, first, planned):
        kept = plan(imports, key, first, planned)
        monkeypatch.setattr(ImportTable, "plan", plan)
        failed = a_process(RJAA, 1, outcome=Outcome.FAILED)
        world.commands.publish(Publication(theirs, failed))
        world.seed(failed)
        return kept

    monkeypatch.setattr(ImportTable, "plan", overtaken)
    job = imported(a_line("RJAA"))
    assert counts(job) == (0, 0, 1)
    world.data.put(theirs.as_row(), 0)
    world.seed(a_process(RJAA, 1, outcome=Outcome.APPLIED))
    for _ in range(later):
        rename("RJAA", "Haneda")

    undo = undone(job)

    assert report(world, undo) == [["RJAA", "1", "2", "not_written"]]


def test_an_item_that_two_rows_made_is_deleted(world, imported, undone):
    rows = [a_line(f"RK{n:02d}") for n in range(99)]
    job = imported(a_line("RJAA", "First"), *rows, a_line("RJAA", "Second"))

    undone(job)

    assert (world.data.find(RJAA).is_deleted, world.data.find(RJAA).version) == (True, 3)


def test_a_deleted_item_that_the_import_revived_is_deleted_again(world, imported, undone):
    imported(a_line("RJAA", "Before"))
    CommandService("tenant1").delete("AIRPORT", "RJAA", is_sync=True)
    job = imported(a_line("RJAA", "Revived"))

    undone(job)

    assert world.data.find(RJAA).is_deleted
    assert world.data.find(RJAA).name == "Before"


@pytest.mark.parametrize("earlier", [[], ["Oldest"]], ids=["none is left", "an older one is"])
def test_a_row_whose_history_has_expired_is_kept(earlier, world, imported, undone):
    for name in [*earlier, "Before"]:
        imported(a_line("RJAA", name))
    job = imported(a_line("RJAA", "After"))
    world.delete_history(RJAA, len(earlier) + 1)

    undo = undone(job)

    assert world.data.find(RJAA).name == "After"
    version = str(len(earlier) + 2)
    assert report(world, undo) == [["RJAA", version, "2", "history_expired"]]


def test_a_version_that_was_built_on_a_skipped_one_is_reversed_to_what_was_there(
    world, imported, undone
):
    imported(a_line("RJAA", "Before"))
    skipped = a_process(RJAA, 2, outcome=Outcome.SKIPPED)
    world.commands.publish(Publication(a_command(RJAA, 2), skipped))
    world.seed(skipped)
    job = imported(a_line("RJAA", "After"))
    assert world.data.find(RJAA).version == 3

    undone(job)

    assert (world.data.find(RJAA).name, world.data.find(RJAA).version) == ("Before", 4)


def test_a_version_of_the_import_that_is_not_applied_yet_is_waited_for(world, imported, undone):
    """On the last try the row fails, and nothing is published behind; the retry reverses it."""
    job = imported(a_line("RJAA"))
    world.seed(a_process(RJAA, 1, outcome=Outcome.OPEN, mode=Mode.ASYNC))

    undo = undone(job)

    assert (undo.status, counts(undo)) == (JobStatus.FAILED, (0, 0, 1))
    assert report(world, undo) == [["RJAA", "1", "2", "chain_open"]]
    assert world.commands.find(RJAA, 2) is None
    world.seed(a_process(RJAA, 1, outcome=Outcome.APPLIED))
    again = run_machine(ImportService("tenant1").retry(undo.key.id).job.key.id, world)
    assert (again.undoes, counts(again)) == (job.key.id, (1, 0, 0))
    assert world.data.find(RJAA).is_deleted


def test_a_version_of_the_import_that_has_not_reached_its_row_is_waited_for(
    world, imported, undone
):
    imported(a_line("RJAA", "Before"))
    before = world.data.find(RJAA)
    job = imported(a_line("RJAA", "After"))
    world.data.put(before, 2)
    world.seed(a_process(RJAA, 2, outcome=Outcome.OPEN, mode=Mode.ASYNC))

    undo = undone(job)

    assert (undo.status, report(world, undo)) == (
        JobStatus.FAILED,
        [["RJAA", "2", "2", "chain_open"]],
    )


@pytest.mark.parametrize("is_retry", [False, True], ids=["this job", "a job before it"])
def test_what_the_undo_has_taken_back_itself_is_no_change_by_somebody_else(
    imported, undone, is_retry
):
    rows = [a_line(f"RK{n:02d}") for n in range(99)]
    job = imported(a_line("RJAA", "First"), *rows, a_line("RJAA", "Second"))
    undo = undone(job)
    later = replace(undo, key=ImportKey("tenant1", ULID), retries=(undo.key.id,))

    planned = planned_by(Undo(later if is_retry else undo), row=2)

    assert planned.problem == Problem(
        "superseded", "row 102 of the same import has changed it after this row"
    )


def test_a_row_does_not_take_back_what_another_row_of_its_import_has_written(imported, service):
    """Both were planned as version 1, and the other one was faster."""
    job = imported(a_line("RJTT"), a_line("RJAA"))
    undo = service.undo(job.key.id).job

    assert planned_by(Undo(undo), row=2).problem.code == "not_written"
    assert planned_by(Undo(undo), row=3).version == 2


def planned_by(undo, row):
    """What an undo plans for a row that was planned as version 1 of RJAA."""
    wanted, _ = undo.read([Row(row, ["AIRPORT", "RJAA", "1"])])
    return undo.planned(row, wanted[row], undo.current_of(wanted)[RJAA])


def test_a_version_of_the_import_that_has_failed_blocks_its_row(world, imported, undone):
    job = imported(a_line("RJAA"))
    world.seed(a_process(RJAA, 1, outcome=Outcome.FAILED))

    assert report(world, undone(job)) == [["RJAA", "1", "2", "chain_blocked"]]


def test_a_retry_of_an_undo_leaves_what_was_kept(world, service, imported, undone):
    job = imported(a_line("RJAA"), a_line("RJTT"))
    rename("RJTT", "Haneda")
    world.seed(a_process(RJAA, 1, outcome=Outcome.FAILED))

    undo = undone(job)
    again = service.retry(undo.key.id).job

    assert run_machine(again.key.id, world).total == 1


def test_a_row_whose_reversal_is_not_applied_yet_is_counted_by_the_retry(
    world, imported, undone, handlers_of_airport
):
    """A read model that fails leaves the reversal to the command machine; the row waits for it."""

    def by_icao(command):
        if command.is_deleted:
            raise ValueError("not today")

    handlers_of_airport(by_icao=by_icao)
    job = imported(a_line("RJAA"))
    undo = undone(job)
    assert report(world, undo) == [["RJAA", "1", "2", "chain_open"]]
    world.seed(a_process(RJAA, 2, outcome=Outcome.APPLIED))

    again = run_machine(ImportService("tenant1").retry(undo.key.id).job.key.id, world)

    assert (again.status, counts(again)) == (JobStatus.COMPLETED, (1, 0, 0))
    assert world.commands.find(RJAA, 3) is None


def test_a_cancelled_undo_is_resumed_by_its_retry(world, service, imported):
    job = imported(a_line("RJAA"), a_line("RJTT"))
    undo = service.undo(job.key.id).job
    service.cancel(undo.key.id)
    assert run_machine(undo.key.id, world).status is JobStatus.CANCELLED

    again = run_machine(service.retry(undo.key.id).job.key.id, world)

    assert counts(again) == (2, 0, 0)


def test_an_import_is_undone_by_one_job(service, imported):
    job = imported(a_line("RJAA"))

    first, second = service.undo(job.key.id), service.undo(job.key.id)

    assert first.job.key == second.job.key


def test_guarded_attributes_are_restored_for_a_client_too(world, imported, undone, monkeypatch):
    client = Client(is_machine=True)
    access = Access(MEMBERS, guarded=frozenset({"fee"}))
    monkeypatch.setitem(handlers.registry.access, "AIRPORT", ("shop.airports", access))
    imported(a_line("RJAA", "Before"))
    CommandService("tenant1").publish_partial(
        "AIRPORT", "RJAA", attributes={"fee": 5}, is_sync=True
    )
    job = imported(a_line("RJAA", "After"), caller=Caller(client=client))
    assert world.data.find(RJAA).attributes["fee"] == 5
    monkeypatch.setitem(handlers.registry.access, "AIRPORT", ("shop.airports", access))

    undone(job, caller=Caller(client=client))

    assert world.data.find(RJAA).attributes["fee"] == 5


def test_a_client_does_not_undo_what_code_has_imported(service, imported):
    job = imported(a_line("RJAA"))

    with pytest.raises(NotPermittedError, match="only code"):
        service.undo(job.key.id, Caller(client=Client(is_machine=True)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": JobStatus.PROCESSING}, "cancel it first"),
        ({"dry_run": True}, "dry run"),
        ({"loaded": None}, "never read"),
    ],
)
def test_what_has_written_nothing_is_not_undone(changes, reason, service, imported):
    job = imported(a_line("RJAA"))

    class Become:
        def on(self, job, _at):
            return replace(job, **changes)

    bootstrap.import_jobs().change(job.key, Become())

    with pytest.raises(NotUndoableError, match=reason):
        service.undo(job.key.id)


def test_what_is_too_old_to_be_known_is_not_undone(world, service, imported):
    job = imported(a_line("RJAA"))
    world.clock.advance(days=35)

    with pytest.raises(NotUndoableError, match="older than 34 days"):
        service.undo(job.key.id)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("letter", "cz")
def test_an_import_that_does_not_exist_is_not_undone(service, letter):
    with pytest.raises(NotFoundError):
        service.undo(f"{letter}-01JDHZ0000000000000000000A")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": JobStatus.PROCESSING}, "has not ended"),
        ({"dry_run": True}, "dry run"),
        ({"files": 0}, "no file"),
        ({"table": None}, "of 0 tables"),
    ],
    ids=["open", "dry", "empty", "tables"],
)
def test_an_archive_that_has_written_nothing_is_not_undone(world, service, changes, reason):
    job = a_zip(**{"table": "airports", "files": 1, "status": JobStatus.COMPLETED, **changes})
    world.seed_zips(job)

    with pytest.raises(NotUndoableError, match=reason):
        service.undo(job.key.id)


def test_an_undo_waits_while_a_function_may_still_apply_rows(world, service, imported):
    job = imported(a_line("RJAA"), a_line("RJTT", lat="north"))
    world.clock.advance(minutes=-1)
    undo = service.undo(job.key.id).job

    with pytest.raises(TransientError, match="just now"):
        run_machine(undo.key.id, world)

    world.clock.advance(minutes=1)
    assert counts(run_machine(undo.key.id, world)) == (1, 0, 0)


@dataclass
class Place:
    """An airport, as later code has it."""

    country: str
    zone: str


def zone_of_tz(old):
    return {"country": old["country"], "zone": old["tz"]}


def test_an_undo_restores_todays_shape_of_what_was(world, imported, undone):
    imported(a_line("RJAA", "Before"))
    job = imported(a_line("RJAA", "After"))

    with declaring("AIRPORT"):
        handlers.command_type("AIRPORT", model=Place, shape=2, upcast={1: zone_of_tz})
        undo = undone(job)
        restored = world.commands.latest(RJAA)

    assert counts(undo) == (1, 0, 0)
    assert (restored.name, restored.shape) == ("Before", 2)
    assert restored.content.attributes == {"country": "JP", "zone": "Asia/Tokyo"}


def test_a_rule_of_the_type_may_refuse_an_undo(world, imported, undone):
    imported(a_line("RJAA", "Before"))
    job = imported(a_line("RJAA", "After"))

    with declaring("AIRPORT"):
        refuses = {"check": lambda _before, _after: "it is open"}
        upcast = {1: zone_of_tz}
        handlers.command_type("AIRPORT", model=Place, shape=2, upcast=upcast, **refuses)
        undo = undone(job)

    assert counts(undo) == (0, 0, 1)
    assert [line[-1] for line in report(world, undo)] == ["rule_refused"]
    assert world.data.find(RJAA).name == "After"
