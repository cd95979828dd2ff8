"""Canaries: after an erasure nothing about the person is left, in any table, bucket, export or log.

Everything that the framework stores about a person is stored by its own code, over DynamoDB and S3
as moto has them, where objects have versions.
"""

import csv
import io
import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from moto import mock_aws
from tests.contract.worlds import BUCKET, IMPORTS, Clients, MotoWorld
from tests.support.orders import a_saga, an_approval
from tests.support.postgres import a_server, by_data_api, by_driver
from tests.support.typed import declaring
from tests.unit.care.erasure.conftest import apply_open

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.erasure import eraser
from sfn_cqrs.care.erasure.service import ErasureService, replay, work
from sfn_cqrs.care.tenants.export import states
from sfn_cqrs.kernel.command import Audit as By
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.erasure import Erasure, Status, certificate
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ImportKey, ItemKey, SagaKey, TaskKey, ZipKey
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.kernel.sql.sql import Sql
from sfn_cqrs.kernel.tables.dynamodb import marshal, unmarshal
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import Pinned, Stage, Verdict, Vote
from sfn_cqrs.machines.approval.types import approval_type
from sfn_cqrs.machines.command.handlers import command_type, sync_handler
from sfn_cqrs.machines.command.read_models import read_model_type
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.csv.report import report_line
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.items import IMPORTS as JOBS
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.import_csv.results import FailedRow
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, SagaStatus
from sfn_cqrs.machines.task.items import TASKS, stored_item
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs.machines.task.types import task_handler
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs_tools.runtime.postgres import LocalPostgres
from sfn_cqrs_tools.testing.builders import a_job, a_task, a_zip, an_item
from sfn_cqrs_tools.testing.fakes.stored import TABLES

TENANT, ADA, BOB = "tenant1", "person-4711", "person-0815"
CANARY = "12 St James's Square"
KEY = ItemKey(TENANT, "LETTER", "l-1")
JOB = ImportKey(TENANT, "01JDHZ0000000000000000000A")
OTHER_JOB = ImportKey(TENANT, "01JDHZ0000000000000000000B")
BY = By("2026-11-25T08:00:00.000Z", "op1")
LARGE = "x" * 5_000


@dataclass(frozen=True)
class Letter:
    reader: str
    address: Annotated[str, Personal] = ""


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with mock_aws():
        found = Clients()
        found.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield found


