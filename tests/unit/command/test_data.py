from datetime import UTC, datetime, timedelta, timezone

import pytest

from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import DeletedError, NotFoundError
from sfn_cqrs.machines.command.data import DataService, HistoryService
from sfn_cqrs_tools.testing.builders import NRT, a_command

TOKYO = timezone(timedelta(hours=9))


def at(hour, minute=0):
    return datetime(2026, 11, 25, hour, minute, tzinfo=UTC)


def put(world, version, hour, **changes):
    """Apply a version of Narita that was published at an hour of the day."""
    snapshot = world.data.snapshot(NRT)
    if snapshot is not None:
        world.history.append(snapshot)
    updated = Audit(f"2026-11-25T{hour:02d}:00:00.000Z")
    below = world.data.version_of(NRT).version
    world.data.put(a_command(version=version, updated=updated, **changes).as_row(), below)


class TestData:
    def test_an_item_is_read_as_it_is(self, world):
        put(world, 1, 8)

        row = DataService("tenant1").get("AIRPORT", "NRT")

        assert (row.version, row.attributes) == (1, {"country": "JP", "lat": 35.7647})

    def test_an_item_that_was_never_applied_is_not_found(self, world):
        world.seed_commands(a_command())

        with pytest.raises(NotFoundError, match="AIRPORT NRT does not exist"):
            DataService("tenant1").get("AIRPORT", "NRT")

    def test_a_deleted_item_is_shown_where_it_is_asked_for(self, world):
        put(world, 1, 8)
        put(world, 2, 9, is_deleted=True)

        with pytest.raises(DeletedError, match="AIRPORT NRT is deleted since version 2"):
            DataService("tenant1").get("AIRPORT", "NRT")
        assert DataService("tenant1").get("AIRPORT", "NRT", with_deleted=True).version == 2


class TestHistory:
    @pytest.fixture(autouse=True)
    def _narita(self, world):
        put(world, 1, 8, name="at eight")
        put(world, 2, 9, name="at nine")
        put(world, 5, 10, name="at ten", is_deleted=True)

    @pytest.mark.parametrize(
        ("moment", "name"),
        [
            (at(8), "at eight"),
            (at(8, 59), "at eight"),
            (at(9), "at nine"),
            (datetime(2026, 11, 25, 18, 30, tzinfo=TOKYO), "at nine"),
            (at(10), "at ten"),
            (at(23), "at ten"),
        ],
    )
    def test_an_item_is_read_as_it_was_at_a_moment(self, moment, name):
        assert HistoryService("tenant1").as_of("AIRPORT", "NRT", moment).name == name

    def test_before_it_was_made_an_item_is_not_found(self):
        message = "AIRPORT NRT did not exist at 2026-11-25T07:59:00.000Z"

        with pytest.raises(NotFoundError, match=message):
            HistoryService("tenant1").as_of("AIRPORT", "NRT", at(7, 59))

    def test_a_moment_far_back_is_found_over_many_pages(self, world):
        for version in range(6, 260):
            put(world, version, 11)

        assert HistoryService("tenant1").as_of("AIRPORT", "NRT", at(8)).name == "at eight"

    def test_another_tenants_history_is_not_found(self):
        with pytest.raises(NotFoundError, match="AIRPORT NRT does not exist"):
            HistoryService("tenant2").list("AIRPORT", "NRT")
        with pytest.raises(NotFoundError):
            HistoryService("tenant2").as_of("AIRPORT", "NRT", at(11))


def test_an_item_of_one_version_has_an_empty_history(world):
    put(world, 1, 8)

    assert HistoryService("tenant1").list("AIRPORT", "NRT").items == []


def test_a_history_that_has_expired_is_not_found(make_world):
    world = make_world(history_ttl=Retention(1))
    put(world, 1, 8)
    put(world, 2, 9)
    world.clock.advance(days=1)

    with pytest.raises(NotFoundError, match="did not exist at"):
        HistoryService("tenant1").as_of("AIRPORT", "NRT", at(8))
