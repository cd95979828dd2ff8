"""`read=own("patient")`: whoever is not named by an item, a version or a row gets nothing of it."""

import importlib
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from inspect import isclass, isfunction
from itertools import product

import pytest
from tests.support.api import MEMBER, OPERATOR, Person
from tests.support.places import SERVICE, dotted, of_kind
from tests.support.typed import declaring

from sfn_cqrs import bootstrap
from sfn_cqrs.api.declared import route
from sfn_cqrs.care.live.channels import segment
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError
from sfn_cqrs.kernel.functions import own_lists
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import MEMBERS, Client, group, own
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.command.data import HistoryService
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.read_models import read_model_type
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.strategies import import_strategy
from sfn_cqrs.machines.saga.types import saga_type
from sfn_cqrs.machines.schedule.publishing import publish_due
from sfn_cqrs.machines.task.types import task_handler
from sfn_cqrs_tools.testing.builders import a_process

SECRET = "adas-secret"
ADA, BOB = Person("ada"), Person("bob")
DOCTOR = Person("who", ("doctor",))
CHANNEL = f"/live/{segment('tenant1')}/command/{segment('VISIT')}/*"


@pytest.fixture(autouse=True)
def _clinic(api):
    """Visits, and rows of them, of ada and of bob; one has gone from ada to bob."""
    with declaring():
        rule = own("patient", "guests") | group("doctor")
        command_type("VISIT", publish=MEMBERS, read=rule)
        read_model_type("visits_by_day", by="day", read=rule)
        read_model_type("visits_by_patient", by="patient", read=own("patient"))

        @import_strategy("visits", publish=MEMBERS)
        class Visits(ImportStrategy):
            """A row has its code, and whose it is."""

            type = "VISIT"
            columns = (Column("code", required=True), Column("patient", required=True))

            def transform(self, cells: dict[str, str]) -> Record:
                """Take the cells."""
                return Record(cells["code"], "a visit", {"patient": cells["patient"]})

        service = CommandService("tenant1")

        def visit(code, patient, version=0, **more):
            attributes = {"patient": patient, "notes": f"{patient}s-secret", **more}
            service.publish_sync(
                "VISIT", code, name=f"{patient}s visit", attributes=attributes, version=version
            )

        visit("adas", "ada")
        visit("adas", "ada", 1, minutes=30)
        visit("bobs", "bob")
        visit("both", "cyd", guests=["ada", "bob"])
        visit("handed", "ada")
        visit("handed", "bob", 1)
        service.publish_at(
            "VISIT",
            "adas",
            at=bootstrap.now() + timedelta(days=30),
            attributes={"notes": SECRET},
            partial=True,
            replace="reminder",
            caller=Caller("ada", client=Client(user="ada")),
        )
        for patient in ("ada", "bob"):
            row = {"version": 1, "patient": patient, "notes": f"{patient}s-secret"}
            for view, partition in (("visits_by_day", "monday"), ("visits_by_patient", patient)):
                api.world.read_model(view).put_if_newer("tenant1", partition, f"{patient}s", row)
        yield


def codes(answer):
    return [one["code"] for one in answer.body["items"]]


READS = [
    "/data/VISIT/adas",
    "/data/VISIT/adas?deleted=true",
    "/data/VISIT/adas?applied=true",
    "/data/VISIT/adas?atLeast=1",
    "/data/VISIT/adas?atLeast=9",
    "/data/VISIT/adas?atLeast=2&wait=1",
    "/data/VISIT/adas/history",
    "/commands/VISIT/adas",
    "/commands/VISIT/adas/1",
    "/commands/VISIT/adas/1?wait=1",
    "/commands/VISIT/handed/1",
    "/read-models/visits_by_day/monday/adas",
    "/read-models/visits_by_patient/ada/adas",
]


def get(api, who, path):
    path, _, query = path.partition("?")
    pairs = dict(pair.split("=", 1) for pair in query.split("&")) if query else None
    return api.send(who, "GET", path, query=pairs)


@pytest.mark.parametrize("path", READS)
def test_what_is_anothers_is_as_if_it_were_not_there(api, path):
    theirs = get(api, BOB, path)
    nothing = get(api, BOB, path.replace("adas", "none").replace("handed", "none"))

    assert (theirs.status, nothing.status) == (404, 404)
    assert theirs.text.replace("adas", "none").replace("handed", "none") == nothing.text
    assert SECRET not in theirs.text


