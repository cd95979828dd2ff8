"""What has to become of a scene: its quiet day, and what the versions of its end make in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from random import seed as seed_chance
from typing import Any, Final

from sfn_cqrs.kernel.errors import SyncHandlerError, TransientError
from sfn_cqrs.kernel.read_models.rules import FIRST_GENERATION, GONE, PLACES
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.items import as_key
from sfn_cqrs.machines.command.projection import project
from sfn_cqrs.machines.command.runner import write_row
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.simulation.about import owner_of
from sfn_cqrs_tools.testing.simulation.calls import VIEWS, BrokenError
from sfn_cqrs_tools.testing.simulation.play import Playing, on_stage
from sfn_cqrs_tools.testing.simulation.players import Version
from sfn_cqrs_tools.testing.simulation.scene import Rows, Scene, world_of
from sfn_cqrs_tools.testing.simulation.schedule import Schedule
from sfn_cqrs_tools.testing.simulation.stage import Outside, Stage, watched

_MADE: Final = ("DataTable", "HistoryTable", VIEWS)
"""What the versions make."""


def expected(stage: Stage, scene: Scene) -> Scene:
    """Return the scene with what becomes of it on a quiet day; each tenant is played alone.

    Raises:
        BrokenError: something fails even so.
    """
    outside: Outside = {}
    ends: dict[int, Any] = {}
    own: dict[str, Rows] = {}
    owners: frozenset[str] = frozenset()
    for tenant in scene.tenants:
        with on_stage(stage, scene) as world:
            playing = Playing(stage, scene, world, None, only=tenant)
            seed_chance(0)
            playing.play(Schedule(()))
            ends |= {place: player.end for place, player in playing.players.items()}
            for by, counts in stage.outside.items():
                outside[by] = outside.get(by, Counter()) + counts
            own[tenant] = rows_of(world.dynamodb, tenant)
            owners |= owners_of(world.dynamodb, tenant)
            folded(playing, tenant)
    return replace(scene, outside=outside, ends=ends, own=own, owners=owners)


def folded(playing: Playing, tenant: str, without: Collection[Version] = ()) -> Rows:
    """Return the rows that a tenant's versions make, each once, in order, and alone.

    Raises:
        BrokenError: a handler fails even so.
    """
    scene = playing.scene
    versions = [
        (version, id_)
        for version, id_ in _versions(playing.world.dynamodb, tenant)
        if version not in without
    ]
    known = tenant, tuple(versions)
    if known not in scene.folds:
        scene.folds[known] = _folded(playing, tenant, [version for version, _ in versions])
    return scene.folds[known]


def _folded(playing: Playing, tenant: str, versions: list[Version]) -> Rows:
    stage, tables = playing.stage, playing.world.dynamodb.copied(without=_MADE)
    outside, own, tell = stage.outside, {*stage.calls.own}, stage.calls.tell
    with world_of(watched(stage, tables, None), stage.clock, playing.scene.at):
        seed_chance(0)
        try:
            for key, version in versions:
                write_row(key, version)
                for name in handlers.names_of(key.type):
                    project(key, version, name)
        except (SyncHandlerError, TransientError) as error:
            raise BrokenError("quiet", f"a handler fails:\n  {error}") from error
    watched(stage, playing.world.dynamodb, tell)
    stage.outside, stage.calls.own = outside, own
    stage.playing = playing
    return rows_of(tables, tenant)


def _versions(tables: DynamoDB, tenant: str) -> list[tuple[Version, str]]:
    """Return a tenant's versions with their ids: those of an item in order, the oldest first."""
    found = [
        (item["updated_at"], as_key(item), int(item["version"]), str(item["id"]))
        for item in _commands(tables, tenant)
    ]
    found.sort(key=lambda each: (each[0], each[2], str(each[1])))
    return [((key, version), id_) for _, key, version, id_ in found]


def owners_of(tables: DynamoDB, tenant: str) -> frozenset[str]:
    """Return the owners of a tenant's versions, by which what they did is told apart."""
    return frozenset(
        owner_of(as_key(item), int(item["version"]), str(item["digest"]))
        for item in _commands(tables, tenant)
    )


def _commands(tables: DynamoDB, tenant: str) -> Iterator[dict[str, Any]]:
    for stored in tables.items("CommandsTable"):
        item = unmarshal(stored)
        if item["kind"] == "command" and item["tenant"] == tenant:
            yield item


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
        is_row = GONE not in item and not partition.startswith(PLACES) and not _is_nothing(item)
        if is_read and is_row:
            found[name, partition, str(item.pop("sk"))] = item
    return found


def _is_nothing(item: Mapping[str, Any]) -> bool:
    """A count of nothing is as no count: which of both is there depends on the way."""
    numbers = [one for name, one in item.items() if name != "sk"]
    return "version" not in item and all(one == 0 and one is not False for one in numbers)
