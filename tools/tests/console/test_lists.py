"""Pages of a list, whichever way they are asked for."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from sfn_cqrs_tools.console.lists import (
    MOST_BEFORE,
    MOST_COUNTED,
    MOST_EMPTY,
    MOST_READ,
    SIZE,
    Shape,
    listing,
    natural,
    shown,
)
from sfn_cqrs_tools.console.moments import read, since_and_until, typed
from sfn_cqrs_tools.console.saving import as_csv

NOW = datetime(2026, 11, 29, 0, 27, tzinfo=UTC)
SHAPE = Shape({"n": lambda one: one, "odd": lambda one: one % 2 or None}, texts=lambda one: (one,))


def of(count):
    """A list of so many numbers, whose cursors are numbers."""

    def fetch(limit, cursor):
        first = int(cursor or 0)
        following = first + limit
        return [*range(first, min(following, count))], str(following) if following < count else None

    return fetch


def asked(fetch, shape=SHAPE, **query):
    return listing(SimpleNamespace(query=query), fetch, shape)


def test_pages_hold_each_row_once_and_lead_back_page_by_page():
    fetch, found = of(SIZE * 3 + 7), asked(of(SIZE * 3 + 7))
    rows, ways = [], []
    while True:
        rows += found.rows
        ways.append((found.first, found.last))
        if found.following is None:
            break
        found = asked(fetch, **found.following)
    assert rows == [*range(SIZE * 3 + 7)]
    assert (found.total, found.is_live) == (SIZE * 3 + 7, False)

    back = []
    while found.previous is not None:
        found = asked(fetch, **found.previous)
        back.append((found.first, found.last))
    assert back == ways[-2::-1]


def test_pages_that_are_empty_and_not_the_last_are_passed_over():
    calls = []

    def fetch(_limit, cursor):
        calls.append(cursor)
        number = int(cursor or 0)
        rows = ["mine"] if number in (5, 25) else []
        return rows, str(number + 1) if number < 25 else None

    found = asked(fetch)
    assert (found.rows, found.following["cursor"], len(calls)) == (["mine"], "6", 6)
    empty = asked(fetch, **found.following)
    assert (empty.rows, empty.following["cursor"]) == ([], str(6 + MOST_EMPTY + 1))
    last = asked(fetch, **empty.following)
    assert (last.rows, last.following) == (["mine"], None)


def test_one_who_goes_far_comes_back_to_the_first_page_at_least():
    fetch = of(SIZE * 40)
    found = asked(fetch)
    for _ in range(30):
        found = asked(fetch, **found.following)
    for _ in range(MOST_BEFORE + 1):
        found = asked(fetch, **found.previous)

    assert (found.first, found.previous) == (1, None)


def test_sorting_and_searching_look_at_some_rows_and_then_ask_to_look_further():
    found = asked(of(MOST_READ * 2), sort="-n")
    assert (found.rows[0], found.total, found.read) == (MOST_READ - 1, MOST_READ, MOST_READ)

    further = asked(of(MOST_READ * 2), **found.further)

    assert (further.rows[0], further.further) == (MOST_READ * 2 - 1, None)


def test_a_text_is_found_and_rows_without_a_value_come_first():
    assert asked(of(300), q="29").rows == [29, 129, 229, 290, *range(291, 300)]
    assert asked(of(4), sort="odd").rows == [0, 2, 1, 3]


def test_all_rows_are_sorted_where_somebody_asks_for_all():
    found = asked(of(MOST_READ * 3), sort="-n", all="1")

    assert (found.rows[0], found.total, found.further) == (MOST_READ * 3 - 1, MOST_READ * 3, None)
    assert not found.is_filtered


def saved(count, most=10_000, **query):
    shape = replace(SHAPE, most_of_all=most, record=lambda one: {"n": one, "of": {"odd": one % 2}})
    ask = SimpleNamespace(query=query, path="/console/items")
    return shown(ask, "x.html", listing(ask, of(count), shape), of(count))


def test_a_file_has_every_row_that_the_filter_keeps_in_the_lists_order():
    lines = saved(MOST_READ * 2, sort="-n", q="59", **{"as": "csv"}).content.decode("utf-8-sig")

    assert lines.splitlines()[:3] == ["n,of.odd", "599,1", "598,0"]
    assert len(lines.splitlines()) == 17
    assert json.loads(saved(3, **{"as": "jsonl"}).content.splitlines()[2]) == {
        "n": 2,
        "of": {"odd": 0},
    }


def test_a_file_of_the_first_rows_alone_tells_so_in_its_name():
    assert saved(90, **{"as": "jsonl"}).name == "items.jsonl"
    assert saved(900, 400, **{"as": "jsonl"}).name == "items-first-400.jsonl"


def test_no_cell_of_a_file_is_a_formula_and_none_has_a_token():
    found = as_csv([{"=1+1": "@SUM(A1)", "cause": '"taskToken": "AAAA"', "none": None, "n": -4.5}])

    heading, cells = found.decode("utf-8-sig").splitlines()
    assert heading == "'=1+1,cause,none,n"
    assert cells.startswith("'@SUM(A1),")
    assert cells.endswith(",,-4.5")
    assert "AAAA" not in cells


def test_a_column_that_there_is_none_of_is_not_sorted_by():
    found = asked(of(3), sort="__class__")

    assert (found.rows, found.sort, found.wanted) == ([0, 1, 2], "", {})


def test_a_time_stops_the_reading_at_the_first_row_that_is_older():
    begun = datetime.now(UTC)
    shape = Shape({}, at=lambda one: begun - timedelta(minutes=one))
    found = asked(of(5_000), shape, within="1h")

    assert (found.rows[-1], found.total, found.read) == (49, 60, 100)
    assert found.further is None


@pytest.mark.parametrize(("count", "told"), [(7, 7), (2_345, MOST_COUNTED + 1)])
def test_a_list_is_counted_up_to_a_number(count, told):
    ask = SimpleNamespace(query={"count": "1"})

    view = shown(ask, "x.html", listing(ask, of(count), SHAPE), of(count))

    assert (view.template, view.values["count"]) == ("count.html", told)


@pytest.mark.parametrize(
    ("wanted", "since"),
    [
        ({"within": "1h"}, datetime(2026, 11, 28, 23, 27, tzinfo=UTC)),
        ({"within": "today", "offset": "540"}, datetime(2026, 11, 28, 15, 0, tzinfo=UTC)),
        ({"within": "today", "offset": "-300"}, datetime(2026, 11, 28, 5, 0, tzinfo=UTC)),
        ({"from": "2026-11-29T09:27:00+09:00"}, NOW),
        ({"from": "2026-11-29T00:27"}, NOW),
        ({"from": "yesterday", "within": "between"}, None),
    ],
)
def test_a_time_is_one_of_a_zone(wanted, since):
    assert since_and_until(wanted, NOW)[0] == since


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-29T00:27:00Z",
        "2026-11-29T09:27:00+09:00",
        "2026-11-29 09:27",
        "2026/11/29 09:27 JST",
        "1795912020",
        "1795912020000",
        "09:27 Asia/Tokyo",
        "9:27",
        "01:27 Europe/Berlin",
        "27 min ago",
        "Sun, 29 Nov 2026 09:27:00 +0900",
        "29/Nov/2026:00:27:00 +0000",
        "Nov 29, 2026, 09:27:00 (UTC+09:00)",
        "29 Nov 2026, 09:27:00",
        "Nov 29 09:27:00 JST",
    ],
)
def test_a_moment_is_read_in_any_usual_notation(text):
    assert read(text, "Asia/Tokyo", NOW + timedelta(minutes=27)) == NOW


@pytest.mark.parametrize(
    "text", ["", "o-1", "Heathrow", "99:99", "12", "09:27 ../../etc/passwd", "0:00 x" * 50]
)
def test_what_is_no_moment_is_none(text):
    assert read(text, "Nowhere/Town", NOW) is None


def test_a_time_that_is_yet_to_come_was_yesterdays():
    assert read("23:59", "UTC", NOW) == NOW.replace(day=28, hour=23, minute=59)


def test_a_moment_is_written_as_a_field_has_it():
    assert typed("2026-11-29T09:27:00+09:00") == "2026-11-29T00:27:00"
    assert typed("<b>") == ""


def test_codes_sort_as_people_count():
    assert sorted(["o-10", "o-2", "B", "a", "o-1"], key=natural) == ["a", "B", "o-1", "o-2", "o-10"]
