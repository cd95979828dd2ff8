"""The table `airports`: the columns of airportsdata's airports.csv."""

from typing import Any
from zoneinfo import available_timezones

from sfn_cqrs.errors import InvalidInputError
from sfn_cqrs.imports import Column, ImportStrategy, Record, import_strategy
from sfn_cqrs.types import MEMBERS

_TEXTS = ("iata", "city", "subd", "country", "tz", "lid")
_RANGES = {"elevation": (-1500, 30_000), "lat": (-90, 90), "lon": (-180, 180)}
_ZONES = available_timezones()


@import_strategy("airports", publish=MEMBERS, async_rows=30_000, step_function=True)
class Airports(ImportStrategy):
    """An airport by its ICAO code; elevation is in feet, lat and lon in degrees."""

    type = "AIRPORT"
    columns = (
        Column("icao", required=True),
        Column("iata"),
        Column("name", required=True),
        Column("city"),
        Column("subd", aliases=("subdivision",)),
        Column("country", required=True),
        Column("elevation"),
        Column("lat", required=True, aliases=("latitude",)),
        Column("lon", required=True, aliases=("longitude",)),
        Column("tz", required=True, aliases=("timezone",)),
        Column("lid"),
    )

    def transform(self, cells: dict[str, str]) -> Record:
        """Keep texts as they are and read numbers; an empty number is left out."""
        attributes: dict[str, Any] = {name: cells.get(name, "") for name in _TEXTS}
        for name in _RANGES:
            text = cells.get(name, "")
            if text:
                attributes[name] = _number(name, text)
        return Record(cells["icao"].upper(), cells["name"], attributes)

    def validate(self, record: Record) -> None:
        """Refuse places that are not on Earth."""
        if not record.attributes["country"]:
            raise InvalidInputError("country", "must not be empty")
        for name in ("lat", "lon"):
            if name not in record.attributes:
                raise InvalidInputError(name, "must not be empty")
        for name, (low, high) in _RANGES.items():
            value = record.attributes.get(name)
            if isinstance(value, float) and not low <= value <= high:
                raise InvalidInputError(name, f"must be between {low} and {high}, is {value:g}")
        if record.attributes["tz"] not in _ZONES:
            raise InvalidInputError(
                "tz", f"{record.attributes['tz']!r} is not a time zone, such as Asia/Tokyo"
            )


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInputError(name, f"{text!r} is not a number") from None
