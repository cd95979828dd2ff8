"""Read models over HTTP, as the shop declares them."""

import pytest

from sfn_cqrs.machines.command.read_models import read_model_type


@pytest.fixture
def orders(world):
    """The view of orders by customer, with three orders of ada's."""
    view = world.read_model("orders_by_customer")
    for code in ("o-1", "o-2", "o/3"):
        view.put_if_newer("tenant1", "ada", code, {"version": 1, "total": 2.5})
    return view


def test_those_that_may_be_read_are_listed(call):
    listed = {one["name"]: one for one in call("GET", "/read-models").body["items"]}

    assert list(listed) == sorted(listed)
    for name, by, partitions in (
        ("airports_by_country", "countries", ["countries"]),
        ("airports_by_icao", "airports", ["airports"]),
        ("orders_by_customer", "customer", []),
    ):
        assert listed[name] == {"name": name, "by": by, "partitions": partitions}


@pytest.mark.usefixtures("orders")
def test_the_rows_of_a_partition_come_in_pages(call):
    first = call("GET", "/read-models/orders_by_customer/ada", query={"limit": "2"}).body
    cursor = {"limit": "2", "cursor": first["nextCursor"]}
    second = call("GET", "/read-models/orders_by_customer/ada", query=cursor).body

    assert first["items"][0] == {"sort": "o-1", "row": {"version": 1, "total": 2.5}}
    assert [one["sort"] for one in second["items"]] == ["o/3"]
    assert "nextCursor" not in second
    assert call("GET", "/read-models/orders_by_customer/nobody").body == {"items": []}


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(("segment", "sort"), [("o-1", "o-1"), ("~by8z", "o/3")])
def test_a_row_is_as_its_handler_has_written_it(segment, sort, call):
    shown = call("GET", f"/read-models/orders_by_customer/ada/{segment}").body

    assert shown == {"sort": sort, "row": {"version": 1, "total": 2.5}}


def test_what_json_lacks_is_shown_as_lists_and_base64(call, orders):
    orders.put_if_newer("tenant1", "ada", "o-9", {"version": 1, "tags": {"b", "a"}, "seal": b"x"})

    row = call("GET", "/read-models/orders_by_customer/ada/o-9").body["row"]

    assert row == {"version": 1, "tags": ["a", "b"], "seal": "eA=="}


@pytest.fixture
def _counted(world):
    """The counts of three countries, each in two parts of sixteen."""
    view = world.read_model("airports_by_country")
    for number, country in enumerate(("DE", "JP", "US")):
        for part in (number, 15):
            view.write_all(
                [view.add("tenant1", "countries", f"{country}#{part:02}", "airports", part)]
            )


@pytest.mark.usefixtures("_counted")
def test_the_parts_of_a_count_are_shown_as_their_sum_in_pages(call):
    path = "/read-models/airports_by_country/countries"
    first = call("GET", path, query={"limit": "2"}).body
    second = call("GET", path, query={"limit": "2", "cursor": first["nextCursor"]}).body

    assert first["items"] == [
        {"sort": "DE", "row": {"airports": 15}},
        {"sort": "JP", "row": {"airports": 16}},
    ]
    assert second == {"items": [{"sort": "US", "row": {"airports": 17}}]}
    assert call("GET", f"{path}/JP").body == {"sort": "JP", "row": {"airports": 16}}


@pytest.mark.usefixtures("_counted")
@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("/XX", 404, "not_found"),
        ("/J", 404, "not_found"),
        ("/JP%2315", 404, "not_found"),
        ("?limit=0", 400, "invalid_input"),
    ],
)
def test_a_count_that_is_none_is_refused(asked, status, code, call):
    path, _, query = asked.partition("?")
    name, _, value = query.partition("=")

    answer = call(
        "GET",
        f"/read-models/airports_by_country/countries{path}",
        query={name: value} if name else None,
    )

    assert (answer.status, answer.body["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "status", "code", "says"),
    [
        ("orders_by_custmer/ada", 400, "unknown_read_model", "did you mean orders_by_customer?"),
        ("orders_by_customer/ada/none", 404, "not_found", "has no such row"),
        ("orders_by_customer/%01", 400, "invalid_input", "must not contain control characters"),
        ("airports_by_country/counted", 400, "invalid_input", "must be countries"),
    ],
)
def test_what_cannot_be_read_says_why(path, status, code, says, call):
    answer = call("GET", f"/read-models/{path}")

    assert (answer.status, answer.body["code"]) == (status, code)
    assert says in answer.body["detail"]


@pytest.mark.parametrize("name", ["", "a#b", "9", "a" * 129])
def test_a_name_that_no_key_can_hold_is_refused(name):
    with pytest.raises(ValueError, match="is not a read model"):
        read_model_type(name, by="x")
