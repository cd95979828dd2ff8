"""The stack with PostgreSQL: orders are searched, and everything adds up after it was killed."""

import json
import os
import signal
import threading

import pytest
from tests.support.command_line import command_line
from tests.support.postgres import connected

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs_tools.client.api import connect
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.testing.quick_stack import quick_stack
from shop.orders_search import orders_search

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with quick_stack(state_dir=tmp_path_factory.mktemp("state"), postgres=True) as started:
        yield started


@pytest.fixture(scope="module")
def api(stack):
    return connect(stack.state.path, None, None)


def publish(api, code, name, customer="ada", total=5, version=0):
    body = {"type": "ORDER", "code": code, "name": name, "version": version}
    attributes = {"customer": customer, "total": total}
    sent = json.dumps({**body, "attributes": attributes})
    found = api.post("/commands?wait=10", sent)
    while found["outcome"] in ("OPEN", "WAITING"):  # on a busy machine
        found = api.get(f"/commands/ORDER/{code}/{version + 1}", wait=10)
    return found["outcome"]


def codes(api, **query):
    return [order["code"] for order in api.get("/orders/search", **query)["items"]]


@pytest.mark.real_time("a slow machine applies a version after it was asked for")
def test_orders_are_found_by_whatever_they_have(api):
    for code, name, customer, total in (
        ("s-1", "Red bicycle", "ada", 120.5),
        ("s-2", "Blue bicycle bell", "bob", 9.99),
        ("s-3", "Blue kettle", "ada", 45),
    ):
        assert publish(api, code, name, customer, total) == "APPLIED"

    assert codes(api, customer="ada") == ["s-1", "s-3"]
    assert codes(api, least=10, most=100) == ["s-3"]
    assert codes(api, words="blue bicycle") == ["s-2"]
    assert codes(api, words="blue OR red", after="s-1", limit=1) == ["s-2"]


def test_another_tenant_finds_nothing(stack):
    assert codes(connect(stack.state.path, None, "other"), customer="ada") == []


@pytest.mark.real_time("a slow machine applies a version after it was asked for")
def test_a_version_that_postgresql_refuses_fails_and_its_chain_goes_on(api):
    assert publish(api, "odd", "a\0b") == "FAILED"
    link = api.get("/commands/ORDER/odd/1")

    assert link["error"] == "SyncHandlerError"
    assert "a text has a NUL character, which PostgreSQL cannot hold" in link["cause"]
    assert publish(api, "odd", "mended", version=1) == "BLOCKED"
    api.post("/commands/ORDER/odd/1/skip", headers={"x-roles": "operator"})
    assert api.get("/commands/ORDER/odd/2", wait=10)["outcome"] == "APPLIED"
    assert codes(api, words="mended") == ["odd"]


def test_a_tenant_that_is_erased_has_no_rows_left(stack, api, monkeypatch, capsys):
    theirs = connect(stack.state.path, None, "gone")
    assert publish(theirs, "g-1", "Red bicycle") == "APPLIED"
    assert publish(api, "s-9", "Red bicycle", customer="eve") == "APPLIED"
    assert codes(theirs) == ["g-1"]
    run = command_line(monkeypatch, capsys, after=["--state", str(stack.state.path)])

    counted = json.loads(run("tenant", "erase", "gone").output)["found"]
    erased = json.loads(run("tenant", "erase", "gone", "--yes").output)["found"]

    assert counted["postgres public.orders_search"] == 1
    assert erased == counted
    assert codes(theirs) == []
    assert codes(api, customer="eve") == ["s-9"]


def test_the_command_line_shows_what_is_applied_and_applies_the_rest(stack, monkeypatch, capsys):
    run = command_line(monkeypatch, capsys, after=["--state", str(stack.state.path)])

    assert "0001_orders_search.sql  20" in run("sql", "status").output
    assert run("sql", "migrate") == (0, "everything is applied\n", "")


