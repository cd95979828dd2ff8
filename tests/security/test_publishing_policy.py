"""Publishing is refused unless a declaration says otherwise, however it is asked for."""

import ast
import re

import pytest
from functions.event.on_file_uploaded import app as on_file_uploaded
from functions.queue.on_import_action import app as on_import_action
from tests.support.api import MEMBER, OPERATOR, Api, Person
from tests.support.orders import an_order
from tests.support.places import ROUTES, dotted, name_of, of_kind
from tests.unit.zip_orchestrator.zip_corpus import zipped

from sfn_cqrs.api.imports_schemas import job_view
from sfn_cqrs.api.resources import RESOURCES
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.kernel.http.operation import OPERATORS, Rule, operation, operation_of
from sfn_cqrs.kernel.keys import ImportKey, ItemKey
from sfn_cqrs.kernel.policy import CODE, MACHINES, MEMBERS, Access, Client, Policy, group, own
from sfn_cqrs.machines.command import handlers, read_models
from sfn_cqrs.machines.command.read_models import ReadModelService
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import Begin, Ending, JobStatus
from sfn_cqrs.machines.import_csv.load import load
from sfn_cqrs.machines.import_csv.results import PublishMode
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.import_csv.uploaded_file import UploadedFile
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.files import list_files
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS

CASHIER = Person("cashier", ("cashier",))
MACHINE = Client(is_machine=True)
PEOPLE = {"a member": MEMBER, "a cashier": CASHIER, "an operator": OPERATOR}
POLICIES = {
    "nothing": (CODE, set()),
    "members": (MEMBERS, set(PEOPLE)),
    "a group": (group("cashier"), {"a cashier"}),
    "two groups": (group("cashier", "operator"), {"a cashier", "an operator"}),
    "joined": (group("cashier") | group("operator") | MACHINES, {"a cashier", "an operator"}),
    "machines": (MACHINES, set()),
}
KEY = "uploads/tenant1/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/rows.csv"


class Things(ImportStrategy):
    """A table of things."""

    type = "THING"
    columns = (Column("code", required=True), Column("size"), Column("seal"))

    def transform(self, cells):
        """Take what a row has."""
        named = {name: cells[name] for name in ("size", "seal") if cells.get(name)}
        return Record(cells["code"], cells["code"], named)


@pytest.fixture
def api():
    with Api() as api:
        handlers.load()
        yield api


@pytest.fixture
def declare(api, monkeypatch):
    """Return what declares the type THING, its task, its saga and its table for one test."""

    def make(publish=CODE, *, read=MEMBERS, guarded=(), table=None, async_rows=0, machine=True):
        access = Access(publish, read, frozenset(guarded))
        monkeypatch.setitem(handlers.registry.sync, "THING", {})
        monkeypatch.setitem(handlers.registry.access, "THING", (__name__, access))
        task = task_types.TaskType("SHINE", print, 60, 3, fail_fast=False, access=access)
        monkeypatch.setitem(task_types._types, "SHINE", task)
        monkeypatch.setattr(saga_types._types["order-saga"], "access", access)
        monkeypatch.setitem(strategies._strategies, "things", Things())
        rule = strategies.Rule(publish if table is None else table, async_rows, machine)
        monkeypatch.setitem(strategies._rules, "things", rule)
        return api

    return make


def put_file(api, text, key=KEY):
    api.world.import_bucket.put(key, text.encode())


def thing(**attributes):
    return {"type": "THING", "code": "t-1", "name": "Thing", "attributes": attributes}


def publish(attributes, **more):
    return CommandService("tenant1").publish_sync(
        "THING", "t-1", name="Thing", attributes=attributes, **more
    )


