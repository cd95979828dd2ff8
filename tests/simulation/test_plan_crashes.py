"""Plans whose maker, or whose publisher, is killed around each of its calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

import pytest
from tests.support.calls import Deaths, KilledError
from tests.support.system import TENANT
from tests.support.typed import declaring

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.keys import ItemKey, PlanKey
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule.declared import deadlines
from sfn_cqrs.machines.schedule.publishing import publish_due
from sfn_cqrs.machines.schedule.rules import Status
from sfn_cqrs_tools.testing.fakes import World

SERVICE = CommandService(TENANT)
EXPECTED = {
    "first": (Status.PUBLISHED, 2),
    "last": (Status.PUBLISHED, 3),
    "same": (Status.PUBLISHED, 3),
    "stale": (Status.REFUSED, None),
}


@pytest.fixture(autouse=True)
def _waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("APP_PACKAGE", "shop")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with declaring():
        command_type("NOTE", publish=MEMBERS)
        yield


@contextmanager
def watched(kill: tuple[int, str] | None) -> Iterator[tuple[World, Deaths]]:
    """A world with an item, and somebody in it who is killed at a call."""
    world, deaths = World(), Deaths(kill)
    with bootstrap.override(**world.parts()):
        SERVICE.publish("NOTE", "a", name="a", attributes={"n": 1})
        world.dynamodb.around = deaths.around
        yield world, deaths


def plan(name: str, hours: int, n: int, if_version: int | None = None) -> None:
    SERVICE.publish_at(
        "NOTE",
        "a",
        at=bootstrap.now() + timedelta(hours=hours),
        attributes={"n": n},
        partial=True,
        replace=name,
        if_version=if_version,
        caller=Caller(idempotency_key=name),
    )


def found(world: World) -> dict[str, tuple[Status, int | None]]:
    plans = world.schedule.page(PlanKey(ItemKey(TENANT, "NOTE", "a"), ""), 10, None).items
    return {one.name: (one.status, one.version) for one in plans}


def publish_killed(kill: tuple[int, str] | None) -> int:
    """Publish what is due, and again if that was killed; answer how many calls it made."""
    with watched(kill) as (world, deaths):
        for hours, (name, n) in enumerate({"first": 2, "last": 3, "same": 3}.items()):
            plan(name, hours + 1, n)
        plan("stale", 4, 9, if_version=1)
        world.clock.advance(hours=5)
        with deaths.at_work(), suppress(KilledError):
            publish_due(lambda: 60_000)
        world.clock.advance(minutes=2)
        publish_due(lambda: 60_000)

        versions = [world.commands.find(ItemKey(TENANT, "NOTE", "a"), n) for n in range(1, 5)]
        assert [one and one.attributes["n"] for one in versions] == [1, 2, 3, None]
        assert found(world) == EXPECTED
    return deaths.made


def make_killed(kill: tuple[int, str] | None) -> int:
    """Plan, and again with the same key if that was killed."""
    with watched(kill) as (world, deaths):
        plan("first", 3, 1)
        deaths.retried(lambda: plan("moved", 1, 2))
        plan("moved", 1, 2)
        assert set(found(world).values()) == {(Status.PLANNED, None)}

        world.clock.advance(hours=1)
        publish_due(lambda: 60_000)
        assert found(world) == {"first": (Status.PLANNED, None), "moved": (Status.PUBLISHED, 2)}
    return deaths.made


def deadline_killed(kill: tuple[int, str] | None) -> int:
    """Set and clear deadlines, publish what is due; whoever was killed is called again."""
    with watched(kill) as (world, deaths):
        first = SERVICE.latest("NOTE", "a")
        SERVICE.publish_partial("NOTE", "a", attributes={"n": 2})
        second = SERVICE.latest("NOTE", "a")
        assert first is not None
        assert second is not None
        for command in (first, second):
            deaths.retried(partial(say, command))
            closing = chain.close(command.version, 1, Outcome.APPLIED, "finish:FINISHED")
            Chain(command.key).run(closing)
        say(first)
        world.clock.advance(hours=1)
        deaths.retried(lambda: publish_due(lambda: 60_000))
        world.clock.advance(minutes=2)
        publish_due(lambda: 60_000)

        latest = SERVICE.latest("NOTE", "a")
        assert latest is not None
        assert (latest.version, latest.attributes["n"]) == (3, 12)
        ended = (Status.PUBLISHED, 3), (Status.CANCELLED, None)
        assert found(world) == dict(zip(("deadline:kept", "deadline:cleared"), ended, strict=True))
    return deaths.made


def say(command: Command) -> None:
    ours = deadlines(command)
    hour, n = timedelta(hours=1), int(str(command.attributes["n"]))
    ours.set("kept", after=hour, publish={"n": n + 10})
    if n == 1:
        ours.set("cleared", after=hour, publish={"n": 0})
    else:
        ours.clear("cleared")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("killed", [publish_killed, make_killed, deadline_killed])
def test_whoever_dies_at_any_call_is_made_good(
    killed: Callable[[tuple[int, str] | None], int], moment: str
) -> None:
    total = killed(None)
    assert total > 3
    for number in range(1, total + 1):
        killed((number, moment))