@pytest.mark.real_time("a slow machine applies a version after it was asked for")
@pytest.mark.parametrize("statement", ["DROP TABLE orders_search", "CREATE TABLE more (id int)"])
def test_a_handler_that_makes_or_drops_a_table_is_refused_and_migrations_run(
    stack, api, monkeypatch, capsys, statement
):
    def careless(_command):
        bootstrap.sql().run(statement)

    monkeypatch.setitem(handlers.registry.sync["ORDER"], "orders_search", careless)
    code = f"careless-{statement[:4].lower()}"
    assert publish(api, code, code) == "FAILED"
    cause = api.get(f"/commands/ORDER/{code}/1")["cause"]
    monkeypatch.undo()

    assert "orders_search: SqlRefusedError: 42501: " in cause
    assert "whoever is connected may not: handlers use rows, migrations make tables" in cause
    run = command_line(monkeypatch, capsys, after=["--state", str(stack.state.path)])
    assert run("sql", "migrate") == (0, "everything is applied\n", "")
    api.post(f"/commands/ORDER/{code}/1/retry", headers={"x-roles": "operator"})
    assert api.get(f"/commands/ORDER/{code}/1", wait=10)["outcome"] == "APPLIED"
    assert codes(api, words=code) == [code]


@pytest.mark.real_time("the machine's own pauses before it tries again")
def test_a_killed_server_holds_versions_up_and_loses_none(stack, api):
    for number in range(10):
        publish(api, f"k-{number}", "before")
    os.kill(stack.postgres.pid, signal.SIGKILL)
    for number in range(10):
        body = {"type": "ORDER", "code": f"k-{number}", "name": "after", "version": 1}
        api.post("/commands", json.dumps({**body, "attributes": {"customer": "ada", "total": 1}}))
    stack.postgres.restart()

    for number in range(10):
        path = f"/commands/ORDER/k-{number}/2"
        while (link := api.get(path, wait=10))["outcome"] in ("OPEN", "WAITING"):
            pass
        assert link["outcome"] == "APPLIED"
    assert codes(api, words="after") == [f"k-{number}" for number in range(10)]


class Orders(ImportStrategy):
    """Orders, each with its customer and total."""

    type = "ORDER"
    columns = tuple(Column(name, required=True) for name in ("code", "customer", "total"))

    def transform(self, cells):
        attributes = {"customer": cells["customer"], "total": int(cells["total"])}
        return Record(cells["code"], f"imported {cells['code']}", attributes)


@pytest.fixture
def _orders(monkeypatch):
    """A table of imports whose rows are orders."""
    for registry in ("_strategies", "_rules"):
        monkeypatch.setattr(strategies, registry, dict(getattr(strategies, registry)))
    strategies.import_strategy("orders", publish=MEMBERS, step_function=True)(Orders)


@pytest.fixture
def killed(stack, monkeypatch):
    """The server dies as the third batch of an import is about to be written; set then."""
    bulk = handlers.find_bulk("ORDER", "orders_search")
    batches, is_dead = iter(range(1_000)), threading.Event()

    def dying(commands):
        if next(batches) == 2:
            os.kill(stack.postgres.pid, signal.SIGKILL)
            is_dead.set()
        bulk(commands)

    monkeypatch.setitem(handlers.registry.bulk, orders_search, dying)
    return is_dead


@pytest.mark.usefixtures("_orders")
@pytest.mark.real_time("the machine's own pauses before it tries again")
@pytest.mark.proof
def test_a_server_killed_during_an_import_costs_no_row_and_none_twice(stack, api, killed, tmp_path):
    rows = 600
    lines = [f"i-{number},grace,{number}" for number in range(rows)]
    file = tmp_path / "orders.csv"
    file.write_text("\n".join(["code,customer,total", *lines]), encoding="utf-8")
    key = upload(api, file, "orders", lambda *_, **__: None)
    body = {"key": key, "tableName": "orders", "processingMode": "STEP_FUNCTION"}
    job = api.post("/imports", json.dumps(body))["id"]
    assert killed.wait(60)
    stack.postgres.restart()

    while (found := api.get(f"/imports/{job}"))["status"] not in ("COMPLETED", "FAILED"):
        threading.Event().wait(0.1)

    assert (found["status"], found["total"], found["failed"]) == ("COMPLETED", rows, 0)
    assert found["created"] + found["unchanged"] == rows
    kept = list(api.pages("/data", type="ORDER"))
    assert len([one for one in kept if one["code"].startswith("i-")]) == rows
    database = connected(stack.postgres.dsn)
    (sums,) = database.run(
        "SELECT count(*), sum(total)::int, max(version) FROM orders_search WHERE code LIKE 'i-%'"
    )
    database.close()
    assert sums == [rows, rows * (rows - 1) // 2, 1]
