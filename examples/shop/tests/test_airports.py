from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest

from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import InvalidInputError, TransientError
from sfn_cqrs.types import ItemKey
from sfn_cqrs_tools.testing.builders import a_command
from shop import airports
from shop.airports import (
    PARTS,
    airports_by_country,
    airports_by_country_many,
    airports_by_icao,
    airports_of,
)


def airport(code, version, country, *, tenant="tenant1", **changes):
    attributes = {"country": country, "iata": code[-3:], "lat": 35.5, "lon": 139.8, "city": "x"}
    key = ItemKey(tenant, "AIRPORT", code)
    return a_command(key, version, **{"attributes": attributes, **changes})


def counts(world, tenant="tenant1"):
    """The sum of the counts in the world."""
    rows = world.read_model("airports_by_country").rows(tenant, "countries")
    parts = Counter()
    for row in rows:
        parts[row["sort"].partition("#")[0]] += row["airports"]
    assert dict(parts) == airports_of(tenant)
    return dict(parts)


def test_the_airports_of_each_country_are_counted(world):
    for code, country in (("RJTT", "JP"), ("RJAA", "JP"), ("RKSI", "KR")):
        airports_by_country(airport(code, 1, country))

    assert counts(world) == {"JP": 2, "KR": 1}


def test_a_version_that_comes_again_is_counted_once(world):
    for _ in range(3):
        airports_by_country(airport("RJTT", 1, "JP"))

    assert counts(world) == {"JP": 1}


def test_an_airport_that_moves_is_counted_where_it_is(world):
    airports_by_country(airport("RJTT", 1, "JP"))
    airports_by_country(airport("RJTT", 2, "KR"))

    assert counts(world) == {"JP": 0, "KR": 1}


def test_a_correction_that_is_no_move_changes_no_count(world):
    airports_by_country(airport("RJTT", 1, "JP"))
    airports_by_country(airport("RJTT", 2, "JP", name="Haneda"))

    view = world.read_model("airports_by_country")
    assert counts(world) == {"JP": 1}
    assert view.get("tenant1", "counted", "RJTT") == {
        "version": 2,
        "country": "JP",
        "name": "Haneda",
    }


def test_a_deleted_airport_is_not_counted_and_a_revived_one_is(world):
    seen = []
    for version, is_deleted in ((1, False), (2, True), (3, True), (4, False)):
        airports_by_country(airport("RJTT", version, "JP", is_deleted=is_deleted))
        seen.append(counts(world)["JP"])

    assert seen == [1, 0, 0, 1]


def test_a_deletion_needs_no_country(world):
    airports_by_country(airport("RJTT", 1, "JP"))
    airports_by_country(airport("RJTT", 2, "JP", attributes={}, is_deleted=True))

    assert counts(world) == {"JP": 0}


def test_a_late_retry_of_an_earlier_version_changes_nothing(world):
    airports_by_country(airport("RJTT", 2, "KR"))
    airports_by_country(airport("RJTT", 1, "JP"))

    assert counts(world) == {"KR": 1}


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_whatever_the_order_of_the_deliveries_the_last_version_counts(order, world):
    versions = {
        1: airport("RJTT", 1, "JP"),
        2: airport("RJTT", 2, "KR"),
        3: airport("RJTT", 3, "CN"),
    }

    for version in order:
        airports_by_country(versions[version])
        airports_by_country(versions[version])

    assert {country: amount for country, amount in counts(world).items() if amount} == {"CN": 1}


def test_a_row_that_changes_between_read_and_write_is_tried_again(world, monkeypatch):
    read_model = world.read_model("airports_by_country")
    read = read_model.get

    def overtaken(tenant, partition, sort):
        found = read(tenant, partition, sort)
        monkeypatch.undo()
        airports_by_country(airport("RJTT", 1, "KR"))
        return found

    monkeypatch.setattr(type(read_model), "get", lambda _, *place: overtaken(*place))

    with pytest.raises(TransientError):
        airports_by_country(airport("RJTT", 2, "JP"))

    airports_by_country(airport("RJTT", 2, "JP"))
    assert counts(world) == {"KR": 0, "JP": 1}


def test_counts_stay_right_when_many_threads_move_many_airports(world):
    moves = [
        airport(f"A{number}", version, ("JP", "KR", "CN")[(number + version) % 3])
        for number in range(20)
        for version in (1, 2, 3)
    ]

    def deliver(command):
        for _ in range(100):
            try:
                return airports_by_country(command)
            except TransientError:
                continue
        raise AssertionError("never written")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, moves))

    assert counts(world) == {"JP": 7, "KR": 7, "CN": 6}


def many(count, country="US", version=1):
    return [airport(f"K{number:03}", version, country) for number in range(count)]


