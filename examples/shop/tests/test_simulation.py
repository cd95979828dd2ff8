"""The shop's read models, whatever happens to their handlers."""

from sfn_cqrs_tools.testing.simulation import Change
from shop.airports import airports_by_country
from shop.orders import orders_by_customer


def test_orders_are_listed_as_their_versions_say(simulate):
    simulate(orders_by_customer, schedules=200)


def test_no_country_ever_has_more_airports_than_there_are(simulate):
    def always(seen):
        counts = seen.rows("airports_by_country", "countries", buckets=16)
        assert sum(row["airports"] for row in counts) <= 2

    kansai = [
        Change("AIRPORT", "KIX", {"country": "JP"}),
        Change("AIRPORT", "NRT", {"country": "JP"}),
    ]
    moved = Change("AIRPORT", "KIX", {"country": "KR"})
    simulate(airports_by_country, commands=[*kansai, moved], always=always, schedules=200)
