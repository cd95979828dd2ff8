"""Airports, in two read models: counted by country, and listed by their ICAO code.

Both are written at least once per version, and late retries happen: each write is guarded
by the version, so that whatever comes twice or too late changes nothing. A count is kept in
parts, `US#00` to `US#15`, or an import of a country's airports would wait for one row.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from sfn_cqrs.read_models import (
    ReadModel,
    at_once,
    read_model,
    read_model_type,
    shard_of,
    sync_handler,
    up_many,
)
from sfn_cqrs.types import MEMBERS, Command, Meta, command_type

BUCKETS = 16
"""An import writes thousands of airports a second."""
PARTS = 16
"""All that is counted in one row waits for one another: a count is the sum of so many rows."""
TOGETHER = 33
"""Airports of a transaction, which has a hundred changes at most: a row and two counts of each."""


@dataclass(frozen=True)
class Airport:
    """The fields of an airport that the read models need; further fields of a file are stored."""

    country: Annotated[str, Meta(min_length=1)]
    iata: str = ""
    city: str = ""
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None


command_type("AIRPORT", model=Airport, unknown="keep", publish=MEMBERS)
read_model_type(
    "airports_by_country", by=("countries",), read=MEMBERS, buckets=BUCKETS, counted="airports"
)
read_model_type("airports_by_icao", by=("airports",), read=MEMBERS, buckets=BUCKETS)


def by_country() -> ReadModel:
    """The airports of each country, counted."""
    return read_model("airports_by_country", buckets=BUCKETS)


def by_icao() -> ReadModel:
    """The attributes of an airport for a map."""
    return read_model("airports_by_icao", buckets=BUCKETS)


def airports_of(tenant: str) -> dict[str, int]:
    """How many airports each country has: the parts of its count, added up."""
    counts: Counter[str] = Counter()
    for row in by_country().rows(tenant, "countries"):
        counts[row["sort"].rpartition("#")[0]] += int(row["airports"])
    return dict(counts)


@sync_handler("AIRPORT")
def airports_by_country(command: Command[Airport]) -> None:
    """Keep the airports of each country, and how many there are."""
    _count([command])


@up_many(airports_by_country)
def airports_by_country_many(commands: Sequence[Command[Airport]]) -> None:
    """Keep those of an import: a count is written once for all that are in the same part of it."""
    parts: dict[tuple[str, int], list[Command[Airport]]] = defaultdict(list)
    for command in commands:
        parts[command.key.tenant, _part(command)].append(command)
    groups = [
        found[first : first + TOGETHER]
        for found in parts.values()
        for first in range(0, len(found), TOGETHER)
    ]
    at_once()(_count, groups)


def _count(commands: Sequence[Command[Airport]]) -> None:
    """Count airports of one tenant and one part of the counts.

    A row remembers the country that its airport is counted in. Rows and counts change in one
    transaction, which holds only if each row is as it was read: so an airport that comes twice is
    counted once, and what another has changed meanwhile is read again.
    """
    view, tenant = by_country(), commands[0].key.tenant
    changes: list[dict[str, Any]] = []
    moves: Counter[str] = Counter()
    for command in commands:
        code = command.key.code
        counted = view.get(tenant, "counted", code)
        if counted is not None and counted["version"] >= command.version:
            continue
        before = counted.get("country") if counted else None
        after = None if command.is_deleted else command.model.country
        row = {"version": command.version, "country": after, "name": command.name}
        expected = counted["version"] if counted else None
        changes.append(view.replace(tenant, "counted", code, row, expected))
        if before is not None:
            moves[f"{before}#{_part(command):02}"] -= 1
        if after is not None:
            moves[f"{after}#{_part(command):02}"] += 1
    for sort, amount in sorted(moves.items()):
        if amount:
            changes.append(view.add(tenant, "countries", sort, "airports", amount))
    if changes:
        view.write_all(changes)


def _part(command: Command[Airport]) -> int:
    """The part of each count that an airport is in: always the same, so that it leaves it again."""
    return shard_of("airports", command.key.code, PARTS)


@sync_handler("AIRPORT")
def airports_by_icao(command: Command[Airport]) -> None:
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
