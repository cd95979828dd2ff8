"""Read models, looked at from the command line."""

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import pytest
from tests.support.postgres import connected

from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.kernel.read_models import row_models
from sfn_cqrs.machines.command import read_models
from sfn_cqrs.machines.command.read_models import read_model_type
from sfn_cqrs_tools.testing.quick_stack import quick_stack

pytestmark = pytest.mark.stack

ORDER = '{"customer": "ada/7", "total": 5}'


@contextmanager
def connecting(dsn):
    """Return what runs a query."""
    with closing(connected(dsn)) as connection:
        yield connection.run


@pytest.fixture
def _order(typed):
    typed("publish", "ORDER", "o/1", "--name", "x", "--attributes", ORDER, "--sync")


def test_those_that_may_be_read_are_listed_with_what_names_their_rows(typed):
    lines = typed("read-model", "list").output.splitlines()

    assert [line.split() for line in lines] == [
        ["name", "by", "place", "stage", "generation"],
        ["airports_by_country", "countries", "dynamodb", "SERVING", "1"],
        ["airports_by_icao", "airports", "dynamodb", "SERVING", "1"],
        ["orders_by_customer", "customer", "dynamodb", "SERVING", "1"],
        ["orders_search", "postgres", "SERVING", "1"],
    ]
    assert len(typed("read-model", "list", "--json").json) == 4


@pytest.mark.usefixtures("_order")
def test_rows_are_shown_whatever_their_keys_are(typed):
    shown = typed("read-model", "show", "orders_by_customer", "ada/7")
    row = {"name": "x", "region": "america", "total": 5, "version": 1}

    assert shown.output.splitlines()[1].startswith('o/1   {"')
    assert typed("read-model", "show", "orders_by_customer", "ada/7", "--json").json == [
        {"sort": "o/1", "row": row}
    ]
    assert typed("read-model", "show", "orders_by_customer", "ada/7", "o/1").json == row


@dataclass(frozen=True)
class Shelf:
    """A row."""

    lamp: str
    watts: int


@pytest.mark.usefixtures("stack")
def test_rows_with_a_class_have_its_fields_as_columns(typed):
    with patch.dict(read_models._types), patch.dict(row_models._models):
        shelves = read_model_type("shelves", by="room", read=MEMBERS, row=Shelf)
        shelves.put_if_newer("tenant1", "hall", "a", Shelf("Arc", 40), 1)

        shown = typed("read-model", "show", "shelves", "hall")

    assert [line.split() for line in shown.output.splitlines()] == [
        ["sort", "lamp", "watts", "version"],
        ["a", "Arc", "40", "1"],
    ]


def test_a_read_model_with_one_partition_needs_no_key(typed):
    assert typed("read-model", "show", "airports_by_country", "--json").json == []


def test_a_key_without_rows_is_said_to_have_none(typed):
    shown = typed("read-model", "show", "orders_by_customer", "nobody")
    empty = typed("read-model", "show", "airports_by_icao")

    assert (shown.code, shown.output, shown.error) == (
        1,
        "",
        "error: not_found: orders_by_customer has no rows for customer 'nobody'\n"
        "capitals count; `sfn-cqrs data list TYPE` shows the items, and the customer of each\n",
    )
    assert (empty.code, empty.error) == (1, "error: not_found: airports_by_icao has no rows yet\n")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with quick_stack(state_dir=tmp_path_factory.mktemp("state"), postgres=True) as started:
        yield started


@pytest.mark.real_time("for a second functions rely on which generation serves")
@pytest.mark.usefixtures("_order")
def test_it_is_rebuilt_switched_rolled_back_and_dropped(typed, tmp_path):
    typed("publish", "ORDER", "o-2", "--name", "x", "--attributes", ORDER, "--sync")

    rebuilt = typed("read-model", "rebuild", "orders_by_customer")
    switched = typed("read-model", "switch", "orders_by_customer")
    typed("publish", "ORDER", "o-3", "--name", "x", "--attributes", ORDER, "--sync")
    back = typed("read-model", "rollback", "orders_by_customer")
    typed("read-model", "switch", "orders_by_customer")
    shown = typed("read-model", "progress", "orders_by_customer", "--json").json
    problems = typed("read-model", "problems", "orders_by_customer", "--csv", tmp_path / "p.csv")
    time.sleep(2)  # for so long some function may read the other one
    dropped = typed("read-model", "drop", "orders_by_customer")

    assert rebuilt.code == 0, rebuilt
    assert "orders_by_customer is READY: generation 1 serves, 2 beside it" in rebuilt.output
    assert "replayed: 2 done, 0 skipped, 0 failed" in rebuilt.output
    assert "compared: 2 equal, 0 in one only, 0 different" in rebuilt.output
    assert "is SWITCHED: generation 2 serves, 1 beside it" in switched.output
    assert "is READY: generation 1 serves" in back.output
    assert (shown["serving"], shown["replayed"]["done"]) == (2, 2)
    assert problems.output == f"0 problems are in {tmp_path / 'p.csv'}\n"
    assert "is SERVING: generation 2 serves\n" in dropped.output
    rows = typed("read-model", "show", "orders_by_customer", "ada/7", "--json").json
    assert [row["sort"] for row in rows] == ["o-2", "o-3", "o/1"]


@pytest.mark.real_time("for a second functions rely on which generation serves")
@pytest.mark.usefixtures("_order")
def test_one_in_postgresql_is_rebuilt_of_every_version(typed, stack):
    typed("publish", "ORDER", "o/1", "--partial", "--attributes", '{"total": 9}', "--sync")

    rebuilt = typed("read-model", "rebuild", "orders_search", "--every-version")
    typed("read-model", "switch", "orders_search")
    time.sleep(2)
    dropped = typed("read-model", "drop", "orders_search")

    assert rebuilt.code == 0, rebuilt
    assert "0 in one only, 0 different" in rebuilt.output
    assert "is SERVING: generation 2 serves\n" in dropped.output
    with connecting(stack.postgres.dsn) as rows_of:
        assert rows_of("SELECT DISTINCT generation FROM orders_search") == [[2]]
        assert rows_of("SELECT total FROM orders_search WHERE code = 'o/1'") == [[9]]


def test_what_cannot_be_rebuilt_is_said(typed):
    unknown = typed("read-model", "rebuild", "nobody")
    early = typed("read-model", "switch", "airports_by_icao")

    assert (unknown.code, early.code) == (1, 1)
    assert "not_rebuildable: no sync handler is called nobody; there are:" in unknown.error
    assert "wrong_stage: airports_by_icao was never rebuilt; rebuild it" in early.error