@pytest.mark.parametrize("path", [path for path in READS if "atLeast=9" not in path])
@pytest.mark.parametrize("who", [ADA, DOCTOR], ids=["whose it is", "who may read all"])
def test_what_is_ones_own_is_read(api, path, who):
    is_patients_alone = "visits_by_patient" in path
    answer = get(api, who, path)

    assert answer.status == (404 if who is DOCTOR and is_patients_alone else 200)


@pytest.mark.parametrize(
    ("who", "status"), [(ADA, 200), (BOB, 404), (DOCTOR, 200)], ids=["then", "now", "reads all"]
)
def test_the_last_applied_state_is_whose_it_was_then(api, who, status):
    """`handed` is bob's by its row, and what was applied last is still ada's."""
    key = ItemKey("tenant1", "VISIT", "handed")
    api.world.seed(a_process(key, 1, outcome=Outcome.APPLIED))
    api.world.seed(a_process(key, 2, outcome=Outcome.FAILED))

    read = get(api, who, "/data/VISIT/handed?applied=true")

    assert read.status == status
    assert (SECRET in read.text) is (status == 200)
    assert get(api, BOB, "/data/VISIT/handed").body["version"] == 2


def test_lists_have_ones_own(api):
    assert codes(get(api, ADA, "/data?type=VISIT")) == ["adas", "both"]
    assert codes(get(api, BOB, "/data?type=VISIT")) == ["bobs", "both", "handed"]
    assert codes(get(api, MEMBER, "/data?type=VISIT")) == []
    assert codes(get(api, DOCTOR, "/data?type=VISIT")) == ["adas", "bobs", "both", "handed"]


def test_a_page_and_its_cursor_name_ones_own_only(api):
    first = get(api, BOB, "/data?type=VISIT&limit=1").body
    second = get(api, BOB, f"/data?type=VISIT&limit=2&cursor={first['nextCursor']}").body

    assert [one["code"] for one in first["items"] + second["items"]] == ["bobs", "both", "handed"]
    assert "nextCursor" not in second


@pytest.fixture
def _short(monkeypatch):
    """Let a page read two items at most."""
    monkeypatch.setattr(own_lists, "MAX_LIMIT", 2)
    monkeypatch.setattr(own_lists, "MOST", 2)
    monkeypatch.setattr(own_lists, "MOST_VERSIONS", 2)


def pages(api, who, path):
    """Read all pages of a list."""
    found, cursor = [], None
    while cursor is not None or not found:
        more = {} if cursor is None else {"cursor": cursor}
        found.append(api.send(who, "GET", path, query={"limit": "1", "type": "VISIT", **more}).body)
        cursor = found[-1].get("nextCursor")
    return found


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize(
    ("who", "path", "key", "own"),
    [
        (ADA, "/data", "code", ["adas", "both"]),
        (BOB, "/data", "code", ["bobs", "both", "handed"]),
        (MEMBER, "/data", "code", []),
        (ADA, "/read-models/visits_by_day/monday", "sort", ["adas"]),
        (BOB, "/read-models/visits_by_day/monday", "sort", ["bobs"]),
        (MEMBER, "/read-models/visits_by_day/monday", "sort", []),
        (BOB, "/commands/VISIT/handed", "version", [2]),
    ],
)
def test_a_page_reads_a_limited_number_and_the_next_one_goes_on(api, who, path, key, own):
    others = [f"v-{number}" for number in range(5)]
    for other in others:
        attributes = {"patient": "cyd"}
        CommandService("tenant1").publish_sync("VISIT", other, name="x", attributes=attributes)
        row = {"version": 1, "patient": "cyd"}
        view = api.world.read_model("visits_by_day")
        view.put_if_newer("tenant1", "monday", f"a-{other}", row)

    read = pages(api, who, path)

    assert [one[key] for page in read for one in page["items"]] == own
    if len(own) < 2 and "commands" not in path:
        assert any(not page["items"] and "nextCursor" in page for page in read)
    cursors = [page["nextCursor"] for page in read if "nextCursor" in page]
    named = [urlsafe_b64decode(one).decode() for one in cursors if not one.startswith(".")]
    assert [one for one in named if any(other in one for other in others)] == []


