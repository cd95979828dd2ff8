"""`cancel`, `retry` and `undo` of an import of rows that the caller may not read."""

import csv

import pytest
from tests.support.api import MEMBER, Person
from tests.support.typed import declaring
from tests.unit.import_csv.conftest import run_machine

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey, ImportKind, ItemKey
from sfn_cqrs.kernel.policy import MEMBERS, Client, group, own
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.process import Mode, Outcome
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, End, Ending, Job, JobStatus
from sfn_cqrs.machines.import_csv.strategies import import_strategy
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs_tools.testing.builders import a_process, a_zip

ADA, BOB = Person("ada"), Person("bob")
DOCTOR = Person("dora", ("doctor",))
DORA = Client(frozenset({"doctor"}), user="dora")
FAILED = Ending(JobStatus.FAILED)
THREE = "code,patient\nadas,ada\nnew,ada\nbobs,bob\n"


@pytest.fixture(autouse=True)
def _clinic(api):  # noqa: ARG001 - the world has to be there
    """Visits that patients publish, and read if they are theirs."""
    with declaring():
        command_type("VISIT", publish=MEMBERS, read=own("patient") | group("doctor"))

        @import_strategy("visits", publish=MEMBERS, step_function=True)
        class Visits(ImportStrategy):
            """A row has its code, and whose it is."""

            type = "VISIT"
            columns = (Column("code", required=True), Column("patient", required=True))

            def transform(self, cells):
                """Take the cells."""
                return Record(cells["code"], "imported", {"patient": cells["patient"]})

        for code, patient in (("adas", "ada"), ("bobs", "bob")):
            CommandService("tenant1").publish_sync(
                "VISIT", code, name="as it was", attributes={"patient": patient}
            )
        yield


def visit(code):
    return bootstrap.data().find(ItemKey("tenant1", "VISIT", code))


def imported(api, who, text=THREE):
    """An import that has ended a while ago."""
    key = "uploads/tenant1/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/visits.csv"
    api.world.import_bucket.put(key, text.encode())
    body = {"key": key, "tableName": "visits", "processingMode": "DIRECT"}
    job = api.send(who, "POST", "/imports", body).body
    api.world.clock.advance(minutes=2)
    return job["id"]


def undone(api, who, id_):
    """An undo that has ended a while ago."""
    job = run_machine(api.send(who, "POST", f"/imports/{id_}/undo", {}).body["id"], api.world)
    api.world.clock.advance(minutes=2)
    return job


def report(api, id_):
    text = api.send(DOCTOR, "GET", f"/imports/{id_}/errors.csv").text
    return [(line[1], line[4]) for line in csv.reader(text.lstrip("\ufeff").splitlines())][1:]


@pytest.mark.parametrize("way", ["undo", "undo, as a trial", "undo of the undo"])
def test_nobody_undoes_an_import_of_what_they_may_not_read(api, way):
    job = imported(api, DOCTOR)
    if way == "undo of the undo":
        job = undone(api, DOCTOR, job).key.id
    before = api.world.all_of(IMPORTS), visit("adas"), visit("new"), visit("bobs")
    body = {"dryRun": way == "undo, as a trial"}

    refused = [api.send(who, "POST", f"/imports/{job}/undo", body) for who in (ADA, BOB, MEMBER)]

    assert {(one.status, one.code) for one in refused} == {(403, "not_permitted")}
    assert (api.world.all_of(IMPORTS), visit("adas"), visit("new"), visit("bobs")) == before
    assert api.send(DOCTOR, "POST", f"/imports/{job}/undo", body).status == 202


@pytest.mark.parametrize("kind", ImportKind)
@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_nobody_cancels_or_retries_an_import_of_what_they_may_not_read(api, verb, kind):
    key = ImportKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9B", kind)
    ended = {} if verb == "cancel" else {"status": JobStatus.FAILED, "ending": FAILED}
    is_row = kind is ImportKind.ROW
    cells = {"code": "new", "patient": "ada"} if is_row else None
    by = Audit(iso(bootstrap.now()), "dora", "")
    job = Job(key=key, table="visits", source=NO_SOURCE, by=by, client=DORA, cells=cells, **ended)
    bootstrap.import_jobs().create(job)

    refused = [api.send(who, "POST", f"/imports/{key.id}/{verb}") for who in (ADA, MEMBER)]

    assert {(one.status, one.code) for one in refused} == {(403, "not_permitted")}
    assert api.world.all_of(IMPORTS) == [job]
    assert api.send(DOCTOR, "POST", f"/imports/{key.id}/{verb}").status == 202


@pytest.mark.parametrize("table", ["visits", None])
@pytest.mark.parametrize("verb", ["cancel", "retry", "undo"])
def test_nobody_steers_an_archive_of_what_they_may_not_read(api, verb, table):
    ended = {"status": JobStatus.FAILED, "ending": FAILED}
    by = Audit(iso(bootstrap.now()), "dora", "")
    job = a_zip(table=table, client=DORA, by=by, files=0, **({} if verb == "cancel" else ended))
    bootstrap.zip_jobs().create(job)

    refused = api.send(ADA, "POST", f"/imports/{job.key.id}/{verb}")

    assert refused.code == ("not_undoable" if (verb, table) == ("undo", None) else "not_permitted")
    assert bootstrap.zip_jobs().find(job.key) == job


def test_whoever_sent_an_import_takes_back_only_what_is_theirs(api):
    job = imported(api, BOB, "code,patient\nbobs,bob\nfor-ada,ada\nmine,bob\n")

    undo = undone(api, BOB, job)

    assert (undo.ending.counts.updated, undo.ending.counts.unchanged) == (2, 1)
    assert report(api, undo.key.id) == [("for-ada", "not_yours")]
    assert (visit("for-ada").version, visit("bobs").name) == (1, "as it was")
    assert visit("mine").is_deleted


@pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.FAILED])
def test_a_row_that_is_not_yours_is_kept_whatever_its_chain_does(api, outcome):
    job = imported(api, BOB, "code,patient\nfor-ada,ada\n")
    key = ItemKey("tenant1", "VISIT", "for-ada")
    api.world.seed(a_process(key, 1, outcome=outcome, mode=Mode.ASYNC))

    undo = undone(api, BOB, job)

    assert (undo.ending.counts.unchanged, undo.ending.counts.failed) == (1, 0)
    assert report(api, undo.key.id) == [("for-ada", "not_yours")]
    assert api.world.commands.find(key, 2) is None


def test_code_undoes_what_a_client_has_imported(api):
    job = imported(api, DOCTOR, "code,patient\nnew,ada\n")

    run_machine(ImportService("tenant1").undo(job).job.key.id, api.world)

    assert visit("new").is_deleted


def test_an_undo_that_a_repair_retries_keeps_the_rights_of_who_sent_it(api):
    job = imported(api, BOB, "code,patient\nfor-ada,ada\n")
    undo = ImportKey.of("tenant1", api.send(BOB, "POST", f"/imports/{job}/undo", {}).body["id"])
    bootstrap.import_jobs().change(undo, End(FAILED))

    again = ImportService("tenant1").retry(undo.id, Caller(user="otto", source="repair")).job
    run_machine(again.key.id, api.world)

    assert again.client == Client(user="bob")
    assert visit("for-ada").version == 1
