import pytest

from sfn_cqrs.errors import InvalidInputError
from sfn_cqrs.read_models import find_bulk, names_of
from sfn_cqrs.routes import Asked
from sfn_cqrs.types import ItemKey
from sfn_cqrs_tools.testing.builders import a_command
from shop.orders_search import orders_search, orders_search_many, search_orders


class SaidSql:
    """Remembers what it is asked."""

    def __init__(self):
        self.puts, self.queries = [], []

    def put_many_if_newer(self, table, keys, rows):
        self.puts.append((table, keys, rows))

    def rows(self, _query, **parameters):
        self.queries.append(parameters)
        return [{"code": "o-1"}]


@pytest.fixture
def sql(world, monkeypatch):
    said = SaidSql()
    monkeypatch.setattr("shop.orders_search.sql", lambda: said)
    return said


def an_order(code="o-1", version=1, **more):
    attributes = {"customer": "ada", "total": 5}
    return a_command(ItemKey("tenant1", "ORDER", code), version, attributes=attributes, **more)


def test_an_order_is_laid_out_whole(sql):
    command = an_order(version=3)

    orders_search(command)

    row = {
        "tenant": "tenant1",
        "generation": 1,
        "code": "o-1",
        "customer": "ada",
        "name": command.name,
    }
    rest = {"total": 5, "is_deleted": False, "version": 3}
    assert sql.puts == [("orders_search", ("tenant", "generation", "code"), [row | rest])]


def test_the_orders_of_an_import_are_one_write(sql):
    orders_search_many([an_order("a"), an_order("b")])

    ((_, _, rows),) = sql.puts
    assert [row["code"] for row in rows] == ["a", "b"]


def test_a_search_is_bound_to_whoever_asks(sql):
    query = {"customer": "ada", "least": "1.5", "words": "red", "limit": "500"}

    assert search_orders(Asked("tenant1", "taro", query=query)) == {"items": [{"code": "o-1"}]}
    (asked,) = sql.queries
    places = (asked["tenant"], asked["generation"])
    assert (*places, asked["least"], asked["most"], asked["limit"]) == (
        "tenant1",
        1,
        1.5,
        None,
        100,
    )


@pytest.mark.parametrize("value", ["cheap", "nan", "-1", "1e99"])
def test_a_number_that_is_none_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"^least: must be"):
        search_orders(Asked("tenant1", "taro", query={"least": value}))


def test_the_handler_is_there_where_postgresql_is(monkeypatch):
    without = names_of("ORDER")
    monkeypatch.setenv("POSTGRES", "postgresql://u:p@127.0.0.1/d")

    names = names_of("ORDER")  # in the order in which the modules were imported
    assert "orders_search" not in without
    assert [name for name in names if name != "orders_search"] == without
    assert names.count("orders_search") == 1
    assert find_bulk("ORDER", "orders_search") is orders_search_many
