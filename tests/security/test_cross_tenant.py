"""Every route with another tenant's id, code, key, cursor, link: refused or empty, none skipped."""

from typing import Any

import pytest
from tests.support.api import Answer, Api, Person, api_routes, form
from tests.support.orders import an_order

from sfn_cqrs import bootstrap
from sfn_cqrs.api.declared import own_routes
from sfn_cqrs.care.live import service as live
from sfn_cqrs.care.live.channels import ANY_TABLE, live_event, segment
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.process import Outcome, Process
from sfn_cqrs.machines.command.process import command_status as of_version
from sfn_cqrs_tools.testing.builders import a_process
from sfn_cqrs_tools.testing.fakes.stored import TABLES

SECRET = "TENANT2-SECRET"
THEIRS = Person("taro", ("operator",), "tenant2")
OURS = Person("hanako", ("operator",), "tenant1")
NARITA = f"NRT,{SECRET},JP,35.7,140.3,Asia/Tokyo"
BY_CUSTOMER = f"orders_by_customer/{SECRET}"
FILE = f"icao,name,country,lat,lon,tz\n{NARITA}\nBAD,{SECRET},JP,999,1,Asia/Tokyo\n"


class Foreign:
    """What tenant2 has: ids by the name that a route's path gives them, and cursors by list."""

    def __init__(self, api: Api) -> None:
        self.api = api
        for number in (1, 2):
            order = {"customer": SECRET, "total": number}
            body = {"type": "ORDER", "code": f"o-{number}", "name": SECRET, "attributes": order}
            self._made("/commands", {**body, "mode": "sync"}, key=f"their-key-{number}")
            self._made("/commands", {**body, "version": 1, "name": f"{SECRET} 2", "mode": "sync"})
            later = {**body, "version": 2, "at": "2099-01-01T00:00:00Z", "replace": f"p-{number}"}
            self._made("/commands", {**later, "code": "o-1"})
        twice = range(2)
        items = [{"order": SECRET, "to": "a@example.com"}]
        task = {"taskType": "ORDER_REMINDER", "input": items, "name": SECRET}
        self.tasks = [self._made("/tasks", task)["id"] for _ in twice]
        saga = {"saga": "order-saga", "input": an_order(order=SECRET), "name": SECRET}
        self.sagas = [self._made("/sagas", saga)["id"] for _ in twice]
        ask = {"type": "ORDER_RELEASE", "subject": "o-1", "note": SECRET}
        self.approvals = [self._made("/approvals", ask)["id"] for _ in twice]
        self.key = "uploads/tenant2/x/airports.csv"
        api.world.import_bucket.put(self.key, FILE.encode())
        start = {"key": self.key, "tableName": "airports", "processingMode": "DIRECT"}
        self.imports = [self._made("/imports", start)["id"] for _ in twice]
        zipped = {"key": self.key, "kind": "zip"}
        self.archives = [self._made("/imports", zipped)["id"] for _ in twice]
        key = ItemKey("tenant2", "ORDER", "o-9")
        api.world.seed(a_process(key, outcome=Outcome.FAILED, error=SECRET))
        self.repair = self._made("/repairs", {"kind": "command", "action": "retry"})["id"]
        ask = {"subject": SECRET, "reason": SECRET}
        self.erasure = self._made("/erasures", ask)["id"]
        self._made("/erasures", {**ask, "subject": "another"})
        self._made("/rebuilds/orders_by_customer", {})
        for change in ("resume", "pause"):
            self._made(f"/jobs/REPORT_STOCK/{change}", {})
        service = ApprovalService("tenant2")
        url = service.link(self.approvals[0], "jiro", {"operator"}, base_url="https://x.example")
        self.token = url.partition("?token=")[2]

    def cursor(self, path: str, query: dict[str, str] | None = None) -> str:
        """The cursor after the first of their items in a list."""
        answer = self.api.send(THEIRS, "GET", path, query={**(query or {}), "limit": "1"})
        cursor: str = answer.body["nextCursor"]
        return cursor

    def _made(self, path: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        answer = self.api.send(THEIRS, "POST", path, body, key=key)
        assert answer.status < 300, answer
        made: dict[str, Any] = answer.body
        return made

    @property
    def state(self) -> tuple[Any, ...]:
        """All that belongs to tenant2."""
        world = self.api.world
        return tuple(
            (table, item)
            for table in TABLES
            for item in world.dynamodb.items(table)
            if "tenant2" in item["pk"]["S"]
        )


@pytest.fixture
def api() -> Any:
    with Api() as api:
        yield api


@pytest.fixture
def theirs(api: Api) -> Foreign:
    return Foreign(api)


DIGEST = {"digest": "x"}
Ask = tuple[str, str, Any, dict[str, str] | None]


def asked(theirs: Foreign) -> dict[str, list[Ask]]:
    """What tenant1 sends to each route, by method and path as the template has them."""
    task, saga, approval = theirs.tasks[0], theirs.sagas[0], theirs.approvals[0]
    job, archive = theirs.imports[0], theirs.archives[0]
    order = {"customer": "mine"}
    whole = {"type": "ORDER", "code": "o-1", "name": "mine", "attributes": order}
    decide = {"token": theirs.token, "decision": "approve"}
    orders, reminders = {"type": "ORDER"}, {"taskType": "ORDER_REMINDER"}
    cursors = {
        "/data": theirs.cursor("/data", orders),
        "/tasks": theirs.cursor("/tasks", reminders),
        "/commands/ORDER/o-1": theirs.cursor("/commands/ORDER/o-1"),
        "/sagas": theirs.cursor("/sagas"),
        "/approvals": theirs.cursor("/approvals", {"status": "ALL"}),
        "/imports": theirs.cursor("/imports"),
        "/erasures": theirs.cursor("/erasures"),
        "/plans": theirs.cursor("/plans"),
        "/plans/ORDER/o-1": theirs.cursor("/plans/ORDER/o-1"),
        f"/read-models/{BY_CUSTOMER}": theirs.cursor(f"/read-models/{BY_CUSTOMER}"),
    }

    def listed(path: str, query: dict[str, str] | None = None) -> list[Ask]:
        given = query or {}
        after = {**given, "cursor": cursors[path]}
        return [("GET", path, None, given or None), ("GET", path, None, after)]

    return {
        "POST /commands": [
            ("POST", "/commands", {**whole, "version": 1}, None),
            ("POST", "/commands", {**whole, "partial": True, "name": None}, None),
            ("POST", "/commands", {**whole, "tenant": "tenant2"}, None),
        ],
        "POST /commands/batch": [
            ("POST", "/commands/batch", {"commands": [{**whole, "version": 1}]}, None),
        ],
        "POST /commands/together": [
            ("POST", "/commands/together", {"commands": [{**whole, "version": 1}]}, None),
        ],
        "DELETE /commands/{type}/{code}": [("DELETE", "/commands/ORDER/o-1", None, None)],
        "GET /commands/{type}/{code}": listed("/commands/ORDER/o-1"),
        "GET /commands/{type}/{code}/{version}": [("GET", "/commands/ORDER/o-1/1", None, None)],
        "POST /commands/{type}/{code}/{version}/retry": [
            ("POST", "/commands/ORDER/o-1/1/retry", None, None)
        ],
        "POST /commands/{type}/{code}/{version}/skip": [
            ("POST", "/commands/ORDER/o-1/1/skip", None, None)
        ],
        "GET /jobs": [("GET", "/jobs", None, None)],
        "GET /jobs/{job}": [("GET", "/jobs/REPORT_STOCK", None, None)],
        "POST /jobs/{job}/run": [("POST", "/jobs/REPORT_STOCK/run", {}, None)],
        "POST /jobs/{job}/pause": [("POST", "/jobs/REPORT_STOCK/pause", None, None)],
        "POST /jobs/{job}/resume": [("POST", "/jobs/REPORT_STOCK/resume", None, None)],
        "GET /plans": listed("/plans"),
        "GET /plans/{type}/{code}": listed("/plans/ORDER/o-1"),
        "GET /plans/{type}/{code}/{plan}": [("GET", "/plans/ORDER/o-1/p-1", None, None)],
        "DELETE /plans/{type}/{code}/{plan}": [("DELETE", "/plans/ORDER/o-1/p-1", None, None)],
        "POST /plans/{type}/{code}/{plan}/run": [("POST", "/plans/ORDER/o-1/p-1/run", None, None)],
        "GET /data": listed("/data", orders),
        "GET /data/{type}/{code}": [
            ("GET", "/data/ORDER/o-1", None, None),
            ("GET", "/data/ORDER/o-1", None, {"deleted": "true"}),
        ],
        "GET /data/{type}/{code}/history": [("GET", "/data/ORDER/o-1/history", None, None)],
        "GET /read-models/{name}/{partition}": listed(f"/read-models/{BY_CUSTOMER}"),
        "GET /read-models/{name}/{partition}/{sort}": [
            ("GET", f"/read-models/{BY_CUSTOMER}/o-1", None, None),
            ("GET", f"/read-models/orders_by_customer/tenant2%23{SECRET}/o-1", None, None),
        ],
        "POST /tasks": [("POST", "/tasks", {"taskType": task, "input": [1]}, None)],
        "GET /tasks": listed("/tasks", reminders),
        "GET /tasks/{id}": [("GET", f"/tasks/{task}", None, None)],
        "POST /tasks/{id}/cancel": [("POST", f"/tasks/{task}/cancel", None, None)],
        "POST /tasks/{id}/retry": [("POST", f"/tasks/{task}/retry", None, None)],
        "POST /sagas": [("POST", "/sagas", {"saga": saga, "input": {}}, None)],
        "GET /sagas": listed("/sagas"),
        "GET /sagas/{id}": [("GET", f"/sagas/{saga}", None, None)],
        "POST /sagas/{id}/retry": [("POST", f"/sagas/{saga}/retry", None, None)],
        "POST /repairs": [
            ("POST", "/repairs", {"kind": "command", "action": "retry"}, None),
            ("POST", "/repairs", {"kind": "saga", "action": "retry"}, None),
        ],
        "GET /failures": [
            ("GET", "/failures", None, None),
            ("GET", "/failures", None, {"kind": "saga"}),
        ],
        "GET /repairs": [("GET", "/repairs", None, None)],
        "GET /repairs/{id}": [("GET", f"/repairs/{theirs.repair}", None, None)],
        "POST /repairs/{id}/start": [("POST", f"/repairs/{theirs.repair}/start", None, None)],
        "GET /usage": [("GET", "/usage", None, None)],
        "GET /erasures": listed("/erasures"),
        "GET /erasures/{id}": [("GET", f"/erasures/{theirs.erasure}", None, None)],
        "POST /erasures/{id}/confirm": [
            ("POST", f"/erasures/{theirs.erasure}/confirm", None, None)
        ],
        "POST /erasures": [("POST", "/erasures", {"subject": "", "reason": "why"}, None)],
        "GET /rebuilds": [("GET", "/rebuilds", None, None)],
        "GET /rebuilds/{name}": [("GET", f"/rebuilds/{BY_CUSTOMER}", None, None)],
        "GET /rebuilds/{name}/problems": [
            ("GET", "/rebuilds/orders_by_customer/problems", None, None)
        ],
        **{
            f"POST /rebuilds/{{name}}/{step}": [
                ("POST", f"/rebuilds/orders_by_customer/{step}", body, None)
            ]
            for step in ("resume", "cancel", "compare", "rollback", "drop", "switch")
            for body in [{} if step == "switch" else None]
        },
        "POST /rebuilds/{name}": [("POST", f"/rebuilds/{BY_CUSTOMER}", {}, None)],
        "POST /approvals": [
            ("POST", "/approvals", {"type": "ORDER_RELEASE", "subject": "o-1"}, None)
        ],
        "GET /approvals": [
            ("GET", "/approvals", None, None),
            *listed("/approvals", {"status": "ALL"}),
        ],
        "GET /approvals/{id}": [("GET", f"/approvals/{approval}", None, None)],
        "POST /approvals/{id}/approve": [("POST", f"/approvals/{approval}/approve", DIGEST, None)],
        "POST /approvals/{id}/reject": [("POST", f"/approvals/{approval}/reject", {}, None)],
        "POST /approvals/{id}/retry": [("POST", f"/approvals/{approval}/retry", None, None)],
        "GET /approvals/{id}/decide": [
            ("GET", f"/approvals/{theirs.approvals[1]}/decide", None, {"token": theirs.token})
        ],
        "POST /approvals/{id}/decide": [
            ("POST", f"/approvals/{theirs.approvals[1]}/decide", form(**decide), None)
        ],
        "POST /imports/uploads": [
            ("POST", "/imports/uploads", {"name": "../../tenant2/x/airports.csv"}, None)
        ],
        "POST /imports": [
            ("POST", "/imports", {"key": theirs.key, "tableName": "airports"}, None),
            ("POST", "/imports", {"key": theirs.key, "kind": "zip"}, None),
        ],
        "POST /imports/rows": [
            ("POST", "/imports/rows", {"tableName": job, "cells": {"icao": "NRT"}}, None)
        ],
        "GET /imports": [*listed("/imports"), ("GET", "/imports", None, {"kind": "zip"})],
        "GET /imports/{id}": [
            ("GET", f"/imports/{job}", None, None),
            ("GET", f"/imports/{archive}", None, None),
        ],
        "GET /imports/{id}/errors.csv": [("GET", f"/imports/{job}/errors.csv", None, None)],
        "POST /imports/{id}/cancel": [
            ("POST", f"/imports/{job}/cancel", None, None),
            ("POST", f"/imports/{archive}/cancel", None, None),
        ],
        "GET /imports/{id}/preview": [("GET", f"/imports/{job}/preview", None, None)],
        "POST /imports/{id}/undo": [("POST", f"/imports/{job}/undo", None, None)],
        "POST /imports/{id}/retry": [
            ("POST", f"/imports/{job}/retry", None, None),
            ("POST", f"/imports/{archive}/retry", None, None),
        ],
    }


NOTHING_OF_ANYBODYS = {
    "POST /webhooks/{proxy+}",  # the user's code says whose it is
    "GET /openapi.json",
    "GET /docs",
    "GET /read-models",
    "GET /types",
    "GET /types/{type}",
}


def is_harmless(method: str, path: str, answer: Answer) -> bool:
    """Refused, or a list of nothing; or a form for a place of our own, or a plan for nothing."""
    if path == "/commands/batch":
        return all(400 <= one["status"] < 500 for one in answer.body["results"])
    if (method, path) == ("POST", "/repairs"):
        return bool(answer.body["total"] == 0 and answer.body["isComplete"])
    if (method, path) == ("GET", "/repairs"):  # the two that we have just made
        return [one["total"] for one in answer.body["items"]] == [0, 0]
    if path == "/rebuilds":  # those of our own, though theirs has begun
        return {one["stage"] for one in answer.body["items"]} == {"SERVING"}
    if path == "/usage":
        return bool(answer.body == {"stored": [], "days": []})
    if path.startswith("/jobs") and answer.status == 200:  # theirs is paused
        found = answer.body.get("items") or [answer.body]
        return {one["status"] for one in found} <= {"NEW", "RUNNING"}
    if path == "/imports/uploads":
        return str(answer.body["key"]).startswith("uploads/tenant1/")
    is_list = method == "GET" and answer.status == 200 and answer.body.get("items") == []
    return is_list or 400 <= answer.status < 500


def test_no_route_answers_for_another_tenant(api: Api, theirs: Foreign) -> None:
    before = theirs.state

    for route, requests in asked(theirs).items():
        for method, path, body, query in requests:
            answer = api.send(OURS, method, path, body, query=query, key="their-key-1")

            assert SECRET not in answer.text, (route, answer)
            assert is_harmless(method, path, answer), (route, path, answer)
    assert theirs.state == before


def test_every_route_is_among_them(theirs: Foreign) -> None:
    declared = {(one.method, one.path) for one in api_routes() if one.path != "$default"}
    routes = {f"{method} {path}" for method, path in declared if method != "OPTIONS"}

    assert routes == set(asked(theirs)) | NOTHING_OF_ANYBODYS


class Asked:
    """PostgreSQL's place: what it is asked, and nothing in it."""

    def __init__(self) -> None:
        self.parameters: list[dict[str, Any]] = []

    def rows(self, _query: str, **parameters: Any) -> list[dict[str, Any]]:
        self.parameters.append(parameters)
        return []


OWN = {
    "GET /orders/search": [{}, {"customer": SECRET}, {"after": "tenant2"}, {"tenant": "tenant2"}],
}


def test_the_routes_of_the_example_ask_for_the_tenant_of_the_token(api: Api) -> None:
    sql = Asked()
    handlers.load()

    with bootstrap.override(sql=sql):
        for route, queries in OWN.items():
            method, _, path = route.partition(" ")
            for query in queries:
                answer = api.send(OURS, method, path, query=query)
                assert is_harmless(method, path, answer), (route, query, answer)
            unknown = api.send(OURS, method, path, query={"tenant": "tenant2"})
            assert (unknown.status, unknown.body["field"]) == (400, "tenant")

    assert {asked["tenant"] for asked in sql.parameters} == {"tenant1"}
    assert {f"{one.method} {one.path}" for one in own_routes()} == set(OWN)


def channels(theirs: Foreign) -> dict[str, tuple[str, str]]:
    """The type and id of something of tenant2's, by the kind of channel that tells of it."""
    return {
        "command": ("ORDER", "o-1"),
        "task": ("ORDER_REMINDER", theirs.tasks[0]),
        "import": ("airports", theirs.imports[0]),
        "archive": (ANY_TABLE, theirs.archives[0]),
        "approval": ("ORDER_RELEASE", theirs.approvals[0]),
        "saga": ("order-saga", theirs.sagas[0]),
    }


def test_no_channel_of_live_updates_is_heard_by_another_tenant(api: Api, theirs: Foreign) -> None:
    assert set(channels(theirs)) == set(live._KINDS)
    assert api.hear(THEIRS, f"/live/tenant2/command/{segment(SECRET)}/o-1")[:9] == "not_found"
    for kind, (type_, id_) in channels(theirs).items():
        for one in (id_, "*", "nosuch"):
            path = f"/live/tenant2/{kind}/{segment(type_)}/{one}"
            assert api.hear(THEIRS, path) == "", path
            assert api.hear(OURS, path).startswith("forbidden: "), path


@pytest.mark.parametrize(
    "path",
    [
        "/live/*",
        "/live/tenant1/*",
        "/live/tenant1/command/*",
        "/live/tenant1/*/ORDER/*",
        "/live/*/command/ORDER/*",
        "/live/tenant/command/ORDER/*",
        "/live/tenant1x/command/ORDER/*",
        "/live/TENANT1/command/ORDER/*",
        "/live//command/ORDER/*",
        "/live/tenant1/../tenant2/ORDER/o-1",
        "/live/tenant1/command/ORDER/o-1/x",
        "/other/tenant1/command/ORDER/*",
        "live/tenant1/command/ORDER/*",
        "",
    ],
)
def test_no_channel_is_wider_than_a_type_of_the_tenants(api: Api, path: str) -> None:
    assert api.hear(OURS, "/live/tenant1/command/ORDER/*") == ""
    assert api.hear(OURS, path).partition(":")[0] in ("forbidden", "invalid_input")


@pytest.mark.parametrize("tenant", ["tenant1", "tenant2", "ten.ant", "h--x", "x" * 64, "tenant1-"])
def test_what_a_tenants_things_tell_is_told_in_its_own_channels_alone(tenant: str) -> None:
    key = ItemKey(tenant, "ORDER", "o-1")
    notice = of_version(Process(key=key, version=1, outcome=Outcome.APPLIED), "commands")

    channel = live_event(notice).channel

    others = {segment(other) for other in ("tenant1", "tenant2", "ten-ant") if other != tenant}
    assert channel.split("/")[2] == segment(tenant)
    assert channel.split("/")[2] not in others


@pytest.mark.usefixtures("theirs")
def test_another_tenants_idempotency_key_is_another_request(api: Api) -> None:
    order = {"customer": "mine", "total": 1}
    body = {"type": "ORDER", "code": "o-1", "name": "mine", "attributes": order, "mode": "sync"}

    answer = api.send(OURS, "POST", "/commands", body, key="their-key-1")

    assert (answer.status, answer.body["version"]) == (200, 1)
    assert api.send(OURS, "GET", "/data/ORDER/o-1").body["name"] == "mine"
    assert api.send(THEIRS, "GET", "/data/ORDER/o-1").body["name"] == f"{SECRET} 2"


def test_a_link_decides_in_its_own_tenant_and_for_its_own_approval(
    api: Api, theirs: Foreign
) -> None:
    first, second = theirs.approvals
    body = form(token=theirs.token, decision="approve")

    elsewhere = api.send(OURS, "POST", f"/approvals/{second}/decide", body)
    there = api.send(OURS, "POST", f"/approvals/{first}/decide", body)

    assert (elsewhere.status, there.status) == (403, 200)
    assert ApprovalService("tenant2").get(second).votes == ()
    assert [vote.by for vote in ApprovalService("tenant2").get(first).votes] == ["jiro"]


def test_the_matrix_would_notice(api: Api, theirs: Foreign) -> None:
    """The same requests of tenant2 itself are answered, and change what it has."""
    before, answered = theirs.state, 0
    for requests in asked(theirs).values():
        for method, path, body, query in requests:
            answer = api.send(THEIRS, method, path, body, query=query)
            answered += answer.status < 300 and SECRET in answer.text

    assert answered > 10
    assert theirs.state != before
