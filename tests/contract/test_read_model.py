from itertools import permutations, product

import pytest

from sfn_cqrs.kernel.errors import TransientError


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


@pytest.mark.parametrize("limit", [2, 4])
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


def test_a_deleted_row_is_not_read_and_does_not_come_back_by_an_older_version(view):
    view.put_if_newer("tenant1", "JP", "NRT", {"version": 2, "name": "Narita"})
    view.put_if_newer("tenant1", "JP", "HND", {"version": 1})

    deleted = view.delete("tenant1", "JP", "NRT", 3)
    again = view.delete("tenant1", "JP", "NRT", 3)
    late = view.put_if_newer("tenant1", "JP", "NRT", {"version": 2, "name": "Narita"})

    assert (deleted, again, late) == (True, False, False)
    assert view.get("tenant1", "JP", "NRT") is None
    assert view.rows("tenant1", "JP") == [{"version": 1, "sort": "HND"}]
    assert view.page("tenant1", "JP", 1).items == [{"version": 1, "sort": "HND"}]


def test_a_late_deletion_deletes_no_newer_row(view):
    view.put_if_newer("tenant1", "JP", "NRT", {"version": 4})

    assert view.delete("tenant1", "JP", "NRT", 3) is False

    assert view.get("tenant1", "JP", "NRT") == {"version": 4}


def test_a_deleted_row_is_put_again_by_a_newer_version(view):
    view.delete("tenant1", "JP", "NRT", 3)

    assert view.put_if_newer("tenant1", "JP", "NRT", {"version": 4}) is True

    assert view.rows("tenant1", "JP") == [{"version": 4, "sort": "NRT"}]


@pytest.mark.parametrize(("version", "is_replaced"), [(2, False), (3, False), (4, True)])
def test_a_deleted_row_is_replaced_as_one_that_is_not_there_by_newer_versions(
    version, is_replaced, view
):
    view.delete("tenant1", "JP", "NRT", 3)
    part = view.replace("tenant1", "JP", "NRT", {"version": version}, None)

    if is_replaced:
        view.write_all([part])
    else:
        with pytest.raises(TransientError, match="the row changed meanwhile"):
            view.write_all([part])

    assert view.get("tenant1", "JP", "NRT") == ({"version": 4} if is_replaced else None)


def test_an_item_that_moves_has_one_row(view):
    view.move("tenant1", "a-1", {"version": 1, "minutes": 30}, ("dr-who", "09:00#a-1"))
    view.move("tenant1", "a-2", {"version": 1}, ("dr-who", "09:00#a-2"))

    view.move("tenant1", "a-1", {"version": 2, "minutes": 30}, ("dr-no", "10:00#a-1"))
    view.move("tenant1", "a-1", {"version": 3, "minutes": 45}, ("dr-no", "10:00#a-1"))

    assert view.rows("tenant1", "dr-who") == [{"version": 1, "sort": "09:00#a-2"}]
    assert view.get("tenant1", "dr-who", "09:00#a-1") is None
    assert view.get("tenant1", "dr-no", "10:00#a-1") == {"version": 3, "minutes": 45}


@pytest.mark.parametrize("late", [1, 2])
def test_a_late_version_moves_nothing_back(late, view):
    view.move("tenant1", "a-1", {"version": 1}, ("dr-who", "a-1"))
    view.move("tenant1", "a-1", {"version": 2}, ("dr-no", "a-1"))

    moved = view.move("tenant1", "a-1", {"version": late}, ("dr-who", "a-1"))

    assert moved is False
    assert view.rows("tenant1", "dr-who") == []
    assert view.rows("tenant1", "dr-no") == [{"version": 2, "sort": "a-1"}]


def test_an_item_without_a_row_stays_without_one_until_a_newer_version(view):
    view.move("tenant1", "a-1", {"version": 1}, ("dr-who", "a-1"))

    gone = view.move("tenant1", "a-1", {"version": 3}, None)
    late = view.move("tenant1", "a-1", {"version": 2}, ("dr-no", "a-1"))
    nothing = [*view.rows("tenant1", "dr-who"), *view.rows("tenant1", "dr-no")]
    newer = view.move("tenant1", "a-1", {"version": 4}, ("dr-no", "a-1"))

    assert (gone, late, nothing, newer) == (True, False, [], True)
    assert view.rows("tenant1", "dr-no") == [{"version": 4, "sort": "a-1"}]