@pytest.fixture
def world(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[MotoWorld]:
    monkeypatch.setenv("APP_PACKAGE", "shop")
    monkeypatch.setattr(eraser, "SEGMENTS", 2)  # so few items are soon gone through
    clients.make_tables()
    world = MotoWorld(clients)
    parts = {**world.parts(), "audit_tables": world.erased_tables}
    with bootstrap.override(**parts), declaring():
        declare()
        yield world
    clients.empty()
    delete_all(clients.s3, BUCKET)


def declare() -> None:
    command_type("LETTER", publish=MEMBERS, model=Letter, subject="reader")
    read_model_type(
        "letters_sent", by="reader", read=MEMBERS, subject="reader", personal=["address"]
    )

    @sync_handler("LETTER")
    def letters(command: Command) -> None:
        row = {**command.attributes, "version": command.version}
        view = bootstrap.read_model("letters")
        view.put_if_newer(command.key.tenant, "all", command.key.code, row)
        sent = bootstrap.read_model("letters_sent")  # a row for each version
        sort = f"{command.key.code}@{command.version}"
        sent.put_if_newer(command.key.tenant, str(row["reader"]), sort, row)


def delete_all(s3: Any, bucket: str) -> None:
    found = s3.list_object_versions(Bucket=bucket)
    for each in (*found.get("Versions", []), *found.get("DeleteMarkers", [])):
        s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


def everything(world: MotoWorld, clients: Clients) -> str:
    """All that is stored, every version of every object included."""
    items = [item for table in TABLES for item in world._items(table)]
    found = [json.dumps(item, ensure_ascii=False) for item in items]
    for bucket in (BUCKET, IMPORTS):
        for each in clients.s3.list_object_versions(Bucket=bucket).get("Versions", []):
            where = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
            body = clients.s3.get_object(**where)["Body"].read()
            found.append(f"{each['Key']} {body.decode(errors='replace')}")
    return "\n".join(found)


def put(world: MotoWorld, table: str, item: dict[str, Any]) -> None:
    world.dynamodb.put_item(TableName=table, Item=marshal(item))


def letters_to(person: str, code: str) -> None:
    service = CommandService(TENANT)
    for version, more in enumerate(("", LARGE, " again")):
        attributes = {"reader": person, "address": CANARY + more}
        service.publish_sync("LETTER", code, name=CANARY, attributes=attributes, version=version)


def work_about(world: MotoWorld, person: str, number: int) -> None:
    """A task, a saga and an approval that have ended."""
    about = {"person": person, "says": CANARY}
    task = a_task(items=1, name=CANARY, status=TaskStatus.CANCELLED, input=(about,))
    put(world, "TasksTable", {**TASKS.item(task), "rev": "r", "sk": f"X{number}"})
    item = an_item(input=about, result=CANARY, cause=CANARY, status=TaskStatus.COMPLETED)
    put(world, "TasksTable", {**stored_item(item), "sk": f"I{number}"})
    world.attributes.store(TENANT, f"t-{number}", {"input": [about]}, folder="tasks")
    entry = Entry(status=EntryStatus.DONE, result={"sent_to": CANARY})
    saga = a_saga(
        SagaKey(TENANT, f"01JDHZ000000000000000000{number:02d}"),
        saga="letter-saga",
        name=CANARY,
        input=about,
        status=SagaStatus.COMPLETED,
        log={"send": entry},
    )
    put(world, "SagasTable", {**SAGAS.item(saga), "rev": "r"})
    vote = Vote(by="op2", verdict=Verdict.APPROVE, at=BY.at, reason=CANARY)
    approval = an_approval(payload=about, note=CANARY, votes=(vote,), stage=Stage.DONE)
    put(world, "ApprovalsTable", {**APPROVALS.item(approval), "rev": "r", "sk": f"A{number}"})


def imports_of(world: MotoWorld, clients: Clients, key: ImportKey, person: str) -> None:
    """A file, its failed rows and their report, a preview; an archive; a single row."""
    row = Row(2, ["l-9", person, CANARY])
    failed = FailedRow(row, Problem("invalid", f"address: {CANARY}"))
    world.import_bucket.put_errors(key, 2, [failed])
    world.import_bucket.put_preview(key, 2, [{"row": 2, "cells": [person, CANARY]}])
    world.import_bucket.put_rows(key, [row.cells and json.dumps({"n": 2, "cells": row.cells})])
    lines = [
        "\ufeff" + report_line(["number", "reader", "address", "row", "code", "reason"]),
        report_line(["l-9", person, f"{CANARY}\nsecond line", "2", "invalid", "no"]),
        report_line(["l-8", "person-else", "elsewhere", "3", "invalid", "no"]),
    ]
    world.import_bucket.put_report(key, lines)
    name = f"uploads/{TENANT}/{key.ulid}/letters.csv"
    for text in (f"number;reader;address\nl-9;{person};{CANARY}\n", "number;reader;address\n"):
        clients.s3.put_object(Bucket=IMPORTS, Key=name, Body=text.encode())
    archive = ZipKey(TENANT, key.ulid)
    zipped = f"uploads/{TENANT}/{key.ulid}/letters.zip"
    clients.s3.put_object(Bucket=IMPORTS, Key=zipped, Body=CANARY.encode())
    clients.s3.put_object(
        Bucket=IMPORTS, Key=archive.file_key(0), Body=f'"{person}",x\n"a","{CANARY}"\n'.encode()
    )
    source = world.import_bucket.source(zipped, "1")
    job = a_zip(archive, source=source, status=JobStatus.COMPLETED, settled=True)
    put(world, "ImportTmpTable", {**ZIPS.item(job), "rev": "r"})
    cells = {"reader": person, "address": CANARY}
    single = a_job(key, cells=cells, status=JobStatus.COMPLETED)
    put(world, "ImportTmpTable", {**JOBS.item(single), "rev": "r"})


def erased(world: MotoWorld) -> Erasure:
    erasure = ErasureService(TENANT).ask(ADA, "asked for", BY)
    for _ in range(2):
        erasure = work(erasure, lambda: False)
        apply_open(world)
        world.clock.advance(hours=1)
    return erasure


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger.addHandler(handler)
    yield text
    logger.removeHandler(handler)


def test_no_canary_is_left_anywhere(world, clients, log):
    letters_to(ADA, "l-1")
    work_about(world, ADA, 1)
    imports_of(world, clients, JOB, ADA)
    assert everything(world, clients).count(CANARY) > 20
    odd = Audit(TENANT).run().findings  # work is put here without all that belongs to it

    erasure = erased(world)

    left = everything(world, clients)
    assert [line[:300] for line in left.split("\n") if CANARY in line] == []
    assert "second line" not in left
    assert CANARY not in "".join(json.dumps(each) for each in states(TENANT, ""))
    assert CANARY not in log.getvalue()
    assert erasure.status is Status.DONE, erasure.left
    shown = certificate(erasure)
    assert CANARY not in json.dumps(shown)
    assert ADA not in json.dumps(shown)
    assert shown["erased"] == {
        "commands": 4,
        "objects": 1,
        "data": 1,
        "history": 3,
        "tasks": 2,
        "inputs": 1,
        "sagas": 1,
        "approvals": 1,
        "imports": 1,
        "read_models": 4,
        "files": 7,
    }
    assert Audit(TENANT).run().findings == odd


def test_everything_about_others_stays_exactly_as_it_is(world, clients):
    letters_to(BOB, "l-2")
    work_about(world, BOB, 2)
    imports_of(world, clients, OTHER_JOB, BOB)
    before = everything(world, clients)

    erasure = erased(world)

    assert not any(certificate(erasure)["erased"].values())
    after = [line for line in everything(world, clients).split("\n") if "erasure" not in line]
    assert after == [line for line in before.split("\n") if "erasure" not in line]


def test_the_report_of_an_import_keeps_the_rows_of_others(world, clients):
    imports_of(world, clients, JOB, ADA)

    erased(world)

    report = b"".join(world.import_bucket.report(JOB) or []).decode()
    assert report == (
        '\ufeff"number","reader","address","row","code","reason"\r\n'
        '"l-8","person-else","elsewhere","3","invalid","no"\r\n'
    )


def test_an_older_report_of_an_import_does_not_come_back(world):
    head = ["number", "reader", "address", "row", "code", "reason"]
    older = ["l-9", ADA, CANARY, "2", "invalid", "no"]
    other = ["l-8", "person-else", "elsewhere", "3", "invalid", "no"]
    world.import_bucket.put_report(JOB, [report_line(row) for row in (head, older, other)])
    world.import_bucket.put_report(JOB, [report_line(row) for row in (head, other, other)])

    erased(world)

    report = b"".join(world.import_bucket.report(JOB) or []).decode()
    assert report == "".join(report_line(row) for row in (head, other, other))


def test_what_is_still_at_work_is_left_and_named(world, clients):
    imports_of(world, clients, JOB, ADA)
    about = {"person": ADA, "says": CANARY}
    put(world, "SagasTable", {**SAGAS.item(a_saga(saga="letter-saga", input=about)), "rev": "r"})
    job = a_job(JOB, cells={"reader": ADA}, status=JobStatus.PROCESSING)
    put(world, "ImportTmpTable", {**JOBS.item(job), "rev": "r"})

    erasure = erased(world)

    assert erasure.status is Status.RUNNING
    assert {each.partition(":")[0] for each in erasure.left} == {"sagas", "imports", "files"}
    assert f"files: jobs/{TENANT}/{JOB.id}/errors.csv is still read by an import" in erasure.left


@dataclass(frozen=True)
class Mail:
    to: str
    text: Annotated[str, Personal]


def test_a_model_says_what_is_personal_in_work(world):
    @task_handler("MAIL", publish=MEMBERS, model=Mail)
    def mail(_item: Any) -> None:
        """Send nothing."""

    key = TaskKey(TENANT, "MAIL", "01JDHZ0000000000000000000C")
    item = an_item(key, input={"to": ADA, "text": CANARY}, status=TaskStatus.FAILED)
    put(world, "TasksTable", stored_item(item))

    erased(world)

    (found,) = world._items("TasksTable")
    assert unmarshal(found)["input"] == {"to": ADA, "text": "[erased]"}


@dataclass(frozen=True)
class Plain:
    to: str


def test_the_name_of_a_task_about_the_person_goes_whoever_wrote_it(world):
    @task_handler("PLAIN", publish=MEMBERS, model=Plain)
    def plain(_item: Any) -> None:
        """Send nothing."""

    keys = [
        TaskKey(TENANT, type_, f"01JDHZ000000000000000000{number:02d}")
        for number, type_ in enumerate(("PLAIN", "OFFER_REMINDER", "PLAIN"))
    ]
    for key, person in zip(keys, (ADA, ADA, BOB), strict=True):
        task = a_task(key, name=CANARY, input=None, status=TaskStatus.COMPLETED)
        put(world, "TasksTable", {**TASKS.item(task), "rev": "r"})
        item = an_item(key, input={"to": person}, status=TaskStatus.COMPLETED)
        put(world, "TasksTable", stored_item(item))

    erasure = erased(world)

    assert [world.tasks.find(key).name for key in keys] == ["[erased]", "[erased]", CANARY]
    assert erasure.status is Status.DONE


def test_the_name_of_a_task_that_still_runs_is_left_and_named(world):
    key = TaskKey(TENANT, "OFFER_REMINDER", "01JDHZ0000000000000000000C")
    task = a_task(key, name=CANARY, input=None, status=TaskStatus.PROCESSING)
    put(world, "TasksTable", {**TASKS.item(task), "rev": "r"})
    item = an_item(key, input={"to": ADA}, status=TaskStatus.COMPLETED)
    put(world, "TasksTable", stored_item(item))

    erasure = erased(world)

    assert erasure.left == (f"tasks: {key.id} is not closed yet",)
    assert world.tasks.find(key).name == CANARY


@pytest.mark.parametrize("deep", ["[" * 20_000, '{"a":' * 20_000 + f'"{ADA}"' + "}" * 20_000])
def test_a_cell_of_deep_brackets_is_looked_into_and_holds_up_nothing(world, clients, deep):
    name = f"uploads/{TENANT}/x/letters.csv"
    cell = deep.replace('"', '""')
    clients.s3.put_object(Bucket=IMPORTS, Key=name, Body=f'number,reader\n1,"{cell}"\n'.encode())
    letters_to(ADA, "l-1")

    erasure = erased(world)

    assert (erasure.status, erasure.left) == (Status.DONE, ())
    assert (ADA in deep) == (name not in everything(world, clients))


def test_a_file_that_cannot_be_read_is_left_and_named_and_the_rest_goes_on(world, clients, few):
    for number, text in enumerate((f"reader\n{'x' * (few + 1)}\n", f"reader\n{ADA}\n")):
        name = f"uploads/{TENANT}/{number}/letters.csv"
        clients.s3.put_object(Bucket=IMPORTS, Key=name, Body=text.encode())

    erasure = erased(world)

    assert erasure.left == (f"files: uploads/{TENANT}/0/letters.csv cannot be read: Error",)
    assert erasure.files == 1


def test_an_approval_of_the_persons_item_is_about_the_person(world):
    letters_to(ADA, "l-1")

    @approval_type("SEND", of="LETTER", group="operator")
    def send(_decided: Any) -> None:
        """Send nothing."""

    pinned = Pinned("LETTER", "l-1", 3)
    approval = an_approval(type="SEND", item=pinned, note=CANARY, stage=Stage.DONE)
    put(world, "ApprovalsTable", {**APPROVALS.item(approval), "rev": "r"})

    erased(world)

    assert world.approvals.find(approval.key).note == "[erased]"


@pytest.fixture
def few() -> Iterator[int]:
    """How many characters a cell may have that is read; few, so that a file is small."""
    before = csv.field_size_limit(1_000)
    yield 1_000
    csv.field_size_limit(before)


def put_back(world: MotoWorld, items: list[tuple[str, Any]]) -> None:
    """Restore all tables to the items that they had; the buckets stay as they are."""
    for table in TABLES:
        for item in world._items(table):
            key = {"pk": item["pk"], "sk": item["sk"]}
            world.dynamodb.delete_item(TableName=table, Key=key)
    for table, item in items:
        world.dynamodb.put_item(TableName=table, Item=item)


def test_tables_that_are_restored_to_before_an_erasure_lose_the_person_again(world, clients):
    letters_to(ADA, "l-1")
    work_about(world, ADA, 1)
    imports_of(world, clients, JOB, ADA)
    before = [(table, item) for table in TABLES for item in world._items(table)]
    assert erased(world).status is Status.DONE
    put_back(world, before)
    assert everything(world, clients).count(CANARY) > 10

    assert replay() == 1
    (erasure,) = world.erasures.open()
    for _ in range(2):
        erasure = work(erasure, lambda: False)
        apply_open(world)
        world.clock.advance(hours=1)

    left = everything(world, clients)
    assert [line[:300] for line in left.split("\n") if CANARY in line] == []
    assert erasure.status is Status.DONE, erasure.left


@pytest.fixture(scope="module")
def postgres() -> Iterator[LocalPostgres]:
    with a_server() as server:
        yield server


@pytest.fixture(params=["driver", "data api"])
def sql(request: pytest.FixtureRequest, postgres: LocalPostgres) -> Iterator[Sql]:
    with ExitStack() as stack:
        if request.param == "driver":
            found: Sql = stack.enter_context(by_driver(postgres.dsn))
        else:
            found = stack.enter_context(by_data_api(postgres.dsn))[0]
        found.run("DROP TABLE IF EXISTS letters_sql")
        found.run(
            "CREATE TABLE letters_sql (tenant text, code text, name text, reader text,"
            " address text, version bigint NOT NULL, PRIMARY KEY (tenant, code))"
        )
        stack.enter_context(bootstrap.override(sql=found))
        yield found


def test_rows_in_postgresql_lose_the_person_and_keep_others(world, sql):
    @sync_handler("LETTER")
    def letters_sql(command: Command) -> None:
        keys = {"tenant": command.key.tenant, "code": command.key.code}
        sql.put_if_newer(
            "letters_sql", keys, {"name": command.name, **command.attributes}, command.version
        )

    letters_to(ADA, "l-1")
    letters_to(BOB, "l-2")
    late = bootstrap.commands().find(KEY, 3)  # a handler that has read it before, and writes late
    before = {row["code"]: row for row in sql.rows("SELECT * FROM letters_sql")}
    assert CANARY in before["l-1"]["address"]

    erased(world)
    letters_sql(late)

    after = {row["code"]: row for row in sql.rows("SELECT * FROM letters_sql")}
    assert after["l-2"] == before["l-2"]
    assert after["l-1"] == {
        **before["l-1"],
        "name": "[erased]",
        "address": "",
        "version": 4,
    }
