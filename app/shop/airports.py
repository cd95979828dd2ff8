"""Airports, in two read models: counted by country, and listed by their ICAO code.

Both are written at least once per version, and late retries happen: each write is guarded
by the version, so that whatever comes twice or too late changes nothing.
"""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.read_model import ReadModel
from sfn_cqrs.domain.command import Command
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service.handlers import command_type, sync_handler
from sfn_cqrs.service.read_models import read_model_type

BUCKETS = 16
"""An import writes thousands of airports a second."""

command_type("AIRPORT", publish=MEMBERS)
read_model_type("airports_by_country", by=("countries",), read=MEMBERS, buckets=BUCKETS)
read_model_type("airports_by_icao", by=("airports",), read=MEMBERS, buckets=BUCKETS)


def by_country() -> ReadModel:
    """The airports of each country, counted."""
    return bootstrap.read_model("airports_by_country", buckets=BUCKETS)


def by_icao() -> ReadModel:
    """What a map needs of each airport."""
    return bootstrap.read_model("airports_by_icao", buckets=BUCKETS)


@sync_handler("AIRPORT")
def airports_by_country(command: Command) -> None:
    """Keep the airports of each country, and how many there are.

    The row remembers the country that it is counted in. The row and both counts change in
    one transaction, which holds only if the row is as it was read.
    """
    view = by_country()
    tenant, code = command.key.tenant, command.key.code
    counted = view.get(tenant, "counted", code)
    if counted is not None and counted["version"] >= command.version:
        return
    before = counted.get("country") if counted else None
    after = None if command.is_deleted else str(command.attributes["country"])
    parts: list[dict[str, Any]] = [
        view.replace(
            tenant,
            "counted",
            code,
            {"version": command.version, "country": after, "name": command.name},
            expected=counted["version"] if counted else None,
        )
    ]
    for country, amount in ((before, -1), (after, 1)):
        if country is not None and before != after:
            parts.append(view.add(tenant, "countries", country, "airports", amount))
    view.write_all(parts)


@sync_handler("AIRPORT")
def airports_by_icao(command: Command) -> None:
    """Keep what a map needs of each airport; a deleted one keeps its row as a guard."""
    fields = ("iata", "city", "country", "lat", "lon")
    row = {field: command.attributes.get(field) for field in fields}
    by_icao().put_if_newer(
        command.key.tenant,
        "airports",
        command.key.code,
        {
            **row,
            "name": command.name,
            "version": command.version,
            "is_deleted": command.is_deleted,
        },
    )