WAYS = {
    "POST /commands": lambda api, who: api.send(who, "POST", "/commands", thing(size=1)),
    "sync": lambda api, who: api.send(who, "POST", "/commands", {**thing(), "mode": "sync"}),
    "partial": lambda api, who: api.send(
        who, "POST", "/commands", {"type": "THING", "code": "t-0", "partial": True}
    ),
    "DELETE": lambda api, who: api.send(who, "DELETE", "/commands/THING/t-0"),
    "POST /tasks": lambda api, who: api.send(
        who, "POST", "/tasks", {"taskType": "SHINE", "input": [{"a": 1}]}
    ),
    "a single task": lambda api, who: api.send(
        who, "POST", "/tasks", {"taskType": "SHINE", "input": {"a": 1}}
    ),
    "POST /sagas": lambda api, who: api.send(
        who, "POST", "/sagas", {"saga": "order-saga", "input": an_order()}
    ),
    "POST /imports": lambda api, who: api.send(
        who, "POST", "/imports", {"key": KEY, "tableName": "things"}
    ),
    "a dry run": lambda api, who: api.send(
        who, "POST", "/imports", {"key": KEY, "tableName": "things", "dryRun": True}
    ),
    "by the machine": lambda api, who: api.send(
        who,
        "POST",
        "/imports",
        {"key": KEY, "tableName": "things", "processingMode": "STEP_FUNCTION"},
    ),
    "an archive": lambda api, who: api.send(
        who, "POST", "/imports", {"key": KEY, "tableName": "things", "kind": "zip"}
    ),
    "a row": lambda api, who: api.send(
        who, "POST", "/imports/rows", {"tableName": "things", "cells": {"code": "t-1"}}
    ),
    "an upload": lambda api, who: api.send(
        who, "POST", "/imports/uploads", {"name": "x.csv", "tableName": "things"}
    ),
}


def written(api):
    """How much was written, but for the tokens of the tenant's bucket."""
    return sum(one.keys["sk"]["S"] != "WRITES" for one in api.world.dynamodb.written)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("policy", POLICIES)
def test_whom_the_declaration_names_may_and_nobody_else(way, policy, declare):
    declared, allowed = POLICIES[policy]
    api = declare(declared)
    CommandService("tenant1").publish_sync("THING", "t-0", name="Thing", attributes={})
    put_file(api, "code,size\nt-9,1\n")

    for name, who in PEOPLE.items():
        before = written(api)
        answer = WAYS[way](api, who)
        after = written(api)

        if name in allowed:
            assert answer.status < 300 or answer.code == "version_conflict", answer
        else:
            assert (answer.status, answer.code) == (403, "not_permitted"), answer
            assert after == before


def test_each_command_of_a_batch_is_for_whom_its_type_names(declare):
    order = {"type": "ORDER", "code": "o-1", "name": "x", "attributes": {"customer": "ada"}}
    api = declare(CODE)

    answer = api.send(MEMBER, "POST", "/commands/batch", {"commands": [thing(size=1), order]})

    refused, published = answer.body["results"]
    assert (refused["status"], refused["problem"]["code"]) == (403, "not_permitted")
    assert (published["status"], published["version"]) == (202, 1)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "thing", ["command/THING", "task/SHINE", "saga/order-saga", "import/things"]
)
def test_live_updates_are_heard_by_whom_the_declaration_lets_read(policy, thing, declare):
    declared, allowed = POLICIES[policy]
    api = declare(read=declared)

    for channel in (f"/live/tenant1/{thing}/*", f"/live/tenant1/{thing}/x-1"):
        refused = {name: api.hear(who, channel) for name, who in PEOPLE.items()}

        assert {name for name, why in refused.items() if why == ""} == allowed
        assert {why.partition(":")[0] for why in refused.values()} <= {"", "not_permitted"}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_machine_is_a_member_of_no_group(policy):
    declared, _ = POLICIES[policy]

    assert declared.allows(MACHINE) is (policy in ("members", "joined", "machines"))
    assert declared.allows(None)


@pytest.mark.parametrize(
    ("way", "says"),
    [
        (
            "POST /commands",
            'publishing THING is for code only; command_type("THING", publish=MEMBERS) would'
            ' allow it, or publish=group("…") for a group',
        ),
        (
            "POST /tasks",
            'starting SHINE is for code only; @task_handler("SHINE", publish=MEMBERS) would'
            ' allow it, or publish=group("…") for a group',
        ),
        (
            "POST /sagas",
            'starting order-saga is for code only; saga_type("order-saga", publish=MEMBERS) would'
            ' allow it, or publish=group("…") for a group',
        ),
        (
            "a row",
            'importing into things is for code only; @import_strategy("things", publish=MEMBERS)'
            ' would allow it, or publish=group("…") for a group',
        ),
    ],
)
def test_a_refusal_says_which_declaration_would_allow_it(way, says, declare):
    assert WAYS[way](declare(), MEMBER).body["detail"] == says


