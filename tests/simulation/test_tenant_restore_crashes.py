"""A tenant's restore that is killed around each of its calls, or meets live traffic at each."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from tests.simulation.test_erasure_interleavings import ADA, LARGE, letters
from tests.support.calls import AwsCall, Calls, Deaths, KilledError
from tests.support.proof import every, shares
from tests.support.system import TENANT
from tests.unit.care.erasure.conftest import apply_open

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.tenants.restore import Restore
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import ChainBusyError, VersionConflictError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.fakes import World

CODES = ("changed", "large", "gone", "new")
BEFORE = {
    "changed": (3, "1", False),
    "large": (3, LARGE, False),
    "gone": (3, "1", False),
    "new": (2, "1", True),
}
EXPECTED = {"changed": "restored", "large": "restored", "gone": "restored", "new": "deleted"}


@pytest.fixture(autouse=True)
def _package(monkeypatch):
    monkeypatch.setenv("APP_PACKAGE", "shop")
    monkeypatch.setattr("time.sleep", lambda _: None)


def publish(code: str, text: str, *, version: int = -1, is_deleted: bool = False) -> None:
    attributes = {"reader": ADA, "text": text}
    service = CommandService(TENANT)
    service.publish_sync(
        "LETTER", code, name=code, attributes=attributes, version=version, is_deleted=is_deleted
    )


def a_world() -> tuple[World, str]:
    """Letters that have changed since a moment, and the moment."""
    world = World()
    with of(world):
        publish("changed", "1")
        publish("large", LARGE)
        publish("gone", "1")
        world.clock.advance(seconds=30)
        then = iso(world.clock())
        world.clock.advance(seconds=30)
        publish("changed", "2")
        publish("large", "small")
        publish("gone", "1", is_deleted=True)
        publish("new", "1")
        world.clock.advance(seconds=30)
    return world, then


@contextmanager
def of(world: World) -> Iterator[None]:
    with bootstrap.override(**world.parts(), audit_tables=world.erased_tables):
        yield


def state(world: World) -> dict[str, tuple[int, Any, bool]]:
    rows = {code: world.data.find(ItemKey(TENANT, "LETTER", code)) for code in CODES}
    return {
        code: (row.version, row.attributes["text"], row.is_deleted) if row else (0, "", False)
        for code, row in rows.items()
    }


def run_killed(kill: tuple[int, str] | None) -> int:
    """Restore, and again if it was killed; answer how many calls the first run made."""
    with letters():
        world, then = a_world()
        deaths = Deaths(kill)
        for name in ("put_object", "get_object"):
            deaths.watched(world.objects, name)
        with of(world):
            world.dynamodb.around = deaths.around
            with deaths.at_work(), suppress(KilledError):
                list(Restore(TENANT, then, writes=True).run())
            apply_open(world)
            world.clock.advance(minutes=1)
            done = list(Restore(TENANT, then, writes=True).run())
            apply_open(world)
            assert {one.key.code: str(one.fate) for one in done} == EXPECTED
            assert state(world) == BEFORE
            assert Audit().run().findings == []
    return deaths.made


@shares(6)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_restore_that_dies_at_any_call_is_finished_by_the_next(moment: str, nth: int) -> None:
    total = run_killed(None)
    assert total > 30
    for number in every(nth, range(1, total + 1)):
        run_killed((number, moment))


def run_live(at: int, code: str, version: int) -> int:
    """Restore beside somebody who publishes; answer how many calls the restore made."""
    with letters():
        world, then = a_world()
        calls, made, stored = Calls(), itertools.count(1), []

        def meet(_call: AwsCall, moment: str) -> None:
            if moment == "before" and next(made) == at:
                with suppress(VersionConflictError, ChainBusyError):
                    stored.append(publish(code, "live", version=version))

        with of(world):
            world.dynamodb.around = calls.around
            with calls.observed_by(meet), calls.of("restore"):
                list(Restore(TENANT, then, writes=True).run())
            apply_open(world)
            world.clock.advance(minutes=1)
            done = {one.key.code: str(one.fate) for one in Restore(TENANT, then, writes=True).run()}
            found = state(world)
            assert Audit().run().findings == []
        others = {other: BEFORE[other] for other in CODES if other != code}
        assert {other: found[other] for other in others} == others
        if stored:
            assert (found[code][1:], done[code]) == (("live", False), "kept")
        else:
            assert (found[code], done[code]) == (BEFORE[code], EXPECTED[code])
    return next(made) - 1


@shares(6)
@pytest.mark.parametrize("version", [-1, 2])
@pytest.mark.parametrize("code", ["changed", "gone"])
def test_what_somebody_publishes_at_any_call_is_there_afterwards(
    code: str, version: int, nth: int
) -> None:
    total = run_live(0, code, version)
    for at in every(nth, range(1, total + 1)):
        run_live(at, code, version)
