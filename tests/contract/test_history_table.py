from functools import partial

import pytest

from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.kernel.tables.paging import every
from sfn_cqrs_tools.testing.builders import NRT, a_command

HND = ItemKey(NRT.tenant, NRT.type, "HND")


def keep(world, *versions, key=NRT):
    """Let the data row pass through versions, each kept when the next one comes."""
    below = 0
    for version in versions:
        world.data.put(a_command(key, version).as_row(), below)
        world.history.append(world.data.snapshot(key))
        below = version


def test_a_version_is_kept_once(world):
    keep(world, 1)

    assert world.history.append(world.data.snapshot(NRT)) is False

    assert len(world.history.page(NRT, 20, None).items) == 1


def test_the_newest_comes_first_across_digits(world):
    keep(world, 9, 10, 11, 100)

    page = world.history.page(NRT, 20, None)

    assert [row.version for row in page.items] == [100, 11, 10, 9]


def test_states_of_many_items_are_found_by_their_versions(world):
    keep(world, 1, 2)
    keep(world, 1, key=HND)

    found = world.history.find_many([(NRT, 1), (HND, 1)])

    assert {key.code: row.version for key, row in found.items()} == {"NRT": 1, "HND": 1}
    assert world.history.find_many([(NRT, 3)]) == {}


def test_a_state_that_has_expired_is_not_found(make_world):
    world = make_world(history_ttl=Retention(None, {"AIRPORT": 10}))
    keep(world, 1)
    world.clock.advance(days=11)

    assert world.history.find_many([(NRT, 1)]) == {}


@pytest.mark.parametrize("limit", [2])
def test_no_state_is_lost_or_doubled_between_pages(limit, world):
    keep(world, 1, 2, 3, 4, 5)

    listed = every(partial(world.history.page, NRT, limit))

    assert [row.version for row in listed] == [5, 4, 3, 2, 1]


def test_expired_states_are_not_listed_though_they_are_not_deleted_yet(make_world):
    world = make_world(history_ttl=Retention(None, {"AIRPORT": 10}))
    keep(world, 1)
    world.clock.advance(days=5)
    world.data.put(a_command(version=2).as_row(), 1)
    world.history.append(world.data.snapshot(NRT))

    world.clock.advance(days=5)

    assert [row.version for row in world.history.page(NRT, 1, None).items] == [2]
    assert world.history.page(NRT, 1, None).next_cursor is None


def test_a_history_item_says_when_it_expires(make_world):
    world = make_world(history_ttl=Retention(30))
    world.data.put(a_command().as_row(), 0)

    item = unmarshal(world.history.item_of(world.data.snapshot(NRT)))

    assert (item["pk"], item["sk"]) == (
        "TENANT#tenant1#AIRPORT#NRT",
        "AIRPORT#NRT@00000001",
    )
    assert item["ttl"] == 1798200000
