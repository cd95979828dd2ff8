"""Read models, looked at from the command line."""

import pytest

pytestmark = pytest.mark.stack

ORDER = '{"customer": "ada/7", "total": 5}'


@pytest.fixture
def _order(typed):
    typed("publish", "ORDER", "o/1", "--name", "x", "--attributes", ORDER, "--sync")


def test_those_that_may_be_read_are_listed_with_what_names_their_rows(typed):
    assert [line.split() for line in typed("read-model", "list").output.splitlines()] == [
        ["name", "by"],
        ["airports_by_country", "countries"],
        ["airports_by_icao", "airports"],
        ["orders_by_customer", "customer"],
    ]
    assert len(typed("read-model", "list", "--json").json) == 3


@pytest.mark.usefixtures("_order")
def test_rows_are_shown_whatever_their_keys_are(typed):
    shown = typed("read-model", "show", "orders_by_customer", "ada/7")
    row = {"is_deleted": False, "name": "x", "total": 5, "version": 1}

    assert shown.output.splitlines()[1].startswith('o/1   {"')
    assert typed("read-model", "show", "orders_by_customer", "ada/7", "--json").json == [
        {"sort": "o/1", "row": row}
    ]
    assert typed("read-model", "show", "orders_by_customer", "ada/7", "o/1").json == row


def test_a_read_model_with_one_partition_needs_no_key(typed):
    assert typed("read-model", "show", "airports_by_country", "--json").json == []
