"""What is not an item, and still tells of items, is told to whoever may read these."""

import pytest
from tests.support.api import MEMBER, OPERATOR, Api, Person
from tests.unit.zip_orchestrator.zip_corpus import zipped

from sfn_cqrs.care.repairs import work
from sfn_cqrs.kernel.policy import MEMBERS, Access, group
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.task.types import TaskItem
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.files import list_files
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS

HR = Person("hanna", ("hr",))
KEY = "uploads/tenant1/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/rows.csv"
SALARIES, AIRPORTS = "20260101000000-salaries.csv", "20260101000000-airports.csv"
HEADER = b"icao,name,country,lat,lon,tz\n"


class Salaries(ImportStrategy):
    """A table of salaries."""

    type = "SALARY"
    columns = (Column("code", required=True), Column("amount"), Column("seal"))

    def transform(self, cells):
        """Take what a row has."""
        named = {name: cells[name] for name in ("amount", "seal") if cells.get(name)}
        return Record(cells["code"], cells["code"], named)


@pytest.fixture
def api(monkeypatch):
    """The API of a stack with salaries, which members may drop, and the group hr alone reads."""
    with Api() as api:
        handlers.load()
        declared(monkeypatch, publish=group("hr"))
        yield api


def declared(monkeypatch, publish, guarded=()):
    access = Access(publish, group("hr"), frozenset(guarded))
    monkeypatch.setitem(handlers.registry.sync, "SALARY", {})
    monkeypatch.setitem(handlers.registry.access, "SALARY", (__name__, access))
    monkeypatch.setitem(strategies._strategies, "salaries", Salaries())
    rule = strategies.Rule(publish, 0, step_function=True)
    monkeypatch.setitem(strategies._rules, "salaries", rule)


def archive(api, who, *names, table=None, is_listed=True):
    """An archive that somebody has sent, its files listed."""
    texts = {SALARIES: b"code,amount\nzed,777123\n"}
    api.world.import_bucket.put(KEY, zipped(*((name, texts.get(name, HEADER)) for name in names)))
    body = {"key": KEY, "kind": "zip", **({"tableName": table} if table else {})}
    sent = api.send(who, "POST", "/imports", body)
    assert sent.status == 202, sent
    (job,) = [one for one in api.world.all_of(ZIPS) if one.key.id == sent.body["id"]]
    return list_files(job) if is_listed else job


# ---------------------------------------------------------------------------- archives


def test_an_archive_shows_the_files_whose_tables_one_may_read(api):
    id_ = archive(api, HR, SALARIES, AIRPORTS).key.id

    shown = {who: api.send(who, "GET", f"/imports/{id_}") for who in (HR, MEMBER, OPERATOR)}

    files = {
        who.user: [one["name"] for one in answer.body["files"]] for who, answer in shown.items()
    }
    assert files == {"hanna": [AIRPORTS, SALARIES], "mallory": [AIRPORTS], "hanako": [AIRPORTS]}
    assert "salaries" not in shown[MEMBER].text
    assert shown[MEMBER].body["fileStatuses"] == {"created": 1}


@pytest.mark.parametrize("name", ["20260101000000-salries-2026.csv", "README.txt"])
def test_a_file_whose_table_nobody_knows_may_be_of_any(api, name):
    id_ = archive(api, HR, name, AIRPORTS).key.id

    assert name in api.send(HR, "GET", f"/imports/{id_}").text
    assert name not in api.send(MEMBER, "GET", f"/imports/{id_}").text


def test_why_an_archive_cannot_be_read_is_told_to_who_may_read_any_file_of_it(api):
    job = archive(api, HR, SALARIES, is_listed=False)
    problem = import_job.Problem("bad_archive", "zed earns 777123")
    api.world.zip_jobs.change(job.key, zip_job.Refuse(problem))

    assert "777123" in api.send(HR, "GET", f"/imports/{job.key.id}").text
    told = api.send(MEMBER, "GET", f"/imports/{job.key.id}")
    assert told.body["error"] == {
        "code": "bad_archive",
        "message": "is of files that you may not see",
    }


