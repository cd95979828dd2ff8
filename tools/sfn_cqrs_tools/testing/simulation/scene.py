"""A scene: some changes are published, and tasks, sagas, plans and imports wait to begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import SfnCqrsError
from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.command import Audit, Known
from sfn_cqrs.kernel.keys import ImportKey, ItemKey, PlanKey, SagaKey, TaskKey, task_id_parts
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Job, Loaded, Reader
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs.machines.task.service import TaskService
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.fakes.stored import TABLES
from sfn_cqrs_tools.testing.fakes.world import World
from sfn_cqrs_tools.testing.simulation.changes import Change, NewImport, NewSaga, NewTask, Wish
from sfn_cqrs_tools.testing.simulation.players import Version
from sfn_cqrs_tools.testing.simulation.schedule import TENANTS
from sfn_cqrs_tools.testing.simulation.stage import Outside

FIRST_ROW = 2


@dataclass(frozen=True, eq=False)
class Batch:
    """The rows of an import, as its machine hands them on."""

    job: Job
    rows: tuple[Row, ...]

    @property
    def tenant(self) -> str:
        """Return whose import it is."""
        return self.job.key.tenant


Piece = Version | PlanKey | TaskKey | SagaKey | Batch
"""What a schedule lets come: a version, a plan, a task, a saga, the rows of an import."""
Rows = dict[tuple[str, str, str], dict[str, Any]]
"""By view, partition and sort key."""


@dataclass(frozen=True)
class Scene:
    """The tables before anything has come, what comes, and what became of it on a quiet day."""

    tables: DynamoDB
    pieces: tuple[Piece, ...]
    at: datetime
    told: tuple[str, ...]
    """The pieces in words, in their order."""
    outside: Outside = field(default_factory=dict)
    ends: Mapping[int, Any] = field(default_factory=dict)
    """How each piece ended, by its place."""
    owners: frozenset[str] = frozenset()
    """Those of the versions that there are in the end."""
    own: Mapping[str, Rows] = field(default_factory=dict)
    """The rows of each tenant after the quiet day."""
    folds: dict[Any, Rows] = field(default_factory=dict)
    """What lists of versions make, as they were folded."""

    @property
    def tenants(self) -> list[str]:
        """Return the tenants that take part."""
        return sorted({tenant_of(piece) for piece in self.pieces})


def tenant_of(piece: Piece) -> str:
    """Return whose it is."""
    match piece:
        case (key, _):
            return str(key.tenant)
        case PlanKey():
            return piece.item.tenant
        case _:
            return piece.tenant


@contextmanager
def world_of(tables: DynamoDB, clock: ManualClock, at: datetime) -> Iterator[World]:
    """Put a world over tables in place of the deployed one, without threads."""
    clock.advance(seconds=(at - clock()).total_seconds())
    world = World(dynamodb=tables, clock=clock)
    with bootstrap.override(**world.parts() | {"at_once": _one_by_one}):
        yield world


def published(wishes: Sequence[tuple[Wish, int]], clock: ManualClock, start: datetime) -> Scene:
    """Publish changes, and make tasks and the like; one that is refused is left out."""
    pieces: list[Piece] = []
    told: list[str] = []
    with world_of(DynamoDB(TABLES), clock, start) as world:
        for wish, tenant in wishes:
            clock.advance(seconds=1)
            try:
                piece = _begun(wish, TENANTS[tenant])
            except SfnCqrsError:
                continue
            if piece not in pieces:
                pieces.append(piece)
                told.append(_told(wish, piece))
    return Scene(world.dynamodb, tuple(pieces), clock(), tuple(told))


def _told(wish: Wish, piece: Piece) -> str:
    tenant = f"tenant {tenant_of(piece)}"
    return (
        f"{wish} (version {piece[1]}, {tenant})"
        if isinstance(piece, tuple)
        else (f"{wish} ({tenant})")
    )


@singledispatch
def _begun(wish: Any, tenant: str) -> Piece:
    raise TypeError(f"{wish!r} is not a Change, NewTask, NewSaga or NewImport of {tenant}")


@_begun.register
def _(wish: Change, tenant: str) -> Piece:
    service, name = CommandService(tenant), wish.name or wish.code
    key = ItemKey(tenant, wish.type, wish.code)
    given = {"name": name, "attributes": wish.attributes, "is_deleted": wish.is_deleted}
    if wish.after is not None:
        at = bootstrap.now() + max(wish.after, timedelta(seconds=1))
        plan = service.publish_at(wish.type, wish.code, at=at, **_without_none(given))
        return PlanKey(key, plan.plan)
    if wish.attributes is None:
        return key, service.delete(wish.type, wish.code).version
    made = service.publish(wish.type, wish.code, version=Known.LATEST, **_without_none(given))
    return key, made.version


@_begun.register
def _(wish: NewTask, tenant: str) -> Piece:
    id_ = TaskService(tenant).create(wish.type, list(wish.items))
    key = bootstrap.tasks().locate(tenant, *task_id_parts(id_))
    assert key is not None
    return key


@_begun.register
def _(wish: NewSaga, tenant: str) -> Piece:
    return SagaKey.of(tenant, SagaService(tenant).start(wish.saga, wish.input))


@_begun.register
def _(wish: NewImport, tenant: str) -> Piece:
    header = [*dict.fromkeys(name for row in wish.rows for name in row)]
    columns = strategies.find(wish.table).known_columns().assigned(header)
    rows = tuple(
        Row(number, [row.get(name, "") for name in header])
        for number, row in enumerate(wish.rows, FIRST_ROW)
    )
    now = bootstrap.now()
    job = Job(
        key=ImportKey(tenant, new_ulid(now)),
        table=wish.table,
        source=NO_SOURCE,
        by=Audit(iso(now)),
        updated_at=iso(now),
        loaded=Loaded(len(rows), tuple(header), columns, Reader.NONE, NO_SOURCE),
    )
    bootstrap.import_jobs().create(job)
    return Batch(job, rows)


def _without_none(given: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in given.items() if one is not None}


def _one_by_one(work: Any, parts: Iterable[Any]) -> list[Any]:
    return [work(part) for part in parts]
