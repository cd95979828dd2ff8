"""The recipes of docs/postgresql.md for rows that move or go, as the page has them."""

from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from types import SimpleNamespace

import pytest
from tests.support.code_blocks import RECIPES, blocks
from tests.support.typed import forgetting

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import SqlRefusedError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.handlers import command_type, sync_handler
from sfn_cqrs.machines.command.read_models import sql_read_model
from sfn_cqrs_tools.testing.builders import a_command

ROLE = "CREATE ROLE"
"""It begins the page's other statements, which test_sql_role.py runs."""
SHOWN = [block for block in blocks() if block.page == RECIPES]
TABLES = [block.text for block in SHOWN if block.language == "sql" and ROLE not in block.text]
FIRST = {"doctor": "kuro", "starts_at": "2026-11-29T09:00:00Z"}
MOVED = {"doctor": "ito", "starts_at": "2026-11-29T10:00:00Z"}


@dataclass(frozen=True)
class Appointment:
    """At whom, and when."""

    doctor: str
    starts_at: datetime


@dataclass(frozen=True)
class Booking:
    """Who comes."""

    guests: list[str]


@pytest.fixture
def handlers(adapters, request, monkeypatch):
    """The handlers of the page, over its tables."""
    sql = adapters[request.param]
    for table in ("slots", "guests", "bookings"):
        sql.run(f"DROP TABLE IF EXISTS {table}")
    for statement in "".join(TABLES).split(";")[:-1]:
        sql.run(statement)
    monkeypatch.setenv("APP_PACKAGE", "starter")
    monkeypatch.setattr(bootstrap, "generation", lambda _view, _tenant: 1)
    names = (sync_handler, sql_read_model, Command, Appointment, Booking)
    doors = {name: getattr(bootstrap, name) for name in ("generation", "has_sql", "sql")}
    given = {**doors, **{each.__name__: each for each in names}}
    with forgetting(), bootstrap.override(sql=sql):
        command_type("APPOINTMENT", model=Appointment)
        command_type("BOOKING", model=Booking)
        for name in ("slots", "bookings"):
            (code,) = [one.text for one in SHOWN if f"def {name}(" in one.text]
            exec(code, given)
        yield SimpleNamespace(sql=sql, slots=given["slots"], bookings=given["bookings"])


EACH = pytest.mark.parametrize("handlers", ["driver", "data api"], indirect=True)
ONE = pytest.mark.parametrize("handlers", ["driver"], indirect=True)
"""The statements are the same; whether both ways send them alike is asked elsewhere."""


def version_of(type_, number, attributes, code="a-1"):
    key = ItemKey("tenant1", type_, code)
    return a_command(key, number, attributes=attributes, is_deleted=attributes is None)


def slots(handlers):
    query = "SELECT doctor, starts_at, version FROM slots WHERE doctor IS NOT NULL"
    return [(row["doctor"], row["version"]) for row in handlers.sql.rows(query)]


def guests(handlers):
    query = "SELECT code, guest FROM guests ORDER BY guest"
    return [row["guest"] for row in handlers.sql.rows(query)]


@ONE
def test_in_whatever_order_versions_come_the_row_is_where_the_last_one_puts_it(handlers):
    versions = {1: FIRST, 2: MOVED, 3: None}

    for place, order in enumerate(permutations(versions)):
        for number in (*order, *order):
            attributes = versions[number]
            handlers.slots(version_of("APPOINTMENT", number, attributes, code=f"b-{place}"))
        assert slots(handlers) == []
    handlers.slots(version_of("APPOINTMENT", 3, None))

    handlers.slots(version_of("APPOINTMENT", 4, MOVED))
    handlers.slots(version_of("APPOINTMENT", 2, FIRST))
    assert slots(handlers) == [("ito", 4)]


@EACH
def test_a_place_that_another_item_has_is_refused(handlers):
    handlers.slots(version_of("APPOINTMENT", 1, FIRST))

    with pytest.raises(SqlRefusedError, match="23505"):
        handlers.slots(version_of("APPOINTMENT", 1, FIRST, code="a-2"))

    handlers.slots(version_of("APPOINTMENT", 2, None))
    handlers.slots(version_of("APPOINTMENT", 1, FIRST, code="a-2"))
    assert slots(handlers) == [("kuro", 1)]


@ONE
def test_in_whatever_order_versions_come_an_items_rows_are_those_of_the_last(handlers):
    versions = {1: {"guests": ["ada", "bob"]}, 2: {"guests": ["bob", "cyd"]}, 3: None}

    for place, order in enumerate(permutations(versions)):
        for number in (*order, *order):
            attributes = versions[number]
            handlers.bookings(version_of("BOOKING", number, attributes, code=f"b-{place}"))
        assert guests(handlers) == []

    handlers.bookings(version_of("BOOKING", 4, versions[2]))
    handlers.bookings(version_of("BOOKING", 1, versions[1]))
    assert guests(handlers) == ["bob", "cyd"]


@EACH
def test_a_handler_that_is_killed_between_two_statements_leaves_nothing(handlers):
    handlers.bookings(version_of("BOOKING", 1, {"guests": ["ada"]}))

    with pytest.raises(SqlRefusedError, match="23505"):
        handlers.bookings(version_of("BOOKING", 2, {"guests": ["cyd", "cyd"]}))

    assert guests(handlers) == ["ada"]
    handlers.bookings(version_of("BOOKING", 2, {"guests": ["cyd"]}))
    assert guests(handlers) == ["cyd"]


@ONE
def test_a_generation_that_is_dropped_takes_all_its_rows_along(handlers):
    handlers.bookings(version_of("BOOKING", 1, {"guests": ["ada"]}))

    handlers.sql.run("DELETE FROM bookings WHERE generation = 1")

    assert guests(handlers) == []
