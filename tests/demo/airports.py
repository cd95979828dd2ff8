"""The real airports of the demonstration, and what happens to each of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

TYPE = "AIRPORT"
_FIELDS = ("iata", "city", "country", "elevation", "lat", "lon", "tz")


@dataclass(frozen=True)
class Airport:
    """One airport: its versions in order, each a request body without its version."""

    icao: str
    versions: list[dict[str, Any]]
    is_deleted: bool

    @property
    def final(self) -> dict[str, Any]:
        """Return the last body."""
        return self.versions[-1]


def choose(count: int) -> list[Airport]:
    """Take airports evenly from all over the world, as `airportsdata` knows them.

    Each is created with mistakes (every tenth in another country), corrected, then renamed;
    one in 25 is then deleted.
    """
    known = _known()
    step = max(1, len(known) // count)
    chosen = known[::step][:count]
    countries = sorted({str(row["country"]) for row in chosen})
    return [_airport(row, number, countries) for number, row in enumerate(chosen)]


@cache
def _known() -> list[dict[str, Any]]:
    import airportsdata  # noqa: PLC0415 - only the demonstration needs it

    source = sorted(airportsdata.load("ICAO").values(), key=lambda row: str(row["icao"]))
    return [dict(row) for row in source if row["iata"] and row["name"]]


def _airport(row: dict[str, Any], number: int, countries: list[str]) -> Airport:
    icao, name = str(row["icao"]), str(row["name"])
    right = {field: row[field] for field in _FIELDS}
    wrong = {**right, "elevation": 0, "lat": round(-row["lat"], 4)}
    if number % 10 == 0:
        wrong["country"] = countries[number % len(countries)]
    bodies: list[dict[str, Any]] = [
        {"name": icao, "attributes": wrong},
        {"name": icao, "attributes": right},
        {"name": name, "attributes": right},
    ]
    is_deleted = number % 25 == 24
    if is_deleted:
        bodies.append({"name": name, "attributes": right, "isDeleted": True})
    versions = [{"type": TYPE, "code": icao, **body} for body in bodies]
    return Airport(icao, versions, is_deleted)


def airports_per_country(airports: list[Airport]) -> dict[str, int]:
    """Return how many of the airports are left in each country."""
    left = [airport for airport in airports if not airport.is_deleted]
    return dict(Counter(airport.final["attributes"]["country"] for airport in left))