@pytest.mark.usefixtures("_short")
def test_a_cursor_belongs_to_one_list_of_one_tenant_and_to_a_day(api):
    cursor = get(api, MEMBER, "/data?type=VISIT").body["nextCursor"]

    others = [
        get(api, Person("eve", tenant="tenant2"), f"/data?type=VISIT&cursor={cursor}"),
        get(api, MEMBER, f"/read-models/visits_by_day/monday?cursor={cursor}"),
        get(api, MEMBER, f"/data?type=VISIT&cursor={cursor}x"),
    ]
    good = get(api, MEMBER, f"/data?type=VISIT&cursor={cursor}")
    api.world.clock.advance(hours=25)
    late = get(api, MEMBER, f"/data?type=VISIT&cursor={cursor}")

    assert good.status == 200
    assert [one.status for one in (*others, late)] == [400] * 4
    assert {one.body["field"] for one in (*others, late)} == {"cursor"}


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("path", ["/commands/VISIT/adas", "/data/VISIT/adas/history"])
def test_however_many_versions_are_anothers_the_item_is_as_if_it_were_not_there(api, path):
    for version in (2, 3, 4, 5):
        CommandService("tenant1").publish_partial(
            "VISIT", "adas", attributes={"minutes": version}, version=version, is_sync=True
        )

    theirs, nothing = get(api, BOB, path), get(api, BOB, path.replace("adas", "none"))

    assert (theirs.status, nothing.status) == (404, 404)
    assert theirs.text.replace("adas", "none") == nothing.text


def test_each_state_is_read_by_whom_it_names(api):
    assert codes(get(api, ADA, "/data/VISIT/handed/history")) == ["handed"]
    assert get(api, ADA, "/data/VISIT/handed").status == 404
    assert get(api, BOB, "/data/VISIT/handed/history").body == {"items": []}
    versions = {
        who.user: [one["version"] for one in get(api, who, "/commands/VISIT/handed").body["items"]]
        for who in (ADA, BOB, DOCTOR)
    }
    assert versions == {"ada": [1], "bob": [2], "who": [2, 1]}


def test_rows_of_a_partition_are_ones_own(api):
    def rows(who, path):
        return [one["sort"] for one in get(api, who, f"/read-models/{path}").body["items"]]

    assert rows(ADA, "visits_by_day/monday") == ["adas"]
    assert rows(BOB, "visits_by_day/monday") == ["bobs"]
    assert rows(DOCTOR, "visits_by_day/monday") == ["adas", "bobs"]
    assert rows(BOB, "visits_by_patient/bob") == ["bobs"]
    assert rows(BOB, "visits_by_patient/ada") == []


def test_the_type_and_the_read_models_are_listed_for_whoever_may_have_something_there(api):
    types = [one["type"] for one in get(api, BOB, "/types").body["items"]]
    names = [one["name"] for one in get(api, BOB, "/read-models").body["items"]]

    assert "VISIT" in types
    assert {"visits_by_day", "visits_by_patient"} <= set(names)
    assert "whom patient names" in get(api, BOB, "/types/VISIT").body["read"]


def test_live_updates_tell_of_all_items_so_they_are_for_who_may_read_all(api):
    heard = {who.user: api.hear(who, CHANNEL) for who in (ADA, BOB, DOCTOR)}

    assert heard["who"] == ""
    assert "reading VISIT is for" in heard["ada"]
    assert heard["bob"] == heard["ada"]


ADAS = {"type": "VISIT", "code": "adas", "version": -1}


@pytest.mark.parametrize(
    "body",
    [
        {**ADAS, "partial": True, "attributes": {"patient": "bob"}},
        {**ADAS, "name": "x", "attributes": {"patient": "bob"}},
        {**ADAS, "partial": True, "isDeleted": True},
    ],
    ids=["partial", "whole", "deletion"],
)
def test_nobody_makes_anothers_item_their_own(api, body):
    refused = api.send(BOB, "POST", "/commands", body)
    batch = api.send(BOB, "POST", "/commands/batch", {"commands": [body]})

    assert (refused.status, refused.code) == (403, "not_permitted")
    assert [one["status"] for one in batch.body["results"]] == [403]
    assert SECRET not in refused.text + batch.text
    assert api.send(ADA, "POST", "/commands", {**body, "mode": "sync"}).status == 200


