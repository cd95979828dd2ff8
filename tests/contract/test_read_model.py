import pytest

from sfn_cqrs.domain.errors import TransientError


@pytest.fixture(params=[1, 16], ids=["one partition", "buckets"])
def view(world, request):
    return world.read_model("airports_by_country", buckets=request.param)


def test_a_row_comes_back_without_its_keys(view):
    row = {"version": 1, "name": "成田", "lat": 35.7647, "tags": [], "is_deleted": False}

    assert view.put_if_newer("tenant1", "JP", "NRT", row) is True

    assert view.get("tenant1", "JP", "NRT") == row
    assert view.get("tenant1", "JP", "HND") is None


def test_an_attribute_that_is_none_is_left_out(view):
    view.put_if_newer("tenant1", "JP", "NRT", {"version": 1, "city": None})

    assert view.get("tenant1", "JP", "NRT") == {"version": 1}


@pytest.mark.parametrize(
    ("stored", "version", "is_put"), [(2, 1, False), (2, 2, False), (2, 3, True)]
)
def test_a_row_only_moves_forward(stored, version, is_put, view):
    view.put_if_newer("tenant1", "JP", "NRT", {"version": stored, "name": "stored"})

    answer = view.put_if_newer("tenant1", "JP", "NRT", {"version": version, "name": "late"})

    assert answer is is_put
    assert view.get("tenant1", "JP", "NRT")["name"] == ("late" if is_put else "stored")


def test_the_rows_of_a_partition_come_by_sort_key(view):
    for sort in ("b", "é", "a", "B"):
        view.put_if_newer("tenant1", "JP", sort, {"version": 1})
    view.put_if_newer("tenant1", "JPN", "x", {"version": 1})
    view.put_if_newer("tenant2", "JP", "x", {"version": 1})

    rows = view.rows("tenant1", "JP")

    assert rows == [{"version": 1, "sort": sort} for sort in ("B", "a", "b", "é")]


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_pages_of_a_partition_have_every_row_once_and_by_sort_key(limit, view):
    for sort in ("b", "é", "a", "B"):
        view.put_if_newer("tenant1", "JP", sort, {"version": 1})
    view.put_if_newer("tenant2", "JP", "x", {"version": 1})

    pages = [view.page("tenant1", "JP", limit)]
    while pages[-1].next_cursor:
        pages.append(view.page("tenant1", "JP", limit, pages[-1].next_cursor))

    assert [row for page in pages for row in page.items] == view.rows("tenant1", "JP")
    assert max(len(page.items) for page in pages) == min(limit, 4)


def test_two_views_share_nothing(world, view):
    view.put_if_newer("tenant1", "JP", "NRT", {"version": 1})

    assert world.read_model("airports_by_icao").get("tenant1", "JP", "NRT") is None
    assert world.read_model("airports_by_icao").rows("tenant1", "JP") == []


def test_parts_are_written_together(view):
    view.write_all(
        [
            view.replace("tenant1", "counted", "NRT", {"version": 1, "country": "JP"}, None),
            view.add("tenant1", "countries", "JP", "airports", 1),
            view.add("tenant1", "countries", "KR", "airports", -1),
        ]
    )

    assert view.get("tenant1", "counted", "NRT") == {"version": 1, "country": "JP"}
    assert view.rows("tenant1", "countries") == [
        {"airports": 1, "sort": "JP"},
        {"airports": -1, "sort": "KR"},
    ]


@pytest.mark.parametrize("expected", [None, 1, 3])
def test_none_of_the_parts_is_written_where_the_row_has_changed(expected, view):
    view.put_if_newer("tenant1", "counted", "NRT", {"version": 2})

    with pytest.raises(TransientError, match="the row changed meanwhile"):
        view.write_all(
            [
                view.add("tenant1", "countries", "JP", "airports", 1),
                view.replace("tenant1", "counted", "NRT", {"version": 9}, expected),
            ]
        )

    assert view.get("tenant1", "counted", "NRT") == {"version": 2}
    assert view.get("tenant1", "countries", "JP") is None


def test_a_row_that_is_not_there_is_not_replaced(view):
    with pytest.raises(TransientError, match="the row changed meanwhile"):
        view.write_all([view.replace("tenant1", "counted", "NRT", {"version": 2}, 1)])

    assert view.get("tenant1", "counted", "NRT") is None


def test_two_parts_that_write_the_same_row_are_refused(view):
    parts = [view.add("tenant1", "countries", "JP", "airports", amount) for amount in (1, -1)]

    with pytest.raises(Exception, match="cannot include multiple operations on one item"):
        view.write_all(parts)

    assert view.get("tenant1", "countries", "JP") is None


def test_numbers_add_up_over_many_writes(view):
    for amount in (1, 1, -1, 5):
        view.write_all([view.add("tenant1", "countries", "JP", "airports", amount)])

    assert view.get("tenant1", "countries", "JP") == {"airports": 6}
