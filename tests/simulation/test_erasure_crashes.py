"""An erasure whose function is killed before and after each call that it makes."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.test_erasure_interleavings import ADA, LARGE, letters
from tests.support.calls import Deaths, KilledError
from tests.support.proof import every, shares
from tests.support.system import TENANT
from tests.unit.care.erasure.conftest import BY, apply_open, everything

from sfn_cqrs import bootstrap
from sfn_cqrs.care.erasure.service import ErasureService, work_together
from sfn_cqrs.kernel.erasure import Erasure, Status, certificate
from sfn_cqrs.kernel.keys import ErasureKey
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.fakes import World

CANARY = "canary"
ENDED = {"status": "COMPLETED", "tenant": TENANT}
WORK = {
    "SagasTable": {"kind": "saga", "rev": "r1", "saga": "x", "name": CANARY, "input": {"of": ADA}},
    "ImportTmpTable": {"kind": "job", "rev": "r1", "cells": {"who": ADA, "text": CANARY}},
}


def a_world() -> World:
    """Letters, small and large, with history; work that has ended; a file of an import."""
    world = World()
    with bootstrap.override(**world.parts()):
        service = CommandService(TENANT)
        for code, text in (("l-1", CANARY), ("l-2", CANARY + LARGE)):
            for version in range(2):
                attributes = {"reader": ADA, "text": f"{text} {version}"}
                service.publish_sync(
                    "LETTER", code, name=CANARY, attributes=attributes, version=version
                )
    for number, (table, item) in enumerate(WORK.items()):
        key = {"pk": f"WORK#{number}", "sk": "1", "id": f"x-{number}", "type": "X", **ENDED}
        world.dynamodb.put_item(TableName=table, Item=marshal({**key, **item}))
    world.import_bucket.put(f"uploads/{TENANT}/a.csv", f"who;text\n{ADA};{CANARY}\n".encode())
    return world


def erased(world: World, deaths: Deaths, people: tuple[str, ...]) -> Erasure:
    """Erase until all are done, by passes that they share; what is killed is begun again later."""
    with bootstrap.override(**world.parts()):
        service = ErasureService(TENANT)
        asked = [service.ask(person, "asked for", BY) for person in people]
        for name in ("put_object", "get_object", "paginate", "delete_objects"):
            deaths.watched(world.objects, name)
        world.dynamodb.around = deaths.around
        for _ in range(5):
            found = [world.erasures.find(one.key) or one for one in asked]
            with deaths.at_work(), suppress(KilledError):
                found = work_together(found, lambda: False)
            if {one.status for one in found} == {Status.DONE}:
                return found[0]
            apply_open(world)
            world.clock.advance(hours=1)
    raise AssertionError("it is never done")


def run_killed(
    kill: tuple[int, str] | None, people: tuple[str, ...] = (ADA,)
) -> tuple[int, dict[str, Any]]:
    with letters():
        world, deaths = a_world(), Deaths(kill)
        done = erased(world, deaths, people)
        assert CANARY not in everything(world)
        made = deaths.made
        assert world.erasures.among([ErasureKey.of(TENANT, ADA)])
    shown = certificate(replace(done, finished_at="", began_at="2026-11-25T12:00:00.000Z"))
    return made, shown["erased"]


@pytest.fixture(autouse=True)
def _package(monkeypatch):
    monkeypatch.setenv("APP_PACKAGE", "shop")
    monkeypatch.setattr("time.sleep", lambda _: None)


@shares(40, usual=3)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_erasure_that_dies_at_any_call_ends_the_same(moment, nth):
    total, counts = run_killed(None)
    assert total > 100
    assert counts == {
        "commands": 6,
        "objects": 2,
        "data": 2,
        "history": 4,
        "sagas": 1,
        "imports": 1,
        "files": 1,
    }
    for number in every(nth, range(1, total + 1)):
        _, found = run_killed((number, moment))
        assert {**found, "files": 1} == counts, number


@shares(40, usual=3)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_pass_of_two_people_that_dies_at_any_call_ends_the_same_for_both(moment, nth):
    both = (ADA, "person-of-nothing")
    total, counts = run_killed(None, both)
    assert counts["commands"] == 6
    for number in every(nth, range(1, total + 1)):
        _, found = run_killed((number, moment), both)
        assert {**found, "files": 1} == counts, number