@pytest.mark.parametrize(("method", "path"), [("DELETE", ""), ("POST", "/run")])
def test_nobody_changes_anothers_plan(api, method, path):
    command_type("VISIT", publish=own("patient"), read=MEMBERS)
    plan = f"/plans/VISIT/adas/reminder{path}"

    assert [api.send(who, method, plan).status for who in (BOB, ADA)] == [403, 200]


def test_a_plan_of_an_item_that_one_has_given_away_is_refused_when_it_is_due(api):
    command_type("VISIT", publish=own("patient"), read=MEMBERS)
    CommandService("tenant1").publish_partial("VISIT", "adas", attributes={"patient": "bob"})

    api.world.clock.advance(days=30)
    publish_due(lambda: 60_000)

    plan = api.send(BOB, "GET", "/plans/VISIT/adas/reminder").body
    assert (plan["status"], plan["reason"].partition(":")[0]) == ("REFUSED", "not_permitted")


def test_nobody_plans_for_anothers_item(api):
    command_type("VISIT", publish=own("patient"), read=MEMBERS)
    body = {**ADAS, "partial": True, "attributes": {"minutes": 1}, "after": "P1D"}

    assert [api.send(who, "POST", "/commands", body).status for who in (BOB, ADA)] == [403, 201]


def test_a_guarded_attribute_of_ones_own_item_is_named_as_it_is_and_not_guessed_of_anothers(api):
    command_type("VISIT", publish=MEMBERS, read=own("patient"), guarded=("notes",))

    def published(who, notes):
        attributes = {"patient": who.user, "notes": notes}
        body = {**ADAS, "name": "x", "attributes": attributes, "mode": "sync"}
        return api.send(who, "POST", "/commands", body)

    assert published(ADA, SECRET).status == 200
    refused = [published(BOB, guess) for guess in (SECRET, "wrong")]
    assert refused[0] == refused[1]
    assert refused[0].code == "not_permitted"
    assert published(ADA, "wrong").code == "not_permitted"


def test_nobody_makes_anothers_item_their_own_by_a_row(api):
    key = "uploads/tenant1/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/visits.csv"
    api.world.import_bucket.put(key, b"code,patient\nadas,bob\nnew,bob\n")
    body = {"key": key, "tableName": "visits", "processingMode": "DIRECT"}
    job = api.send(BOB, "POST", "/imports", body).body["id"]

    errors = api.send(DOCTOR, "GET", f"/imports/{job}/errors.csv")
    assert api.send(DOCTOR, "GET", f"/imports/{job}").body["failed"] == 1
    assert "VISIT adas is not yours" in errors.text, errors
    assert get(api, BOB, "/data/VISIT/new").status == 200
    assert get(api, BOB, "/data/VISIT/adas").status == 404


def test_a_wait_for_what_one_publishes_for_another_tells_nothing(api):
    body = {"type": "VISIT", "code": "new", "name": "x", "attributes": {"patient": "ada"}}

    answer = api.send(BOB, "POST", "/commands", body, query={"wait": "1"})

    assert answer.status == 202
    assert "outcome" not in answer.body


def test_imports_of_a_type_are_shown_to_who_may_read_all(api):
    body = {"tableName": "visits", "cells": {"code": "new", "patient": "ada"}}
    job = api.send(DOCTOR, "POST", "/imports/rows", body).body["id"]

    assert api.send(BOB, "GET", f"/imports/{job}").status == 403
    assert api.send(BOB, "GET", f"/imports/{job}/errors.csv").status == 403
    assert get(api, BOB, "/imports?kind=row").body["items"] == []
    assert api.send(DOCTOR, "GET", f"/imports/{job}").status == 200


def test_an_approval_is_requested_for_ones_own_item(api, monkeypatch):
    monkeypatch.setattr(approval_types, "_types", dict(approval_types._types))

    @approval_types.approval_type("VISIT_CHANGE", of="VISIT", group="doctor")
    def change(decided):
        """Do nothing."""

    body = {"type": "VISIT_CHANGE", "subject": "adas"}

    assert api.send(ADA, "POST", "/approvals", body).status == 202
    assert api.send(BOB, "POST", "/approvals", body).status == 404


# ---------------------------------------------------------------------------- every way to read