def test_an_item_does_not_take_the_place_of_another(view):
    view.move("tenant1", "a-1", {"version": 1}, ("dr-who", "09:00"))

    with pytest.raises(ValueError, match="has a row of a-1 at dr-who, 09:00, where a-2 is to go"):
        view.move("tenant1", "a-2", {"version": 9}, ("dr-who", "09:00"))

    assert view.rows("tenant1", "dr-who") == [{"version": 1, "sort": "09:00"}]
    assert view.move("tenant1", "a-2", {"version": 9}, ("dr-who", "10:00")) is True


def test_a_row_of_before_is_taken_over_where_it_is(view):
    view.put_if_newer("tenant1", "dr-who", "a-1", {"version": 1})

    view.move("tenant1", "a-1", {"version": 2}, ("dr-who", "a-1"))
    view.move("tenant1", "a-1", {"version": 3}, ("dr-no", "a-1"))

    assert view.rows("tenant1", "dr-who") == []


def test_two_versions_that_move_an_item_at_once_leave_the_newer(view, monkeypatch):
    view.move("tenant1", "a-1", {"version": 1}, ("dr-who", "a-1"))
    write_all = view.write_all

    def overtaken(parts):
        monkeypatch.setattr(view, "write_all", write_all)
        view.move("tenant1", "a-1", {"version": 3}, ("dr-no", "a-1"))
        write_all(parts)

    monkeypatch.setattr(view, "write_all", overtaken)

    with pytest.raises(TransientError, match="the row changed meanwhile"):
        view.move("tenant1", "a-1", {"version": 2}, ("dr-strange", "a-1"))

    assert view.move("tenant1", "a-1", {"version": 2}, ("dr-strange", "a-1")) is False
    assert view.rows("tenant1", "dr-strange") == view.rows("tenant1", "dr-who") == []
    assert view.rows("tenant1", "dr-no") == [{"version": 3, "sort": "a-1"}]


def test_items_of_two_tenants_move_apart(view):
    view.move("tenant1", "a-1", {"version": 5}, ("dr-who", "a-1"))

    assert view.move("tenant2", "a-1", {"version": 1}, ("dr-no", "a-1")) is True

    assert view.rows("tenant1", "dr-who") == [{"version": 5, "sort": "a-1"}]


def test_whatever_the_order_an_item_ends_where_its_last_version_puts_it(world):
    """Four versions come in every order, the last one twice; no moment shows two rows."""
    view = world.read_model("appointments_by_doctor")
    places = [("dr-who", "a-1"), ("dr-no", "a-1"), None, ("dr-who", "b-1")]
    for number, order in enumerate(permutations(range(4))):
        item = f"item-{number}"
        for index in (*order, 3):
            to = places[index]
            at = None if to is None else (f"{to[0]}-{number}", to[1])
            view.move("tenant1", item, {"version": index + 1}, at)
            shown = [
                row
                for doctor in ("dr-who", "dr-no")
                for row in view.rows("tenant1", f"{doctor}-{number}")
            ]
            assert len(shown) <= 1

        assert shown == [{"version": 4, "sort": "b-1"}], order


class Dying:
    """A client whose process dies at its call of one operation: before or after its effect."""

    def __init__(self, client, operation, is_after):
        self._client, self._operation, self._is_after = client, operation, is_after

    def __getattr__(self, name):
        call = getattr(self._client, name)
        if name != self._operation:
            return call

        def dies(**arguments):
            if self._is_after:
                call(**arguments)
            raise KeyboardInterrupt

        return dies


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("operation", "to"),
    [
        *product(["get_item", "transact_write_items"], [("dr-no", "a-1"), None]),
        *product(["get_item", "put_item"], [("dr-who", "a-1")]),
    ],
)
def test_killed_at_any_call_a_move_ends_right_when_it_is_run_again(operation, is_after, to, view):
    view.move("tenant1", "a-1", {"version": 1}, ("dr-who", "a-1"))
    client, view._client = view._client, Dying(view._client, operation, is_after)
    with pytest.raises(KeyboardInterrupt):
        view.move("tenant1", "a-1", {"version": 2}, to)
    view._client = client
    seen = [*view.rows("tenant1", "dr-who"), *view.rows("tenant1", "dr-no")]

    view.move("tenant1", "a-1", {"version": 2}, to)
    view.move("tenant1", "a-1", {"version": 1}, ("dr-who", "a-1"))

    assert len(seen) == (0 if to is None and is_after and "transact" in operation else 1)
    rows = {doctor: view.rows("tenant1", doctor) for doctor in ("dr-who", "dr-no")}
    expected = {"dr-who": [], "dr-no": []}
    if to is not None:
        expected[to[0]] = [{"version": 2, "sort": to[1]}]
    assert rows == expected