def test_an_archive_of_a_table_is_for_who_may_read_the_table(api):
    id_ = archive(api, HR, SALARIES, table="salaries").key.id

    assert api.send(MEMBER, "GET", f"/imports/{id_}").code == "not_permitted"
    assert api.send(MEMBER, "GET", "/imports", query={"kind": "zip"}).body["items"] == []
    assert api.send(HR, "GET", f"/imports/{id_}").status == 200
    listed = api.send(HR, "GET", "/imports", query={"kind": "zip"}).body["items"]
    assert [one["id"] for one in listed] == [id_]


@pytest.mark.parametrize("table", ["salaries", "any"])
def test_live_updates_of_archives_are_heard_by_who_may_read_their_tables(api, table):
    heard = {who.user: api.hear(who, f"/live/tenant1/archive/{table}/*") for who in (HR, MEMBER)}

    assert heard["hanna"] == ""
    assert heard["mallory"].startswith("not_permitted")


@pytest.mark.parametrize("is_listed", [True, False])
@pytest.mark.parametrize("what", ["cancel", "retry"])
def test_others_neither_cancel_nor_retry_an_archive_with_files_they_may_not_import(
    api, what, is_listed
):
    job = archive(api, HR, SALARIES, AIRPORTS, is_listed=is_listed)
    if what == "retry":
        api.world.zip_jobs.change(job.key, zip_job.End(1, Ending(JobStatus.FAILED)))
    before = api.world.all_of(ZIPS)

    refused = api.send(MEMBER, "POST", f"/imports/{job.key.id}/{what}")

    assert refused.code == "not_permitted"
    assert api.world.all_of(ZIPS) == before
    assert api.send(HR, "POST", f"/imports/{job.key.id}/{what}").status == 202


@pytest.mark.parametrize("what", ["cancel", "retry"])
def test_whoever_has_sent_an_archive_cancels_and_retries_it(api, what):
    job = archive(api, MEMBER, SALARIES, AIRPORTS)
    if what == "retry":
        api.world.zip_jobs.change(job.key, zip_job.End(1, Ending(JobStatus.FAILED)))

    assert api.send(MEMBER, "POST", f"/imports/{job.key.id}/{what}").status == 202


def test_a_colleague_cancels_an_archive_of_tables_that_both_import(api):
    job = archive(api, Person("ada"), AIRPORTS)

    assert api.send(MEMBER, "POST", f"/imports/{job.key.id}/cancel").status == 202


# ---------------------------------------------------------------------------- dry runs


@pytest.mark.parametrize("is_dry", [True, False])
def test_who_may_import_and_not_read_learns_how_many_rows_were_accepted(api, monkeypatch, is_dry):
    declared(monkeypatch, publish=MEMBERS)
    CommandService("tenant1").publish_sync(
        "SALARY", "zed", name="zed", attributes={"amount": "4711"}
    )
    rows = [f"zed,{guess}\n" for guess in ("4710", "4711", "4712")]
    answers = []
    for row in rows:
        api.world.import_bucket.put(KEY, b"code,amount\n" + row.encode() + b"new,1\n,2\n")
        body = {"key": KEY, "tableName": "salaries", "dryRun": is_dry}
        told = {**api.send(MEMBER, "POST", "/imports", body).body, "id": "", "createdAt": ""}
        answers.append({**told, "startedAt": "", "finishedAt": ""})

    assert answers[0] == answers[1] == answers[2]
    assert (answers[0]["accepted"], answers[0]["failed"]) == (2, 1)
    assert not {"created", "updated", "unchanged", "rows"} & answers[0].keys()
    seen = api.send(HR, "POST", "/imports", {"key": KEY, "tableName": "salaries", "dryRun": True})
    assert [row["result"] for row in seen.body["rows"]][-1] == "failed"
    assert "unchanged" in seen.body


