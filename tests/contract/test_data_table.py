import pytest

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command.process import DataVersion
from sfn_cqrs_tools.testing.builders import NRT, a_command


def a_row(key=NRT, version=1, **changes):
    return a_command(key, version, **changes).as_row()


def airport(code, tenant="tenant1"):
    return ItemKey(tenant, "AIRPORT", code)


def test_a_row_that_was_never_put_is_at_version_0(world):
    assert world.data.version_of(NRT) == DataVersion(0, "")
    assert world.data.find(NRT) is None
    assert world.data.snapshot(NRT) is None


@pytest.mark.parametrize(("stored", "expected"), [(0, 1), (0, 5), (5, 0), (5, 4), (5, 6)])
def test_a_row_is_put_only_over_the_version_that_was_read(stored, expected, world):
    if stored:
        world.data.put(a_row(version=stored), 0)

    assert world.data.put(a_row(version=9), expected) is False

    assert world.data.version_of(NRT).version == stored


def test_a_row_is_replaced_whole(world):
    world.data.put(a_row(attributes={"old": 1}), 0)
    replacement = a_row(version=2, attributes={"new": 2})

    assert world.data.put(replacement, 1) is True

    assert world.data.find(NRT) == replacement


def test_a_snapshot_is_the_row_as_dynamodb_has_it(world):
    world.data.put(a_row(), 0)

    snapshot = world.data.snapshot(NRT)

    assert snapshot["version"] == {"N": "1"}
    assert unmarshal(snapshot)["attributes"] == {"country": "JP", "lat": 35.7647}


def test_a_deleted_row_is_found_but_not_listed(world):
    world.data.put(a_row(is_deleted=True), 0)
    world.data.put(a_row(airport("HND")), 0)

    assert world.data.find(NRT).is_deleted is True
    assert [row.key.code for row in world.data.page("tenant1", "AIRPORT", 20, None).items] == [
        "HND"
    ]


def test_rows_are_listed_by_code_within_their_tenant_and_type(world):
    others = [
        ItemKey("tenant2", "AIRPORT", "HND"),
        ItemKey("tenant1", "AIRPORTS", "HND"),
        ItemKey("tenant1", "AIR", "HND"),
        ItemKey("tenant10", "AIRPORT", "HND"),
    ]
    for key in [airport("b"), airport("a"), airport("B"), airport("é"), *others]:
        world.data.put(a_row(key), 0)

    page = world.data.page("tenant1", "AIRPORT", 20, None)

    assert [row.key.code for row in page.items] == ["B", "a", "b", "é"]


@pytest.mark.parametrize("limit", [2, 5])
def test_no_row_is_lost_or_doubled_between_pages_and_deleted_ones_take_no_room(limit, world):
    for number in range(12):
        key = airport(f"{number:02d}")
        world.data.put(a_row(key, is_deleted=number % 2 == 0), 0)

    pages, cursor = [], None
    while not pages or cursor is not None:
        page = world.data.page("tenant1", "AIRPORT", limit, cursor)
        cursor = page.next_cursor
        pages.append([row.key.code for row in page.items])

    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert [code for page in pages for code in page] == ["01", "03", "05", "07", "09", "11"]


def test_a_page_of_rows_that_are_all_deleted_is_empty_and_the_last(world):
    for number in range(5):
        world.data.put(a_row(airport(str(number)), is_deleted=True), 0)

    page = world.data.page("tenant1", "AIRPORT", 2, None)

    assert (page.items, page.next_cursor) == ([], None)


def test_a_cursor_goes_on_behind_a_row_that_was_deleted_meanwhile(world):
    for code in ("a", "b", "c"):
        world.data.put(a_row(airport(code)), 0)
    first = world.data.page("tenant1", "AIRPORT", 2, None)

    world.data.put(a_row(airport("b"), version=2, is_deleted=True), 1)
    second = world.data.page("tenant1", "AIRPORT", 2, first.next_cursor)

    assert [row.key.code for row in second.items] == ["c"]
