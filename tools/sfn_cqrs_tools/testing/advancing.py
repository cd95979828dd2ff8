"""Time that passes in a world: what is due is published, and versions are applied in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.command.process import Outcome, Process
from sfn_cqrs.machines.command.projection import run_handler
from sfn_cqrs.machines.command.runner import Chain, write_row
from sfn_cqrs.machines.schedule.items import PLANS
from sfn_cqrs.machines.schedule.publishing import publish_due
from sfn_cqrs.machines.schedule.rules import Status
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.fakes.stored import Stored


def advance(world: Stored, clock: ManualClock, time: timedelta) -> None:
    """Let time pass in the world that is in place, from one moment that is due to the next.

    Raises:
        SyncHandlerError: a handler has failed.
    """
    _catch_up(world)
    for moment in _moments(world, clock(), clock() + time):
        clock.advance(microseconds=(moment - clock()) // timedelta(microseconds=1))
        _catch_up(world)


def _catch_up(world: Stored) -> None:
    """Publish and apply all that is due, and what that makes due."""
    _apply_all(world)
    while publish_due(lambda: 300_000).get("done"):
        _apply_all(world)
    _apply_all(world)


def _moments(world: Stored, last: datetime, until: datetime) -> Iterator[datetime]:
    """Yield when something is due, and the end; what could not be published is tried at each."""
    while later := [moment for moment in _due(world) if last < moment < until]:
        last = min(later)
        yield last
    yield until


def _due(world: Stored) -> list[datetime]:
    waiting = (plan for plan in world.all_of(PLANS) if plan.status is Status.PLANNED)
    return [datetime.fromisoformat(plan.due_at) for plan in waiting]


def _apply_all(world: Stored) -> None:
    """Apply what is published, also by the handlers that run meanwhile."""
    while ready := [process for process in _open(world) if _is_next(process)]:
        for process in ready:
            _apply(process)


def _open(world: Stored) -> list[Process]:
    items = map(unmarshal, world.dynamodb.items("CommandsTable"))
    found = [as_process(item) for item in items if item["kind"] == "process"]
    return [process for process in found if process.outcome is Outcome.OPEN]


def _is_next(process: Process) -> bool:
    before = Chain(process.key).run(chain.previous(process.version)).outcome
    return before is None or before.is_settled


def _apply(process: Process) -> None:
    """Do what the machine does with a version."""
    key, version = process.key, process.version
    row = bootstrap.data().snapshot(key)
    if row is not None and int(row["version"]["N"]) < version:
        bootstrap.history().append(row)
    write_row(key, version)
    command = bootstrap.commands().find(key, version)
    assert command is not None
    for name in handlers.names_of(key.type):
        run_handler(command, name)
    closing = chain.close(version, process.attempt, Outcome.APPLIED, "finish:FINISHED")
    Chain(key).run(closing)
