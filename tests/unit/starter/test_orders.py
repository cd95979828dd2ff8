from importlib import import_module

import pytest

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.builders import a_command


@pytest.fixture
def orders():
    """The module, which this file's own set-up has loaded."""
    return import_module("starter.orders")


def test_the_orders_of_a_customer_are_listed(world, orders):
    key = ItemKey("tenant1", "ORDER", "o-1")
    for version in (2, 1):  # the first comes late
        given = {"customer": "ada", "total": version}
        orders.orders_by_customer(a_command(key, version, name="Desk", attributes=given))

    assert world.read_model("orders_by_customer").rows("tenant1", "ada") == [
        {"sort": "o-1", "name": "Desk", "total": 2, "version": 2}
    ]


@pytest.mark.usefixtures("world")
def test_an_order_to_nobody_is_refused():
    with pytest.raises(InvalidInputError, match="customer"):
        CommandService("tenant1").publish("ORDER", "o-1", name="Desk", attributes={"total": 1})


def test_an_order_that_goes_to_another_customer_is_listed_once(world, orders):
    key = ItemKey("tenant1", "ORDER", "o-1")
    for version, customer in ((1, "ada"), (2, "bob")):
        given = {"customer": customer, "total": 5}
        orders.orders_by_customer(a_command(key, version, name="Desk", attributes=given))

    rows = world.read_model("orders_by_customer").rows
    assert rows("tenant1", "ada") == []
    assert [row["sort"] for row in rows("tenant1", "bob")] == ["o-1"]