@pytest.mark.parametrize("guess", ["4710", "4711"])
@pytest.mark.parametrize("way", ["whole", "partial", "row"])
def test_a_guarded_attribute_that_one_may_not_read_is_not_guessed(api, monkeypatch, way, guess):
    CommandService("tenant1").publish_sync("SALARY", "zed", name="zed", attributes={"seal": "4711"})
    declared(monkeypatch, publish=MEMBERS, guarded=("seal",))
    api.world.import_bucket.put(KEY, f"code,seal\nzed,{guess}\n".encode())
    command = {"type": "SALARY", "code": "zed", "name": "zed", "attributes": {"seal": guess}}
    path, body = {
        "whole": ("/commands", {**command, "version": -1}),
        "partial": ("/commands", {**command, "partial": True}),
        "row": ("/imports", {"key": KEY, "tableName": "salaries", "dryRun": True}),
    }[way]

    answer = api.send(MEMBER, "POST", path, body)

    if way == "row":
        assert (answer.body["accepted"], answer.body["failed"]) == (0, 1)
    else:
        assert (answer.status, answer.code) == (403, "not_permitted")


# ----------------------------------------------------------------------------- repairs


def test_a_repairs_import_is_whose_the_task_is(api):
    import_failed = failed_import(api)
    entry = {"id": import_failed, "attempt": 1}
    asked = {"kind": "import", "action": "retry", "entries": [entry]}
    task = api.send(OPERATOR, "POST", "/tasks", {"taskType": work.REPAIR, "input": [asked]})
    assert task.status == 202, task

    work.repair(TaskItem("tenant1", work.REPAIR, task.body["id"], 0, 1, asked))

    again = [one for one in api.world.all_of(IMPORTS) if one.retries]
    assert [one.by.by for one in again] == ["hanako"]


@pytest.mark.parametrize(
    "odd",
    [
        {"by": "ceo"},
        {"entries": [{"id": "c-1", "attempt": 1, "by": "ceo"}]},
        {"entries": [{"id": "c-1"}]},
        {"entries": []},
        {"entries": [{"id": "c-1", "attempt": 1}] * 26},
        {"entries": [5]},
        {"kind": "erasure"},
        {"action": "delete"},
    ],
)
def test_a_repair_that_names_its_author_or_is_odd_is_refused(api, odd):
    asked = {"kind": "import", "action": "retry", "entries": [{"id": "c-1", "attempt": 1}], **odd}

    refused = api.send(OPERATOR, "POST", "/tasks", {"taskType": work.REPAIR, "input": [asked]})

    assert (refused.status, refused.code) == (400, "invalid_input")
    assert api.world.all_of(TASKS) == []


def failed_import(api):
    api.world.import_bucket.put(KEY, HEADER + b"RJAA,Narita,JP,north,1,Asia/Tokyo\n")
    body = {"key": KEY, "tableName": "airports"}
    return api.send(MEMBER, "POST", "/imports", body).body["id"]


# --------------------------------------------------------------------------- approvals


def test_whether_an_item_exists_is_told_to_who_may_read_it(api, monkeypatch):
    CommandService("tenant1").publish_sync("SALARY", "zed", name="zed", attributes={})
    approval_types.find("ORDER_RELEASE")
    known = approval_types._types["ORDER_RELEASE"]
    raised = approval_types.ApprovalType("RAISE", known.rules, known.granted, of="SALARY")
    monkeypatch.setitem(approval_types._types, "RAISE", raised)

    def ask(who, code):
        return api.send(who, "POST", "/approvals", {"type": "RAISE", "subject": code})

    assert {ask(MEMBER, code).code for code in ("zed", "nobody")} == {"not_permitted"}
    assert [ask(HR, code).status for code in ("zed", "nobody")] == [202, 404]
