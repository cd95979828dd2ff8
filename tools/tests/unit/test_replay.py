"""Stored versions through other handlers; the stack is only read."""

import itertools
import os
import socket
import subprocess

import boto3
import pytest

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError, UnknownTypeError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.task.service import TaskService
from sfn_cqrs_tools.cli.what_if import _alike
from sfn_cqrs_tools.replay.copies import READS, NotCoveredError, ReadOnly
from sfn_cqrs_tools.replay.process import _last_line
from sfn_cqrs_tools.replay.replaying import VARIABLES, Replay, Wanted
from sfn_cqrs_tools.testing.builders import a_process

WRITES = ("put_item", "update_item", "delete_item", "transact_write_items", "batch_write_item")


class OnlyRead:
    """The stack's tables; whoever writes to them fails the test."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        assert name in READS, f"{name} on the stack"
        return getattr(self._client, name)


@pytest.fixture(autouse=True)
def _stack(monkeypatch, world):
    for table, variable in VARIABLES.items():
        monkeypatch.setenv(variable, table)
    monkeypatch.setenv("ATTRIBUTES_BUCKET", "attributes")
    monkeypatch.setenv("GENERATIONS_KNOWN_SECONDS", "30")
    monkeypatch.setenv("TENANT_WRITE_RATE", "1000")
    monkeypatch.setenv("TENANT_WRITE_BURST", "1000")
    monkeypatch.setenv("EVENTS_TOPIC_ARN", "arn:aws:sns:us-east-1:000000000000:events")
    assert world


@pytest.fixture
def replay(world):
    """Return what replays, and holds the stack to what it was before."""

    def run(**wanted):
        before = {name: world.dynamodb.items(name) for name in VARIABLES}
        report = Replay(OnlyRead(world.dynamodb), world.objects, Wanted(**wanted)).run()
        assert {name: world.dynamodb.items(name) for name in VARIABLES} == before
        return report

    return run


@pytest.fixture
def changed(monkeypatch):
    """Return what puts a function in the place of a handler."""

    def change(type_, name, handler):
        handlers.load()
        found = {**handlers.registry.sync[type_], name: handler}
        monkeypatch.setitem(handlers.registry.sync, type_, found)

    return change


def order(code, *totals, customer="ada", tenant="tenant1"):
    for version, total in enumerate(totals):
        CommandService(tenant).publish_sync(
            "ORDER",
            code,
            name=f"order {code}",
            attributes={"customer": customer, "total": total},
            version=version,
        )


def airport(code, country="JP"):
    CommandService("tenant1").publish_sync(
        "AIRPORT", code, name=code, attributes={"country": country}, version=-1
    )


def put(command, partition="ada", **more):
    row = {"name": command.name, "total": command.attributes["total"], "version": command.version}
    bootstrap.read_model("orders_by_customer").move(
        command.key.tenant,
        command.key.code,
        {**row, "region": "america", **more},
        (partition, command.key.code),
    )


def test_handlers_that_have_not_changed_change_nothing(replay):
    order("o-1", 1, 2, 3)
    airport("RJAA")

    report = replay()

    assert (report.items, report.versions, report.is_complete) == (2, 4, True)
    assert (report.rows, report.errors, report.asked) == ([], [], {})
    assert report.counts["orders_by_customer"]["rows"] == 1
    assert report.counts["airports_by_country"]["notCompared"] == 0


def test_rows_that_change_are_shown_with_their_cells_before_and_after(replay, changed):
    order("o-1", 5, 7)

    def doubled(command):
        put(command, total=command.attributes["total"] * 2, currency="EUR")

    changed("ORDER", "orders_by_customer", doubled)
    report = replay(types=("ORDER",))

    (row,) = report.rows
    assert (row.model, row.partition, row.sort) == ("orders_by_customer", "ada", "o-1")
    assert (row.what, row.item) == ("changes", "ORDER/o-1")
    assert row.cells == {"currency": [None, "EUR"], "total": [7, 14]}
    assert replay(ignore=("total", "currency")).rows == []


def test_rows_appear_where_a_handler_puts_them_and_disappear_where_it_does_not(replay, changed):
    order("o-1", 5)
    order("o-2", 5)

    def moved(command):
        put(command, "bob" if command.key.code == "o-1" else "ada")

    changed("ORDER", "orders_by_customer", moved)
    report = replay(handler="orders_by_customer")

    found = {(row.partition, row.sort): row.what for row in report.rows}
    assert found == {("bob", "o-1"): "appears", ("ada", "o-1"): "disappears"}
    assert report.counts["orders_by_customer"] == {
        "rows": 3,
        "changes": 0,
        "appears": 1,
        "disappears": 1,
        "notCompared": 0,
    }


def test_a_part_of_the_items_says_nothing_of_rows_that_it_does_not_write(replay):
    for code in ("RJAA", "RJTT", "RJBB"):
        airport(code)

    for wanted in ({"limit": 2}, {"segments": 2}, {"types": ("AIRPORT",), "item": "RJAA"}):
        report = replay(tenant="tenant1", **wanted)

        assert report.rows == [], wanted
        assert not report.is_complete
        counts = report.counts["airports_by_country"]
        assert counts["notCompared"] > 0 or report.items == 0
        assert counts["disappears"] == 0


def test_a_count_of_several_items_is_compared_where_all_are_replayed(replay, world):
    for code in ("RJAA", "RJTT"):
        airport(code)
    view = world.read_model("airports_by_country")
    (row,) = [each for each in view.rows("tenant1", "countries") if each["airports"]][:1]
    view.write_all([view.add("tenant1", "countries", row["sort"], "airports", 3)])

    report = replay(types=("AIRPORT",))

    (found,) = report.rows
    assert found.cells == {"airports": [row["airports"] + 3, row["airports"]]}


def test_since_a_moment_only_items_that_were_changed_are_replayed(replay, world):
    order("o-1", 1, 2)
    world.clock.advance(hours=1)
    order("o-2", 1, 2)
    since = bootstrap.now().isoformat()[:19]

    report = replay(since=since)

    assert (report.items, report.versions) == (1, 2)


def test_a_handler_that_fails_is_counted_by_kind_of_error(replay, changed):
    order("o-1", 1, 2)
    order("o-2", 1)

    def broken(command):
        raise ValueError(f"no total for ada@example.com in {command.key.code}")

    changed("ORDER", "orders_by_customer", broken)
    report = replay()

    (failure,) = report.errors
    assert (failure.handler, failure.kind, failure.count) == ("orders_by_customer", "ValueError", 2)
    assert failure.message.startswith("no total for [e-mail] in o-")
    assert report.rows == []
    assert report.differs


def test_what_a_handler_asks_for_beside_its_rows_is_listed_and_happens_in_memory(replay, changed):
    order("o-1", 1)

    def asks(command):
        put(command)
        CommandService(command.key.tenant).publish(
            "STOCK", "BOOK", name="b", attributes={"available": 1}
        )
        TaskService(command.key.tenant).create(
            "ORDER_REMINDER", [{"order": "o-1", "to": "ada@example.com"}]
        )

    changed("ORDER", "orders_by_customer", asks)
    report = replay()

    assert report.asked == {"publish STOCK": 1, "task ORDER_REMINDER": 1}
    assert (report.rows, report.errors) == ([], [])


def test_a_handler_sees_the_stack_as_it_is_and_its_own_changes(replay, changed):
    order("o-1", 5)
    order("o-2", 6)
    seen = []

    def reads(command):
        seen.append(bootstrap.data().find(ItemKey("tenant1", "ORDER", "o-2")).attributes["total"])
        key = ItemKey("tenant1", "STOCK", "BOOK")
        CommandService("tenant1").publish(
            "STOCK", "BOOK", name="b", attributes={"available": 1}, version=0
        )
        seen.append(bootstrap.commands().latest(key).version)
        put(command)

    changed("ORDER", "orders_by_customer", reads)
    replay(types=("ORDER",), item="o-1", tenant="tenant1")

    assert seen == [6, 1]


def test_versions_that_come_twice_and_late_change_nothing(replay):
    order("o-1", 1, 2, 3)
    airport("RJAA")
    airport("RJTT")

    report = replay(twice=True)

    assert (report.items, report.versions, report.rows, report.errors) == (3, 5, [], [])


def test_a_row_that_counts_each_run_is_named_with_the_version_that_came_again(replay, changed):
    order("o-1", 1)

    def counts(command):
        view = bootstrap.read_model("orders_by_customer")
        view.write_all([view.add(command.key.tenant, "ada", "all", "orders", 1)])

    changed("ORDER", "orders_by_customer", counts)
    report = replay(types=("ORDER",), twice=True)

    (found,) = report.rows
    assert (found.model, found.partition, found.sort) == ("orders_by_customer", "ada", "all")
    assert (found.what, found.item, found.cells) == ("repeated", "ORDER/o-1@1", {"orders": [1, 2]})
    assert report.differs


def test_a_row_that_a_late_version_overwrites_is_named(replay, changed):
    order("o-1", 1, 2)
    number = itertools.count(1)

    def forgets_the_version(command):
        put(command, version=next(number))

    changed("ORDER", "orders_by_customer", forgets_the_version)
    report = replay(types=("ORDER",), twice=True, ignore=("version",))

    assert [(one.item, one.cells) for one in report.rows] == [("ORDER/o-1@1", {"total": [2, 1]})]


def test_a_process_says_how_far_it_is_between_its_other_lines():
    told = []

    last = _last_line(["warning: x\n", "\x1edone 10\n", "\n", "\x1edone 20\n"], told.append)

    assert (told, last) == ([10, 20], "warning: x")


def test_rows_that_differ_alike_are_shown_as_one():
    def row(sort, after, what="changes"):
        cells = {"sum": [1, after]} if what == "changes" else {}
        return {"what": what, "model": "m", "sort": sort, "cells": cells}

    rows = [row("a", 2), row("b", 2), row("c", 3), row("d", 2), row("e", 0, "appears")]

    found = [[one["sort"] for one in alike] for alike in _alike([*rows, row("f", 0, "appears")])]

    assert found == [["a", "b", "d"], ["c"], ["e"], ["f"]]


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda: socket.create_connection(("127.0.0.1", 9)), "it calls another host or program"),
        (lambda: subprocess.run(["true"], check=True), "it calls another host or program"),
        (lambda: os.posix_spawn("/bin/true", ["true"], {}), "it calls another host or program"),
        (lambda: os.fork() or os._exit(0), "it calls another host or program"),
        (
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg(
                [b"x"], [], 0, ("127.0.0.1", 9)
            ),
            "it calls another host or program",
        ),
        (lambda: bootstrap.events().publish([{"action": "x", "tenantCode": "t"}]), "it uses sns"),
        (lambda: bootstrap.sql().rows("SELECT 1"), "it uses PostgreSQL"),
        (
            lambda: bootstrap.attributes().store("tenant1", "x", {}, folder="a"),
            "it calls put_object",
        ),
    ],
    ids=["socket", "program", "spawn", "fork", "datagram", "topic", "sql", "object"],
)
def test_what_leaves_the_process_is_refused_and_said(replay, changed, act, reason):
    order("o-1", 5)

    def handler(command):
        put(command, total=0)
        try:
            act()
        except OSError:
            put(command, total=1)

    changed("ORDER", "orders_by_customer", handler)
    report = replay()

    assert (report.rows, report.errors) == ([], [])
    assert report.not_covered == {"orders_by_customer": reason}
    assert report.counts["orders_by_customer"]["notCompared"] == 1


def test_an_item_that_moves_on_meanwhile_is_not_compared(replay, world, changed, monkeypatch):
    order("o-1", 5)
    changed("ORDER", "orders_by_customer", lambda command: put(command, total=0))
    moved = {"customer": "ada", "total": 9}

    def publish(_seconds):
        with bootstrap.override(**world.parts()):
            CommandService("tenant1").publish_sync(
                "ORDER", "o-1", name="x", attributes=moved, version=1
            )

    assert len(replay().rows) == 1
    monkeypatch.setattr("time.sleep", publish)
    report = Replay(OnlyRead(world.dynamodb), world.objects, Wanted()).run()

    assert report.rows == []
    assert report.counts["orders_by_customer"]["notCompared"] == 1


def test_counts_are_not_compared_while_items_come(world, monkeypatch):
    airport("RJAA")

    def publish(_seconds):
        with bootstrap.override(**world.parts()):
            airport("RJBB")

    view = world.read_model("airports_by_country")
    (row,) = view.rows("tenant1", "countries")
    view.write_all([view.add("tenant1", "countries", row["sort"], "airports", 3)])
    monkeypatch.setattr("time.sleep", publish)
    report = Replay(OnlyRead(world.dynamodb), world.objects, Wanted()).run()

    assert report.rows == []


def test_an_audit_leaves_out_what_is_not_applied(replay, world, changed):
    order("o-1", 5)
    changed("ORDER", "orders_by_customer", lambda command: put(command, total=0))
    key = ItemKey("tenant1", "ORDER", "o-1")
    world.seed(a_process(key, 1, outcome=Outcome.FAILED))

    assert replay(is_audit=True).rows == []
    assert len(replay().rows) == 1


def test_a_row_that_is_ahead_of_its_item_is_not_compared(replay, world, changed):
    """Handlers of a version run beside one another, and the data row is one of them."""
    order("o-1", 5)
    changed("ORDER", "orders_by_customer", lambda command: put(command, total=0))
    world.seed(a_process(ItemKey("tenant1", "ORDER", "o-1"), 2, outcome=Outcome.FAILED))

    for is_audit in (True, False):
        assert replay(is_audit=is_audit).rows == []


def test_a_lost_object_is_an_error_of_its_item(replay, world):
    CommandService("tenant1").publish_sync(
        "ORDER", "o-1", name="x", attributes={"customer": "ada", "note": "x" * 5000}, version=0
    )
    world.objects.bodies.clear()

    assert [each.kind for each in replay().errors] == ["attributes are missing"]


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"types": ("NONE",)}, UnknownTypeError),
        ({"handler": "none"}, InvalidInputError),
        ({"item": "o-1"}, InvalidInputError),
        ({"types": ("ORDER",), "tenant": "tenant1", "item": "o-9"}, NotFoundError),
    ],
)
def test_what_does_not_exist_is_refused(replay, wanted, error):
    with pytest.raises(error):
        replay(**wanted)


@pytest.mark.parametrize("name", WRITES)
def test_the_client_of_a_replay_does_not_write(name):
    client = ReadOnly(boto3.client("dynamodb", region_name="us-east-1"))

    with pytest.raises(NotCoveredError, match=name):
        getattr(client, name)(TableName="x")
