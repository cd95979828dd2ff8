"""All rows of generations, buckets of data and later states: what rebuilds read and delete."""

from functools import partial

import pytest

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.read_models.rules import SCANNED_IN, Begin, Switch, View, ViewKey
from sfn_cqrs.kernel.tables.paging import every
from sfn_cqrs_tools.testing.builders import NRT, a_command

VIEW = ViewKey("tenant1", "orders")
AT = "2026-11-25T12:00:00.000Z"


@pytest.fixture(params=[1, 16], ids=["one partition", "buckets"])
def view(world, request):
    return world.read_model("orders", buckets=request.param)


def put(world, view, generation, *codes, version=1, tenant="tenant1"):
    with world.generations.writing(tenant, {"orders": generation}):
        for code in codes:
            view.put_if_newer(tenant, "ada", code, {"version": version})


def scanned(world, *generations):
    rows = world.generation_rows(VIEW)
    for segment in range(SCANNED_IN):
        yield from every(partial(rows.page, generations, segment))


def test_a_scan_has_every_row_of_the_generations_once_and_no_other(world, view):
    put(world, view, 1, "a", "b")
    put(world, view, 2, "b", "c", version=2)
    put(world, view, 3, "d")
    put(world, view, 2, "x", tenant="tenant2")
    world.read_model("orders2").put_if_newer("tenant1", "ada", "y", {"version": 1})

    found = list(scanned(world, 1, 2))

    assert sorted((one.generation, one.row["version"]) for one in found) == [
        (1, 1),
        (1, 1),
        (2, 2),
        (2, 2),
    ]
    assert len({(one.generation, one.place) for one in found}) == 4


def test_a_row_has_the_same_place_in_every_generation(world, view):
    put(world, view, 1, "a", "b")
    put(world, view, 2, "b", version=2)
    rows = world.generation_rows(VIEW)

    places = [one.place for one in scanned(world, 1)]
    found = rows.find(2, places)

    assert list(found.values()) == [{"version": 2}]
    assert set(found) < set(places)


def test_only_the_rows_of_a_generation_are_deleted(world, view):
    codes = [f"{number:03d}" for number in range(60)]
    put(world, view, 1, *codes)
    put(world, view, 2, *codes, version=2)
    rows = world.generation_rows(VIEW)

    rows.delete(1, [one.place for one in scanned(world, 1)])

    assert list(scanned(world, 1)) == []
    assert len(list(scanned(world, 2))) == 60
    rows.delete(1, [])


def test_a_handler_writes_and_reads_the_generation_that_it_is_told(world, view):
    put(world, view, 2, "a", version=2)

    with world.generations.writing("tenant1", {"orders": 2}) as writing:
        view.put_if_newer("tenant1", "ada", "a", {"version": 1})
        view.put_if_newer("tenant1", "ada", "b", {"version": 1})
        inside = [row["sort"] for row in view.rows("tenant1", "ada")]

    assert inside == ["a", "b"]
    assert view.rows("tenant1", "ada") == []
    assert (writing.put, writing.refused) == (1, 1)


def test_a_transaction_goes_to_the_generation_that_it_was_made_for(world, view):
    with world.generations.writing("tenant1", {"orders": 2}):
        parts = [
            view.replace("tenant1", "ada", "a", {"version": 1}, expected=None),
            view.add("tenant1", "counts", "ada", "orders", 1),
        ]
    view.write_all(parts)

    assert view.get("tenant1", "ada", "a") is None
    with world.generations.writing("tenant1", {"orders": 2}):
        assert view.get("tenant1", "ada", "a") == {"version": 1}
        assert view.get("tenant1", "counts", "ada") == {"orders": 1}


def test_what_serves_is_known_for_half_a_minute(world):
    new = View(key=VIEW, types=("OFFER",), created=Audit(AT), since=AT)
    assert world.generations.of("tenant1", "orders") == 1

    world.views.create(new)
    world.views.change(VIEW, Begin(("OFFER",)))
    begun = world.views.find(VIEW)
    assert world.generations.known("tenant1") == {}
    world.clock.advance(seconds=30)

    assert world.generations.known("tenant1") == {"orders": begun}
    assert world.generations.known("tenant2") == {}
    assert (begun.doubled, world.generations.of("tenant1", "orders")) == (2, 1)
    assert not world.views.change(VIEW, Switch()).done


def test_what_serves_is_read_again_where_a_clock_has_gone_back(world):
    assert world.generations.known("tenant1") == {}
    world.views.create(View(key=VIEW, types=("OFFER",), created=Audit(AT), since=AT))

    world.clock.advance(hours=-1)

    assert list(world.generations.known("tenant1")) == ["orders"]


def test_what_is_told_of_one_tenant_is_not_told_of_another(world, view):
    with world.generations.writing("tenant2", {"orders": 2}):
        view.put_if_newer("tenant1", "ada", "a", {"version": 1})

    assert view.get("tenant1", "ada", "a") == {"version": 1}


def test_a_bucket_has_its_rows_by_code_the_deleted_among_them(world):
    keys = [ItemKey("tenant1", "AIRPORT", f"A{number:02d}") for number in range(50)]
    for key in keys:
        row = a_command(key, is_deleted=key.code == "A07").as_row()
        world.data.put(row, 0)
    world.data.put(a_command(ItemKey("tenant2", "AIRPORT", "A00")).as_row(), 0)
    world.data.put(a_command(ItemKey("tenant1", "AIRPORTS", "A00")).as_row(), 0)
    buckets = []

    for bucket in range(16):
        listed = every(partial(world.data.bucket_page, "tenant1", "AIRPORT", bucket, 2))
        found = [row.key.code for row in listed]
        assert found == sorted(found)
        assert world.data.count_bucket("tenant1", "AIRPORT", bucket) == len(found)
        buckets += found

    assert sorted(buckets) == [key.code for key in keys]


def test_later_states_come_the_oldest_first(world):
    for version in range(1, 6):
        world.data.put(a_command(NRT, version).as_row(), version - 1)
        world.history.append(world.data.snapshot(NRT))

    first = world.history.later(NRT, 0, 2)
    second = world.history.later(NRT, first.items[-1].version, 2)
    last = world.history.later(NRT, second.items[-1].version, 2)

    assert [row.version for page in (first, second, last) for row in page.items] == [1, 2, 3, 4, 5]
    assert [bool(page.next_cursor) for page in (first, second, last)] == [True, True, False]