def test_rows_are_publishing_so_an_import_obeys_the_type_too(declare):
    api = declare(CODE, table=MEMBERS)
    put_file(api, "code,size\nt-9,1\n")

    answers = [WAYS[way](api, MEMBER) for way in ("POST /imports", "a row", "an upload")]

    assert {answer.code for answer in answers} == {"not_permitted"}
    assert 'command_type("THING", publish=MEMBERS)' in answers[0].body["detail"]


def test_whoever_may_import_nothing_uploads_nothing(declare, monkeypatch):
    api = declare()
    monkeypatch.setitem(strategies._rules, "airports", strategies.Rule())

    upload = api.send(MEMBER, "POST", "/imports/uploads", {"name": "x.csv"})
    archive = api.send(MEMBER, "POST", "/imports", {"key": KEY, "kind": "zip"})

    assert (upload.code, archive.code) == ("not_permitted", "not_permitted")


def test_a_file_that_is_put_into_the_bucket_comes_of_a_machine(declare):
    key = "uploads/tenant1/auto/things/rows.csv"
    file = UploadedFile("tenant1", "things", key, None, "")
    put_file(declare(group("cashier")), "code\nt-1\n", key)
    with pytest.raises(Exception, match="importing into things is for members of the group"):
        on_file_uploaded._imported(file)

    declare(MACHINES)

    assert on_file_uploaded._imported(file).startswith("c-")


# ------------------------------------------------------------------------------- ASYNC


@pytest.mark.parametrize("way", ["POST /imports", "a row", "an archive"])
@pytest.mark.parametrize("rows", [0, 10])
def test_async_is_allowed_where_the_table_says_so(way, rows, declare):
    api = declare(MEMBERS, async_rows=rows)
    put_file(api, "code\nt-1\n")
    paths = {"a row": "/imports/rows"}
    bodies = {
        "POST /imports": {"key": KEY, "tableName": "things"},
        "an archive": {"key": KEY, "tableName": "things", "kind": "zip"},
        "a row": {"tableName": "things", "cells": {"code": "t-1"}},
    }

    body = {**bodies[way], "publishMode": "ASYNC"}
    answer = api.send(MEMBER, "POST", paths.get(way, "/imports"), body)

    assert (answer.status < 300) is bool(rows)
    if not rows:
        assert answer.code == "not_permitted"
        assert '@import_strategy("things", async_rows=…)' in answer.body["detail"]


@pytest.mark.parametrize("mode", ["DIRECT", "STEP_FUNCTION"])
@pytest.mark.parametrize("rows", [3, 4])
def test_a_file_of_more_rows_than_may_be_async_writes_none(mode, rows, declare):
    api = declare(MEMBERS, async_rows=3)
    put_file(api, "code\n" + "".join(f"t-{n}\n" for n in range(rows)))
    body = {"key": KEY, "tableName": "things", "publishMode": "ASYNC", "processingMode": mode}

    answer = api.send(MEMBER, "POST", "/imports", body)
    (job,) = api.world.all_of(IMPORTS)
    refused = (answer.body.get("error") or {}).get("code")
    if mode == "STEP_FUNCTION":
        try:
            load(job, lambda: 300_000)
        except InvalidFileError as error:
            refused = error.problem

    assert refused == (None if rows == 3 else "too_many_async_rows")
    assert rows == 3 or len(api.world.stored_commands()) == 0


MACHINE_WORK = {
    "STEP_FUNCTION": {"processingMode": "STEP_FUNCTION"},
    "a large file": {},
    "an archive": {"kind": "zip"},
}


@pytest.mark.parametrize("way", MACHINE_WORK)
@pytest.mark.parametrize("machine", [True, False])
def test_the_machine_imports_where_the_table_says_so(way, machine, declare):
    api = declare(MEMBERS, machine=machine)
    put_file(api, "code\n" + "t-1\n" * (100_000 if way == "a large file" else 1))
    body = {"key": KEY, "tableName": "things", **MACHINE_WORK[way]}

    answer = api.send(MEMBER, "POST", "/imports", body)

    assert (answer.status < 300) is machine
    if not machine:
        assert (answer.status, answer.code) == (403, "not_permitted")
        assert '@import_strategy("things", step_function=True)' in answer.body["detail"]
        assert api.world.all_of(IMPORTS) == api.world.all_of(ZIPS) == []


