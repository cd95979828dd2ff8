import pytest

from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import InvalidInputError
from sfn_cqrs.types import ItemKey
from sfn_cqrs_tools.testing.builders import a_command
from shop.orders import orders_by_customer


def order(code, version=1, customer="taro", tenant="tenant1", **changes):
    attributes = {"customer": customer, "total": 1980}
    key = ItemKey(tenant, "ORDER", code)
    return a_command(key, version, **{"attributes": attributes, "name": code, **changes})


def orders(world, customer="taro", tenant="tenant1"):
    return world.read_model("orders_by_customer").rows(tenant, customer)


def test_the_orders_of_a_customer_are_listed(world):
    orders_by_customer(order("1"))
    orders_by_customer(order("2"))
    orders_by_customer(order("3", customer="hanako"))

    assert [row["sort"] for row in orders(world)] == ["1", "2"]
    assert orders(world, "hanako") == [
        {"sort": "3", "name": "3", "total": 1980, "region": "america", "version": 1}
    ]


def test_a_stale_version_does_not_overwrite_a_newer_one(world):
    orders_by_customer(order("1", 2, name="newer"))
    orders_by_customer(order("1", 1, name="older"))
    orders_by_customer(order("1", 2, name="again"))

    assert [row["name"] for row in orders(world)] == ["newer"]


def test_a_deleted_order_is_listed_no_more(world):
    orders_by_customer(order("1"))
    orders_by_customer(order("1", 2, is_deleted=True))
    orders_by_customer(order("1"))

    assert orders(world) == []


def test_an_order_that_goes_to_another_customer_is_listed_once(world):
    orders_by_customer(order("1"))
    orders_by_customer(order("1", 2, customer="hanako"))

    assert orders(world) == []
    assert [row["sort"] for row in orders(world, "hanako")] == ["1"]


def test_each_tenant_has_its_own_orders(world):
    orders_by_customer(order("1"))

    assert orders(world, tenant="tenant2") == []


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"total": 40}, "attributes.customer"),
        ({"customer": "taro", "total": "40"}, "attributes.total"),
        ({"customer": "taro", "total": -1}, "attributes.total"),
        ({"customer": "taro", "country": "Japan"}, "attributes.country"),
        ({"customer": "taro", "status": "LOST"}, "attributes.status"),
    ],
)
def test_what_is_no_order_is_not_published(world, attributes, field):
    with pytest.raises(InvalidInputError, match=f"^{field}: "):
        CommandService("tenant1").publish("ORDER", "1", name="1", attributes=attributes)

    assert world.stored_commands() == []


def test_an_order_to_a_country_without_a_warehouse_is_an_error_that_names_it(world):
    with pytest.raises(KeyError, match="XX"):
        orders_by_customer(order("1", attributes={"customer": "taro", "country": "XX"}))

    assert world.dynamodb.items("ReadModelsTable") == []