@pytest.fixture
def told(api):
    """Tell ada's secret wherever something may be stored about her visit; answers ids."""

    @approval_types.approval_type("VISIT_CHANGE", of="VISIT", group="doctor", read=group("doctor"))
    def change(decided):
        """Do nothing."""

    strategy = strategies.find("visits")
    strategy.validate = lambda _record: _refuse()
    key = "uploads/tenant1/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/visits.csv"
    api.world.import_bucket.put(key, f"code,patient\nadas,{SECRET}\n".encode())
    file = {"key": key, "tableName": "visits", "processingMode": "DIRECT"}
    job = api.send(DOCTOR, "POST", "/imports", file).body["id"]
    about = {"type": "VISIT_CHANGE", "subject": "adas", "note": SECRET}
    approval = api.send(ADA, "POST", "/approvals", about).body["id"]
    return {"import": job, "approval": approval}


def _refuse():
    raise InvalidInputError("patient", SECRET)


PARTS = {
    "type": {"VISIT"},
    "code": {"adas"},
    "version": {"1", "2"},
    "name": {"visits_by_day", "visits_by_patient"},
    "partition": {"monday", "ada"},
    "sort": {"adas"},
    "plan": {"reminder"},
    "job": {"REPORT_STOCK"},
}
"""What stands in a route's path for each of its parts; an id is that of the job or the approval."""
QUERIES = {
    "/data": [{"type": "VISIT"}, {"type": "VISIT", "limit": "1"}],
    "/data/{type}/{code}": [{"deleted": "true"}, {"atLeast": "1"}, {"atLeast": "2", "wait": "1"}],
    "/commands/{type}/{code}/{version}": [{"wait": "1"}],
    "/imports": [{"kind": kind} for kind in ("csv", "row", "zip")],
    "/approvals": [{"status": "PENDING"}],
}
TOLD_TO_DOCTORS = {
    "/approvals",
    "/approvals/{id}",
    "/commands/{type}/{code}/{version}",
    "/data",
    "/data/{type}/{code}",
    "/data/{type}/{code}/history",
    "/imports/{id}/errors.csv",
    "/plans",
    "/plans/{type}/{code}",
    "/plans/{type}/{code}/{plan}",
    "/read-models/{name}/{partition}",
    "/read-models/{name}/{partition}/{sort}",
}
"""Here the secret is, or nothing would be shown below."""


def asked_of(route, ids):
    """Yield the paths and queries that ask a route for everything of ada's."""
    names = re.findall(r"{(\w+)}", route)
    choices = [sorted(PARTS.get(name) or ids.values()) for name in names]
    for chosen in product(*choices):
        path = route
        for name, value in zip(names, chosen, strict=True):
            path = path.replace(f"{{{name}}}", value)
        for query in [{}, *QUERIES.get(route, [])]:
            yield path, query


def test_no_route_tells_a_member_of_what_is_anothers(api, told):
    paths = api.send(OPERATOR, "GET", "/openapi.json").body["paths"]
    routes = {each for each, methods in paths.items() if "get" in methods}
    parts = {name for each in routes for name in re.findall(r"{(\w+)}", each)}
    assert parts - PARTS.keys() == {"id"}, "say in PARTS what stands there"

    leaks, shown = [], set()
    for each in sorted(routes):
        for path, query in asked_of(each, told):
            answer = api.send(BOB, "GET", path, query=query or None)
            if SECRET in answer.text or ("adas" in answer.text and "adas" not in path):
                leaks.append((path, query, answer))
            if SECRET in api.send(DOCTOR, "GET", path, query=query or None).text:
                shown.add(each)

    assert leaks == []
    assert shown == TOLD_TO_DOCTORS


LATER = datetime(2100, 1, 1, tzinfo=UTC)
READERS = {
    "ChainService.find": lambda service: service.find("VISIT", "adas", 1),
    "ChainService.show": lambda service: service.show("VISIT", "adas"),
    "ChainService.wait": lambda service: service.wait("VISIT", "adas", 1, 0),
    "DataService.get": lambda service: service.get("VISIT", "adas"),
    "DataService.list": lambda service: service.list("VISIT"),
    "HistoryService.as_of": lambda service: service.as_of("VISIT", "adas", LATER),
    "HistoryService.list": lambda service: service.list("VISIT", "adas"),
    "PlanService.get": lambda service: service.get("VISIT", "adas", "reminder"),
    "PlanService.list": lambda service: service.list(),
    "PlanService.of_item": lambda service: service.of_item("VISIT", "adas"),
    "ReadModelService.get": lambda service: service.get("visits_by_day", "monday", "adas"),
    "ReadModelService.rows": lambda service: service.rows("visits_by_day", "monday"),
}
CHANGES = {
    "ChainService.retry",
    "ChainService.skip",
    "PlanService.cancel",
    "PlanService.make",
    "PlanService.run",
}
NAMES = {"ReadModelService.list", "TypeService.get", "TypeService.list"}
JOBS = {
    "ApprovalService",
    "FileImports",
    "ImportService",
    "JobService",
    "SagaService",
    "TaskService",
    "ZipImports",
}
"""What they show is not an item; the routes above and `test_reads.py` ask them."""