@pytest.mark.parametrize("machine", [True, False])
def test_an_archive_without_a_table_is_for_those_that_the_machine_imports(
    machine, declare, monkeypatch
):
    api = declare(MEMBERS, machine=machine)
    monkeypatch.setitem(strategies._rules, "airports", strategies.Rule(MEMBERS))
    put_file(api, "")
    text = b"code\nt-1\n"
    archive = zipped(("20260101000000-things.csv", text), ("20260101000000-airports.csv", text))
    api.world.import_bucket.put(KEY, archive)

    answer = api.send(MEMBER, "POST", "/imports", {"key": KEY, "kind": "zip"})

    assert (answer.status, answer.code) == ((202, None) if machine else (403, "not_permitted"))
    if machine:
        (job,) = api.world.all_of(ZIPS)
        list_files(job)
        files = {file.table: file.problem for file in api.world.zip_jobs.files(job.key)}
        assert files["things"] is None
        assert files["airports"].code == "not_permitted"


def test_a_small_file_that_the_machine_may_not_go_on_with_is_not_left_to_it(declare):
    api = declare(MEMBERS, machine=False)
    put_file(api, "code\n" + "".join(f"t-{n}\n" for n in range(1_001)))

    answer = api.send(MEMBER, "POST", "/imports", {"key": KEY, "tableName": "things"})

    assert (answer.status, answer.body["status"]) == (200, "FAILED")
    assert answer.body["error"]["code"] == "too_many_rows"


@pytest.mark.parametrize(("rows", "status"), [(3, 202), (1_001, 403)])
def test_a_retry_does_not_get_by_the_machine_what_the_table_refuses(rows, status, declare):
    api = declare(MEMBERS, guarded=("seal",), machine=False)
    put_file(api, "code,seal\n" + "".join(f"t-{n},x\n" for n in range(rows)))
    body = {"key": KEY, "tableName": "things", "processingMode": "DIRECT"}
    failed = api.send(MEMBER, "POST", "/imports", body).body

    answer = api.send(MEMBER, "POST", f"/imports/{failed['id']}/retry")

    assert failed["status"] == "FAILED"
    assert answer.status == status


def test_a_file_in_the_bucket_is_the_machines_to_import_too(declare):
    key = "uploads/tenant1/auto/things/rows.csv"
    put_file(declare(MACHINES, machine=False), "code\nt-1\n", key)

    with pytest.raises(Exception, match="step_function=True"):
        on_file_uploaded._imported(UploadedFile("tenant1", "things", key, None, ""))


@pytest.mark.parametrize("way", ["POST /imports", "a row", "an archive"])
def test_what_a_client_sent_stays_a_clients_whoever_retries_it(way, declare):
    api = declare(MEMBERS, guarded=("seal",))
    failed = failed_import(api, way)

    again = ImportService("tenant1").retry(failed.key.id, Caller(user="repair")).job.key.id

    (job,) = [one for one in [*jobs_of(api), *api.world.all_of(ZIPS)] if one.key.id == again]
    assert job.client == failed.client == Client(user=MEMBER.user)
    if way == "a row":
        assert on_import_action._imported(job, is_last_try=True).code == "not_permitted"
        assert len(api.world.stored_commands()) == 0


def test_what_code_sent_stays_codes(declare):
    api = declare(CODE, guarded=("seal",))
    put_file(api, "code,seal\nt-1,x\n,y\n")
    failed = ImportService("tenant1").import_now(Request(table="things", key=KEY)).progress.job

    ImportService("tenant1").retry(failed.key.id)

    assert {job.client for job in jobs_of(api)} == {None}


def jobs_of(api):
    return api.world.all_of(IMPORTS)


def failed_import(api, way):
    """An import of a member's whose rows change what is guarded, and that has failed."""
    put_file(api, "code,seal\nt-1,x\n")
    if way == "a row":
        api.send(
            MEMBER,
            "POST",
            "/imports/rows",
            {"tableName": "things", "cells": {"code": "t-1", "seal": "x"}},
        )
        (job,) = jobs_of(api)
        return end(job, on_import_action._imported(job, is_last_try=True))
    body = {"key": KEY, "tableName": "things"}
    if way == "POST /imports":
        api.send(MEMBER, "POST", "/imports", body)
        (job,) = jobs_of(api)
        return job
    api.send(MEMBER, "POST", "/imports", {**body, "kind": "zip"})
    (archive,) = api.world.all_of(ZIPS)
    ending = zip_job.End(1, Ending(JobStatus.FAILED))
    return api.world.zip_jobs.change(archive.key, ending).record