def test_an_import_counts_what_one_by_one_counts(world):
    airports_by_country_many([*many(100), airport("RJTT", 1, "JP")])

    assert counts(world) == {"US": 100, "JP": 1}
    assert world.read_model("airports_by_country").get("tenant1", "counted", "K007") == {
        "version": 1,
        "country": "US",
        "name": "Narita",
    }


def test_the_count_of_a_country_is_in_many_rows_and_each_is_written_once(world, monkeypatch):
    written = []
    view = type(world.read_model("airports_by_country"))
    write_all = view.write_all

    def counted(self, parts):
        written.append(len(parts))
        write_all(self, parts)

    monkeypatch.setattr(view, "write_all", counted)

    airports_by_country_many(many(100))

    rows = world.read_model("airports_by_country").rows("tenant1", "countries")
    assert [row["sort"] for row in rows] == [f"US#{part:02}" for part in range(PARTS)]
    assert (len(written), sum(written)) == (PARTS, 100 + PARTS)


def test_an_import_that_comes_again_or_in_another_way_is_counted_once(world):
    airports_by_country(airport("K007", 1, "US"))
    for _ in range(2):
        airports_by_country_many(many(40))
    airports_by_country(airport("K008", 1, "US"))

    assert counts(world) == {"US": 40}


def test_an_import_moves_and_deletes_what_was_counted(world):
    airports_by_country_many(many(20))
    gone = [airport(f"K{number:03}", 2, "US", is_deleted=True) for number in range(5)]
    airports_by_country_many([*many(20, "CA", 2)[5:], *gone])

    assert counts(world) == {"US": 0, "CA": 15}


def test_however_many_are_in_one_part_a_transaction_has_room(world, monkeypatch):
    monkeypatch.setattr(airports, "PARTS", 1)

    airports_by_country_many(many(100))
    airports_by_country_many(many(100, "CA", 2))

    assert counts(world) == {"US": 0, "CA": 100}


def test_an_import_of_two_tenants_counts_each(world):
    airports_by_country_many([airport("K1", 1, "US"), airport("K1", 1, "US", tenant="tenant2")])

    assert (counts(world), counts(world, "tenant2")) == ({"US": 1}, {"US": 1})


def test_each_tenant_counts_its_own(world):
    airports_by_country(airport("RJTT", 1, "JP"))
    airports_by_country(airport("RJTT", 1, "JP", tenant="tenant2"))
    airports_by_country(airport("RJTT", 2, "KR", tenant="tenant2"))

    assert (counts(world), counts(world, "tenant2")) == ({"JP": 1}, {"JP": 0, "KR": 1})


@pytest.mark.parametrize(
    "wrong", [{"country": None}, {"country": ""}, {"lat": 91}, {"lon": "east"}, {"city": 5}]
)
def test_what_is_no_airport_is_not_published(world, wrong):
    attributes = {"country": "JP", **wrong}
    (field,) = wrong

    with pytest.raises(InvalidInputError, match=f"^attributes.{field}: "):
        CommandService("tenant1").publish("AIRPORT", "RJTT", name="x", attributes=attributes)

    assert world.stored_commands() == []


def test_an_airport_keeps_what_files_bring_beside_its_model(world):
    attributes = {"country": "JP", "elevation": 35, "lid": ""}
    CommandService("tenant1").publish_sync("AIRPORT", "RJTT", name="x", attributes=attributes)

    assert world.stored_rows()[0].attributes == attributes


def test_an_airport_is_listed_by_its_icao_code(world):
    airports_by_icao(airport("RJTT", 1, "JP", name="Haneda"))

    assert world.read_model("airports_by_icao").rows("tenant1", "airports") == [
        {
            "sort": "RJTT",
            "iata": "JTT",
            "city": "x",
            "country": "JP",
            "lat": 35.5,
            "lon": 139.8,
            "name": "Haneda",
            "version": 1,
            "is_deleted": False,
        }
    ]


def test_a_stale_version_does_not_overwrite_a_newer_row(world):
    airports_by_icao(airport("RJTT", 2, "JP", name="newer"))
    airports_by_icao(airport("RJTT", 1, "JP", name="older"))

    assert world.read_model("airports_by_icao").get("tenant1", "airports", "RJTT")["name"] == (
        "newer"
    )


def test_a_deleted_airport_keeps_its_row_as_a_guard(world):
    airports_by_icao(airport("RJTT", 2, "JP", is_deleted=True))
    airports_by_icao(airport("RJTT", 1, "JP"))

    row = world.read_model("airports_by_icao").get("tenant1", "airports", "RJTT")
    assert (row["version"], row["is_deleted"]) == (2, True)