def services():
    """Every class that works for a client of the API."""
    found = {}
    for module in map(dotted, of_kind(SERVICE)):
        for name, value in vars(importlib.import_module(module)).items():
            made = getattr(value, "__init__", None)
            given = getattr(made, "__annotations__", {})
            is_ours = isclass(value) and value.__module__ == module
            if is_ours and given.get("client") == Client | None:
                found[name] = value
    return found


def test_every_method_that_reads_for_a_client_is_asked_below():
    methods = {
        f"{name}.{method}"
        for name, service in services().items()
        for method, value in vars(service).items()
        if name not in JOBS and isfunction(value) and not method.startswith("_")
    }

    assert methods == READERS.keys() | CHANGES | NAMES


@pytest.mark.parametrize("reader", READERS)
def test_code_that_reads_for_a_client_gets_what_names_them(reader):
    service = services()[reader.partition(".")[0]]

    def read(who):
        client = Client(user=who.user, groups=frozenset(who.groups))
        try:
            return repr(READERS[reader](service("tenant1", client)))
        except NotFoundError:
            return ""

    assert SECRET not in read(BOB)
    assert SECRET not in read(MEMBER)
    assert SECRET in read(ADA)
    assert SECRET in read(DOCTOR)


def test_an_item_as_of_a_moment_is_read_by_whom_it_named_then(api):
    code, moments = "walks", []
    for version, patient in enumerate(("ada", "bob", "ada")):
        CommandService("tenant1").publish_sync(
            "VISIT", code, name="x", attributes={"patient": patient}, version=version
        )
        moments.append(bootstrap.now())
        api.world.clock.advance(hours=1)

    def read(who, moment):
        service = HistoryService("tenant1", Client(user=who.user, groups=frozenset(who.groups)))
        try:
            return service.as_of("VISIT", code, moment).version
        except NotFoundError:
            return 0

    found = {who.user: [read(who, moment) for moment in moments] for who in (ADA, BOB, DOCTOR)}
    assert found == {"ada": [1, 0, 3], "bob": [0, 2, 0], "who": [1, 2, 3]}
    assert read(ADA, moments[0] - timedelta(days=1)) == 0


def test_without_a_user_nothing_is_ones_own():
    policy = own("patient")

    assert not policy.sees(Client(), {"patient": ""})
    assert not policy.sees(Client(is_machine=True), {"patient": ""})
    assert not policy.sees(Client(user="ada"), {})
    assert not policy.sees(Client(user="ada"), {"patient": "ada2"})
    assert policy.sees(None, {})
    assert str(policy | group("doctor")) == "whom patient names and members of the group doctor"
    assert (policy | MEMBERS).allows(Client())


@pytest.mark.parametrize(
    "declare",
    [
        lambda policy: task_handler("T", read=policy)(print),
        lambda policy: task_handler("T", publish=policy)(print),
        lambda policy: saga_type("s", publish=policy),
        lambda policy: import_strategy("t", publish=policy)(ImportStrategy),
        lambda policy: saga_type("s", read=policy),
        lambda policy: route("GET", "/x", allow=policy)(print),
        lambda policy: approval_types.approval_type("A", group="boss", read=policy)(print),
        lambda policy: read_model_type("v", by=("countries",), read=policy, counted="n"),
    ],
    ids=["task", "starts a task", "starts a saga", "table", "saga", "route", "approval", "counted"],
)
def test_own_is_refused_where_nothing_names_anybody(declare):
    with pytest.raises(ValueError, match=r"own\(\)|no owner$"):
        declare(own("patient"))


def test_a_field_that_the_model_does_not_have_names_nobody():
    @dataclass
    class Letter:
        """A letter."""

        reader: str

    with pytest.raises(ValueError, match="LETTER: own names patient, which the model"):
        command_type("LETTER", model=Letter, read=own("patient"))