def test_code_imports_what_it_likes(declare):
    api = declare(async_rows=1)
    put_file(api, "code,seal\nt-1,x\nt-2,y\n")
    request = Request(table="things", key=KEY, publish_mode=PublishMode.ASYNC)

    imported = ImportService("tenant1").import_now(request)

    assert job_view(imported.progress)["created"] == 2


# --------------------------------------------------------------------- guarded attributes


@pytest.mark.parametrize(
    ("before", "change", "is_allowed"),
    [
        ({}, {"size": 2}, True),
        ({}, {"seal": "mine"}, False),
        ({}, {"seal": None}, False),
        ({"seal": "a"}, {"size": 2}, True),
        ({"seal": "a"}, {"size": 2, "seal": "a"}, True),
        ({"seal": "a"}, {"seal": "b"}, False),
        ({"seal": 1}, {"seal": 1.0}, True),
        ({"seal": 1}, {"seal": True}, False),
        ({"seal": {"by": "x"}}, {"seal": {"by": "x"}}, True),
        ({"seal": {"by": "x"}}, {"seal": {"by": "y"}}, False),
        ({"seal": None}, {"size": 2}, True),
    ],
)
@pytest.mark.parametrize("mode", ["async", "sync"])
def test_no_client_writes_a_guarded_attribute_whole(before, change, is_allowed, mode, declare):
    api = declare(MEMBERS, guarded=("seal",))
    if before:
        publish({"size": 1, **before})

    version = 1 if before else 0
    body = {**thing(**change), "version": version, "mode": mode}
    answer = api.send(OPERATOR, "POST", "/commands", body)

    assert (answer.status < 300) is is_allowed
    latest = api.world.commands.latest(ItemKey("tenant1", "THING", "t-1"))
    assert (latest.attributes if latest else {}).get("seal") == before.get("seal")
    if not is_allowed:
        assert answer.code == "not_permitted"
        assert answer.body["detail"].startswith("attributes.seal of THING is written by code only")


@pytest.mark.parametrize(
    ("change", "is_allowed"),
    [
        ({"size": 2}, True),
        ({"seal": {"by": "x"}}, True),
        ({"seal": None}, False),
        ({"seal": {"by": None}}, False),
        ({"seal": {"by": "x", "at": 1}}, False),
        ({"seal": "y"}, False),
    ],
)
def test_no_client_writes_a_guarded_attribute_in_part(change, is_allowed, declare):
    api = declare(MEMBERS, guarded=("seal",))
    publish({"seal": {"by": "x"}, "size": 1})

    body = {"type": "THING", "code": "t-1", "partial": True, "attributes": change}
    answer = api.send(OPERATOR, "POST", "/commands", body)

    assert (answer.status < 300) is is_allowed
    latest = api.world.commands.latest(ItemKey("tenant1", "THING", "t-1"))
    assert latest.attributes["seal"] == {"by": "x"}


def test_what_code_has_said_outlives_a_clients_deletion_and_revival(declare):
    api = declare(MEMBERS, guarded=("seal",))
    publish({"seal": "held", "size": 1})

    deleted = api.send(MEMBER, "DELETE", "/commands/THING/t-1")
    revived = api.send(MEMBER, "POST", "/commands", {**thing(size=3), "version": 2})

    assert (deleted.status, revived.status) == (202, 202)
    latest = api.world.commands.latest(ItemKey("tenant1", "THING", "t-1"))
    assert (latest.version, latest.attributes) == (3, {"seal": "held", "size": 3})


def test_a_client_that_changes_nothing_but_leaves_guarded_ones_out_changes_nothing(declare):
    api = declare(MEMBERS, guarded=("seal",))
    publish({"seal": "held", "size": 1})

    answer = api.send(MEMBER, "POST", "/commands", {**thing(size=1), "version": 1})

    assert (answer.status, answer.body["unchanged"]) == (200, True)


