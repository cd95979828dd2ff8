"""A scene: some changes are published, and what every read model has to become of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import SfnCqrsError
from sfn_cqrs.kernel.command import Known
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.read_models.rules import FIRST_GENERATION, GONE
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.command.projection import project
from sfn_cqrs.machines.command.runner import write_row
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.fakes.stored import TABLES
from sfn_cqrs_tools.testing.fakes.world import World
from sfn_cqrs_tools.testing.simulation.calls import VIEWS
from sfn_cqrs_tools.testing.simulation.changes import Change
from sfn_cqrs_tools.testing.simulation.schedule import TENANTS

_PLACES: Final = "\x1f"
Version = tuple[ItemKey, int]
Row = tuple[str, str, str]
"""A view, with its tenant, a partition and a sort key."""
Rows = dict[Row, dict[str, Any]]


@dataclass(frozen=True)
class Scene:
    """The tables after everything is published, the versions in order, and what is expected."""

    tables: DynamoDB
    versions: tuple[Version, ...]
    at: datetime
    told: tuple[str, ...]
    """The changes in words, in the order of the versions."""
    rows: Mapping[str, Rows] = field(default_factory=dict)
    """The rows of each tenant that its versions make: each once, and in order."""
    outside: Counter[str] = field(default_factory=Counter)
    counts: Mapping[ItemKey, int] = field(default_factory=dict)
    """How many versions each item has in the end, also those that handlers have published."""

    @property
    def tenants(self) -> list[str]:
        """Return the tenants that take part."""
        return sorted({key.tenant for key, _ in self.versions})


@contextmanager
def world_of(tables: DynamoDB, clock: ManualClock, at: datetime) -> Iterator[World]:
    """Put a world over tables in place of the deployed one, without threads."""
    clock.advance(seconds=(at - clock()).total_seconds())
    world = World(dynamodb=tables, clock=clock)
    with bootstrap.override(**world.parts() | {"at_once": _one_by_one}):
        yield world


def published(changes: Sequence[tuple[Change, int]], clock: ManualClock, start: datetime) -> Scene:
    """Publish changes; one that is refused is left out."""
    versions: list[Version] = []
    told: list[str] = []
    with world_of(DynamoDB(TABLES), clock, start) as world:
        for change, tenant in changes:
            clock.advance(seconds=1)
            try:
                version = _publish(TENANTS[tenant], change)
            except SfnCqrsError:
                continue
            key = ItemKey(TENANTS[tenant], change.type, change.code)
            if (key, version) not in versions:
                versions.append((key, version))
                told.append(str(change))
    return Scene(world.dynamodb, tuple(versions), clock(), tuple(told))


def _publish(tenant: str, change: Change) -> int:
    service, name = CommandService(tenant), change.name or change.code
    if change.attributes is None:
        return service.delete(change.type, change.code).version
    return service.publish(
        change.type,
        change.code,
        name=name,
        attributes=change.attributes,
        version=Known.LATEST,
        is_deleted=change.is_deleted,
    ).version


def fold(
    versions: Sequence[Version],
    names_of: Callable[[str], list[str]],
    written: Callable[[], Iterable[Version]],
) -> None:
    """Bring versions to their handlers, each once and in order, and those that these publish."""
    left = list(versions)
    while left:
        key, version = left.pop(0)
        write_row(key, version)
        for name in names_of(key.type):
            project(key, version, name)
        left += [one for one in written() if one not in versions]


def rows_of(tables: DynamoDB, tenant: str, generations: Mapping[str, int] | None = None) -> Rows:
    """Return the rows that readers of a tenant see, in these generations of the read models."""
    found: Rows = {}
    for stored in tables.items(VIEWS):
        item = unmarshal(stored)
        view, _, rest = str(item.pop("pk")).partition("#")
        owner, _, partition = rest.partition("#")
        name, _, number = view.partition("@")
        generation = int(number or FIRST_GENERATION)
        is_read = view and owner == tenant and generation == (generations or {}).get(name, 1)
        is_row = GONE not in item and not partition.startswith(_PLACES) and not _is_nothing(item)
        if is_read and is_row:
            found[name, partition, str(item.pop("sk"))] = item
    return found


def _is_nothing(item: Mapping[str, Any]) -> bool:
    """A count of nothing is as no count: which of both is there depends on the way."""
    numbers = [one for name, one in item.items() if name != "sk"]
    return "version" not in item and all(one == 0 and one is not False for one in numbers)


def counted(tables: DynamoDB) -> dict[ItemKey, int]:
    """Return how many versions each item has."""
    found = (unmarshal(item) for item in tables.items("CommandsTable"))
    return dict(Counter(as_process(item).key for item in found if item["kind"] == "process"))


def _one_by_one(work: Callable[[Any], Any], parts: Any) -> list[Any]:
    return [work(part) for part in parts]
