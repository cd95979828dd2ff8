"""Rebuilds whose functions die before and after each of their calls, while versions come.

At the end each generation that is written has what the data have, whoever has died.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.simulation.chaos import Chaos
from tests.support.calls import AwsCall
from tests.support.proof import every, sampled, shares
from tests.support.rebuild_system import RebuildSystem
from tests.support.system import API, killing, silent

from sfn_local import FunctionError

CODES = ("NRT", "HND", "KIX")
NEXT, WORK, SYNC = (
    "RebuildNextWorkFunction",
    "RebuildWorkOnSegmentFunction",
    "CommandSyncDataFunction",
)
INVOCATIONS = 3
"""Of each function, those that are killed: most segments of a stage are alike."""


def rebuilt(system: RebuildSystem) -> None:
    """Airports are published, one before, one during and one after the begin of a rebuild."""
    for code in CODES[:2]:
        system.publish(code)
    system.settle()
    system.operate()
    system.publish(CODES[0], version=1)
    system.publish(CODES[2])
    system.settle()
    system.work()


def check(system: RebuildSystem) -> None:
    """Both generations have what the data have, and each item is counted once."""
    found = system.progress()
    assert system.versions() == {"NRT": 2, "HND": 1, "KIX": 1}
    assert system.rows(1) == system.rows(2) == system.versions()
    assert found["stage"] == "READY"
    assert sum(found["replayed"].values()) == len(CODES)
    assert found["compared"] == {"equal": len(CODES), "onlyOne": 0, "different": 0}


def moments() -> list[tuple[AwsCall, str]]:
    """After each call of the first invocations, and before the first one."""
    made: dict[tuple[str, int, int], AwsCall] = {}

    def note(call: AwsCall, moment: str) -> None:
        is_one = call.function in (NEXT, WORK, SYNC) and call.invocation <= INVOCATIONS
        if moment == "before" and is_one:
            made.setdefault((call.function, call.invocation, call.number), call)

    with silent(), RebuildSystem() as system:
        system.calls.observers.append(note)
        rebuilt(system)
        check(system)
    firsts = [(call, "before") for call in made.values() if call.number == 1]
    return [*firsts, *((call, "after") for call in made.values())]


@shares(16)
def test_killed_at_any_call_a_rebuild_ends_right(nth: int) -> None:
    found = moments()
    assert {call.function for call, _ in found} == {NEXT, WORK, SYNC}

    for call, moment in every(nth, found):
        with silent(), RebuildSystem() as system, killing(system, call, moment) as killed:
            rebuilt(system)
            assert killed == [call]
            check(system)


@pytest.mark.parametrize("step", ["", "switch", "drop"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_operator_whose_request_dies_asks_again(step: str, moment: str) -> None:
    operations = calls_of(step)
    for call in operations:
        with silent(), ready_for(step) as system, killing(system, call, moment) as killed:
            with pytest.raises(FunctionError):
                system.operate(step)
            status, _ = system.operate(step)
            found = system.work()

            assert (killed, status) == ([call], 202)
            assert system.rows(found["serving"]) == system.versions()


def calls_of(step: str) -> list[AwsCall]:
    """The calls of an operator's request."""
    made: list[AwsCall] = []
    with silent(), ready_for(step) as system:
        number = system.calls.invocations(API) + 1

        def note(call: AwsCall, moment: str) -> None:
            if moment == "before" and (call.function, call.invocation) == (API, number):
                made.append(call)

        system.calls.observers.append(note)
        system.operate(step)
    return made


@contextmanager
def ready_for(step: str) -> Iterator[RebuildSystem]:
    """A system where a step of a rebuild can be taken."""
    with RebuildSystem() as system:
        system.publish("NRT")
        system.settle()
        if step:
            system.operate()
            system.work()
        yield system


@pytest.mark.parametrize("seed", sampled(range(40), 4))
def test_whatever_dies_and_whoever_is_first_no_version_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    with silent(), RebuildSystem(seed) as system:
        chaos = Chaos(chance, kills=0.002, zombies=0.02)
        system.calls.observers.append(chaos.observe)
        system.gives_up = chaos.gives_up
        versions = dict.fromkeys(CODES, 0)
        is_begun = False
        for number in range(14):
            code = chance.choice(CODES)
            system.publish(code, version=versions[code])
            versions[code] += 1
            if number == 3:
                system.operate()
                is_begun = True
            if is_begun and chance.random() < 0.25:
                system.operate(chance.choice(("cancel", "resume", "switch", "rollback", "compare")))
            system.pass_time(chance.choice((0, 1, 20, 45)))
        chaos.kills = chaos.zombies = 0
        system.operate("resume")
        system.settle()
        found = system.work()
        if found["stage"] == "CANCELLED":
            system.operate("resume")
            found = system.work()

    assert system.versions() == versions, chaos.done
    assert system.rows(1) == system.rows(2) == versions, chaos.done
    assert found["stage"] in ("READY", "SWITCHED")
    assert sum(found["replayed"].values()) <= len(CODES)