@pytest.mark.parametrize("way", ["a file", "a row"])
def test_rows_of_a_client_keep_guarded_attributes_and_those_that_change_them_fail(way, declare):
    api = declare(MEMBERS, guarded=("seal",))
    publish({"seal": "held", "size": "1"})
    rows = {"t-1": {"size": "2"}, "t-2": {"seal": "mine"}, "t-3": {"size": "3"}}
    if way == "a file":
        lines = [
            f"{code},{row.get('size', '')},{row.get('seal', '')}" for code, row in rows.items()
        ]
        put_file(api, "\n".join(["code,size,seal", *lines]))
        body = {"key": KEY, "tableName": "things"}
        results = api.send(OPERATOR, "POST", "/imports", body).body["rows"]
        fates = [each.get("code", each["result"]) for each in results]
    else:
        fates = []
        for code, row in rows.items():
            cells = {"code": code, **row}
            body = {"tableName": "things", "cells": cells}
            id_ = api.send(OPERATOR, "POST", "/imports/rows", body).body["id"]
            key = ImportKey.of("tenant1", id_)
            job = api.world.import_jobs.change(key, Begin()).record
            end(job, on_import_action._imported(job, is_last_try=True))
            view = api.send(OPERATOR, "GET", f"/imports/{id_}").body
            done = [name for name in ("created", "updated") if view[name]]
            fates.append(done[0] if done else "not_permitted")

    assert fates == ["updated", "not_permitted", "created"]
    items = {code: api.world.data.find(ItemKey("tenant1", "THING", code)) for code in rows}
    assert items["t-1"].attributes == {"seal": "held", "size": "2"}
    assert items["t-2"] is None
    assert items["t-3"].attributes == {"size": "3"}


# ------------------------------------------------------------------------------- reading


READS = [
    "/data/THING/t-1",
    "/data/THING/t-1/history",
    "/data?type=THING",
    "/commands/THING/t-1",
    "/commands/THING/t-1/1",
]


@pytest.mark.parametrize("path", READS)
def test_a_type_says_who_may_read_it(path, declare):
    api = declare(MEMBERS, read=group("cashier"))
    publish({"size": 1})
    path, _, query = path.partition("?")
    asked = dict(pair.split("=") for pair in query.split("&")) if query else None

    refused = api.send(MEMBER, "GET", path, query=asked)
    shown = api.send(CASHIER, "GET", path, query=asked)

    assert (refused.status, refused.code) == (403, "not_permitted")
    assert 'command_type("THING", read=MEMBERS)' in refused.body["detail"]
    assert "size" not in refused.text
    assert shown.status == 200


def test_what_is_at_work_is_read_by_whom_its_type_names(declare):
    api = declare(MEMBERS, read=group("cashier"))
    put_file(api, "code,size\nt-9,1\n,2\n")
    task = api.send(MEMBER, "POST", "/tasks", {"taskType": "SHINE", "input": [{"a": 1}]}).body
    saga = api.send(MEMBER, "POST", "/sagas", {"saga": "order-saga", "input": an_order()}).body
    started = api.send(MEMBER, "POST", "/imports", {"key": KEY, "tableName": "things"}).body
    paths = [
        f"/tasks/{task['id']}",
        f"/sagas/{saga['id']}",
        f"/imports/{started['id']}",
        f"/imports/{started['id']}/errors.csv",
    ]

    assert {api.send(MEMBER, "GET", path).code for path in paths} == {"not_permitted"}
    assert {api.send(CASHIER, "GET", path).status for path in paths} == {200}
    for path in ("/sagas", "/imports"):
        assert api.send(MEMBER, "GET", path).body["items"] == []
        assert len(api.send(CASHIER, "GET", path).body["items"]) == 1
    query = {"taskType": "SHINE"}
    assert api.send(MEMBER, "GET", "/tasks", query=query).code == "not_permitted"
    assert len(api.send(CASHIER, "GET", "/tasks", query=query).body["items"]) == 1


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_whoever_may_not_start_it_may_neither_cancel_nor_retry_it(verb, declare):
    api = declare(group("cashier"))
    put_file(api, "code,size\n,1\n")
    body = {"key": KEY, "tableName": "things", "processingMode": "STEP_FUNCTION"}
    started = api.send(CASHIER, "POST", "/imports", body).body["id"]
    archive = api.send(CASHIER, "POST", "/imports", {**body, "kind": "zip"}).body["id"]
    task = api.send(CASHIER, "POST", "/tasks", {"taskType": "SHINE", "input": [1]}).body["id"]

    for path in (f"/tasks/{task}", f"/imports/{started}", f"/imports/{archive}"):
        answer = api.send(MEMBER, "POST", f"{path}/{verb}")

        assert (answer.status, answer.code) == (403, "not_permitted")


def test_whoever_may_not_import_does_not_undo(declare):
    api = declare(group("cashier"))
    put_file(api, "code,size\n,1\n")
    body = {"key": KEY, "tableName": "things", "processingMode": "STEP_FUNCTION"}
    started = api.send(CASHIER, "POST", "/imports", body).body["id"]

    answer = api.send(MEMBER, "POST", f"/imports/{started}/undo")

    assert (answer.status, answer.code) == (403, "not_permitted")


def test_a_type_that_nobody_declares_is_read_by_nobody(api):
    answer = api.send(OPERATOR, "GET", "/data/SECRET/1")

    assert (answer.status, answer.code) == (400, "unknown_type")


# ---------------------------------------------------------------------------- declarations


def test_what_is_only_handled_is_published_by_code_only(api, monkeypatch):
    monkeypatch.setitem(handlers.registry.sync, "QUIET", {})

    assert handlers.access_of("QUIET") == Access(CODE, MEMBERS, frozenset())
    assert api.send(OPERATOR, "POST", "/commands", {**thing(), "type": "QUIET"}).status == 403


@pytest.mark.usefixtures("api")
def test_a_type_is_declared_in_one_module(monkeypatch):
    monkeypatch.setitem(handlers.registry.access, "ORDER", handlers.registry.access["ORDER"])

    with pytest.raises(ValueError, match=r"ORDER is declared in shop\.orders already"):
        handlers.command_type("ORDER", publish=CODE)
    with pytest.raises(TypeError, match="guarded is a list of attributes"):
        handlers.command_type("ORDER", guarded="release")


@pytest.mark.parametrize("names", [(), ("",), ("shift operator",)])
def test_a_group_has_a_name_without_blanks(names):
    with pytest.raises(ValueError, match="without blanks"):
        group(*names)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (CODE, "code only"),
        (MEMBERS, "members of the tenant and machines that sign with IAM"),
        (MACHINES, "machines that sign with IAM"),
        (group("b", "a"), "members of the group a and members of the group b"),
        (Policy(members=True), "members of the tenant"),
        (group("a") | own("b"), "whom b names and members of the group a"),
    ],
)
def test_a_policy_says_who_may(policy, text):
    assert str(policy) == text


ROWS = ("/read-models/things_by_size/1", "/read-models/things_by_size/1/t-1")


@pytest.fixture
def read_model(api, monkeypatch):
    """Return what declares a read model of one row for one test."""

    def make(*, by="size", **said):
        monkeypatch.setattr(read_models, "_types", {})
        read_models.read_model_type("things_by_size", by=by, **said)
        view = api.world.read_model("things_by_size")
        view.put_if_newer("tenant1", "1", "t-1", {"version": 1, "colour": "red"})
        return api

    return make


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("path", ROWS)
def test_a_read_model_is_read_by_whom_its_declaration_names(path, policy, read_model):
    said, may = POLICIES[policy]
    api = read_model(read=said)

    answers = {name: api.send(who, "GET", path) for name, who in PEOPLE.items()}

    assert {name for name, answer in answers.items() if answer.status == 200} == may
    for name in PEOPLE.keys() - may:
        assert (answers[name].status, answers[name].code) == (403, "not_permitted")
        assert 'read_model_type("things_by_size", read=MEMBERS)' in answers[name].body["detail"]
        assert "red" not in answers[name].text
        assert api.send(PEOPLE[name], "GET", "/read-models").body["items"] == []


@pytest.mark.parametrize("path", ROWS)
def test_a_read_model_is_read_by_code_alone_where_nothing_is_said(path, read_model):
    api = read_model()

    assert {api.send(who, "GET", path).status for who in PEOPLE.values()} == {403}
    assert ReadModelService("tenant1").get("things_by_size", "1", "t-1")["colour"] == "red"


def test_a_read_model_that_nobody_declares_is_read_by_nobody(api):
    answer = api.send(OPERATOR, "GET", "/read-models/reminders/o-1")

    assert (answer.status, answer.code) == (400, "unknown_read_model")


def test_partitions_that_a_declaration_does_not_name_are_not_read(read_model):
    api = read_model(by=("sizes",), read=MEMBERS)

    answer = api.send(MEMBER, "GET", ROWS[0])

    assert (answer.status, answer.body["field"]) == (400, "partition")
    assert answer.body["detail"] == "partition: of things_by_size must be sizes"


def test_the_shop_lets_nobody_write_what_others_decide():
    with Api():
        types = handlers.types()

    assert types["PAYMENT"].publish == CODE
    assert types["STOCK"].publish == group("operator")
    assert types["ORDER"].guarded == {"release", "status"}


# ---------------------------------------------------------------------------- what is shown


def test_the_document_shows_each_routes_rule(api):
    paths = api.send(MEMBER, "GET", "/openapi.json").body["paths"]
    rules = {
        f"{method.upper()} {path}": operation["x-permitted"]
        for path, methods in paths.items()
        for method, operation in methods.items()
    }

    everybody = "members of the tenant and machines that sign with IAM"
    shops = {
        "AIRPORT": everybody,
        "ORDER": f"{everybody}, but for release, status",
        "PAYMENT": "code only",
        "STOCK": "members of the group operator",
    }
    assert shops.items() <= rules["POST /commands"]["declared"].items()
    assert rules["GET /data"]["declared"]["PAYMENT"] == "members of the group operator"
    assert rules["POST /tasks"]["declared"] == {"ORDER_REMINDER": everybody}
    assert rules["POST /sagas"]["declared"] == {"order-saga": everybody}
    assert rules["POST /imports"]["declared"] == {"airports": everybody}
    assert rules["POST /sagas/{id}/retry"]["text"] == "Members of the group operator."
    for name, rule in rules.items():
        assert rule["text"], name


def test_the_page_shows_each_routes_rule(api):
    page = api.send(None, "GET", "/docs").text

    assert page.count("Allowed:") == len(api_operations(api))
    assert "PAYMENT: code only" in page


def api_operations(api):
    paths = api.send(MEMBER, "GET", "/openapi.json").body["paths"]
    return [each for methods in paths.values() for each in methods.values()]


def test_a_route_that_says_no_rule_is_none():
    with pytest.raises(TypeError, match="rule"):
        operation(answers={})
    assert Rule().text == ""


FOR_OPERATORS = {"erasure.routes", "rebuild.routes", "repairs.routes"}
OPERATED = [
    (route.method, re.sub(r"<\w+>", "1", route.rule))
    for routes in RESOURCES
    for route in routes.registered
    if operation_of(route.function).rule is OPERATORS
]


@pytest.mark.parametrize("who", [MEMBER, CASHIER], ids=lambda who: who.user)
@pytest.mark.parametrize(("method", "path"), OPERATED)
def test_what_is_for_operators_does_nothing_for_anybody_else(method, path, who, api):
    answer = api.send(who, method, path, None if method == "GET" else {})

    assert (answer.status, answer.code) == (403, "forbidden")
    assert written(api) == 0


def test_every_route_works_for_whoever_asks():
    """A service that is made without a client is code, and refuses nothing."""
    made = {
        (name_of(dotted(path)), ast.unparse(node))
        for path in of_kind(ROUTES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Service")
    }

    by_caller = {text for stem, text in made if stem in ("command.routes", "approval.routes")}
    assert by_caller == {
        "ApprovalService(request.tenant, who.client, who.user)",
        "CommandService(request.tenant)",
    }
    for_operators = {text for stem, text in made if stem in FOR_OPERATORS}
    assert for_operators == {  # none else: the test above
        "ErasureService(Request.by_operator().tenant)",
        "ErasureService(request.tenant)",
        "RebuildService(Request.by_operator().tenant)",
        "RebuildService(request.tenant)",
        "RepairService(request.tenant)",
    }
    assert {text for stem, text in made if stem == "api.openapi"} == {
        "TypeService('-')"
    }  # not in prod
    by_nobody = {"approval.link_routes", "approval.routes", "command.routes", "api.openapi"}
    assert {stem for stem, _ in made} == by_nobody | FOR_OPERATORS
