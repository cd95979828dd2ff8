"""Rebuilds whose functions die before and after each of their calls, while versions and files come.

At the end each generation that is written has what the data have, whoever has died.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.simulation.chaos import Chaos
from tests.support.calls import AwsCall, moments_of
from tests.support.import_system import a_file, a_line
from tests.support.proof import every, sampled, shares, without
from tests.support.rebuild_system import COUNTED, VIEW, RebuildSystem
from tests.support.system import API, killing, silent

from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.results import Counts, PublishMode
from sfn_local import FunctionError

CODES = ("NRT", "HND", "KIX")
NEXT, WORK, SYNC, ROWS = (
    "RebuildNextWorkFunction",
    "RebuildWorkOnSegmentFunction",
    "CommandSyncDataFunction",
    "ImportCsvCsvRowsHandlerFunction",
)
INVOCATIONS = 3
"""Of each function, those that are killed: most segments of a stage are alike."""
FILE = ("HND", "ITM", "NRT", "CTS", "KIX")
"""Rows 2 to 6 of a file, three batches: three airports change, two are new."""
PUBLISHED = 14
BESIDE = 3
"""A seed with which batches and segments make their calls in turn."""
IMPORT = "01JDHZ00000000000000000009"


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


def rows_named(name: str) -> bytes:
    """A file of airports that are called so."""
    return a_file([a_line(code, f"{code} {name}") for code in FILE])


def rebuilt_while_a_file_comes(system: RebuildSystem) -> ImportKey:
    """The same, and a file is begun when the first segment is about to be replayed."""
    begun: list[ImportKey] = []

    def begin(call: AwsCall, moment: str) -> None:
        if call.function == WORK and moment == "before" and not begun:
            begun.append(system.start_import(rows_named("1"), IMPORT))

    system.calls.observers.append(begin)
    rebuilt(system)
    return begun[0]


def check_file(system: RebuildSystem, key: ImportKey) -> None:
    """Each row is a version, once, and counted once; nobody lacks it."""
    job = system.imported(key)
    assert job.ending is not None
    assert job.ending.counts == Counts(created=2, updated=3)
    check_rows(system, key)
    assert system.versions() == {"NRT": 3, "HND": 2, "KIX": 2, "ITM": 1, "CTS": 1}
    check_whole(system)
    system.operate("compare")  # once nobody writes: one comparison may have met a dead batch
    found = system.work()
    assert found["stage"] == "READY"
    assert (found["compared"]["onlyOne"], found["compared"]["different"]) == (0, 0)


def check_rows(system: RebuildSystem, key: ImportKey) -> None:
    """Each row of a file is one version of its airport."""
    for number, code in enumerate(FILE, start=2):
        ids = [command.request_id for command in system.chain(code)]
        assert ids.count(key.request_id(number)) == 1, (code, ids)


def check_whole(system: RebuildSystem) -> None:
    """No version is lost and none is overtaken: both generations have what came last."""
    versions = system.versions()
    for code, version in versions.items():
        assert [one.version for one in system.chain(code)] == list(range(1, version + 1))
    names = {code: system.chain(code)[-1].name for code in versions}
    for generation in (1, 2):
        assert system.rows(generation) == versions
        assert system.names(generation) == names
    if system.view == COUNTED:
        assert system.counted(1) == system.counted(2) == len(versions)


def test_a_function_of_a_rebuild_makes_few_calls_since_each_may_fail() -> None:
    with silent(), RebuildSystem() as system, system.calls.recorded() as made:
        rebuilt(system)
    calls = Counter((call.function, call.invocation) for call in made)

    assert max(calls[of] for of in calls if of[0] == NEXT) == 4
    assert calls[(WORK, 1)] == 7


@shares(32, usual=3)
@pytest.mark.parametrize("invocation", without(range(1, INVOCATIONS + 1), [2, 3]))
@pytest.mark.parametrize("function", [WORK, ROWS])
def test_killed_at_any_call_a_rebuild_and_an_import_beside_it_end_right(
    function: str, invocation: int, nth: int
) -> None:
    for call, moment in every(nth, moments_beside_a_file(function, invocation)):
        with silent(), RebuildSystem(BESIDE, COUNTED) as system:
            with killing(system, call, moment) as killed:
                key = rebuilt_while_a_file_comes(system)
            assert killed == [call]
            check_file(system, key)


def moments_beside_a_file(function: str, invocation: int) -> list[tuple[AwsCall, str]]:
    """When an invocation may die."""
    with silent(), RebuildSystem(BESIDE, COUNTED) as system, system.calls.recorded() as made:
        check_file(system, rebuilt_while_a_file_comes(system))
    return moments_of(
        call for call in made if (call.function, call.invocation) == (function, invocation)
    )


@pytest.mark.parametrize("seed", sampled(range(40), 1))
def test_whatever_dies_while_versions_and_files_come_no_version_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    view = chance.choice((VIEW, COUNTED))
    with silent(), RebuildSystem(seed, view) as system:
        chaos = Chaos(chance, kills=0.002, zombies=0.02)
        system.calls.observers.append(chaos.observe)
        system.gives_up = chaos.gives_up
        files = []
        for number in range(PUBLISHED):
            system.publish(chance.choice(CODES), version=-1, name=f"published {number}")
            if number == 3:
                system.operate()
            if number in (2, 5, 9):
                mode = chance.choice((PublishMode.SYNC, PublishMode.SYNC, PublishMode.ASYNC))
                id_ = f"{IMPORT[:-1]}{number}"
                files.append(system.start_import(rows_named(str(number)), id_, mode))
            system.pass_time(chance.choice((0, 1, 20, 45)))
        chaos.kills = chaos.zombies = 0
        system.settle()
        counts = [job.ending.counts for job in map(system.imported, files) if job.ending]
        found = system.work()

        assert [each.total for each in counts] == [len(FILE)] * len(files), chaos.done
        for key in files:
            check_rows(system, key)
        check_whole(system)
        assert sum(system.versions().values()) == PUBLISHED + len(files) * len(FILE)
        assert found["stage"] == "READY"


@shares(4)
@pytest.mark.parametrize("step", ["", "switch", "drop"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_operator_whose_request_dies_asks_again(step: str, moment: str, nth: int) -> None:
    for call in every(nth, calls_of(step)):
        with silent(), ready_for(step) as system, killing(system, call, moment) as killed:
            with pytest.raises(FunctionError):
                system.operate(step)
            status, _ = system.operate(step)
            found = system.work()

            assert (killed, status) == ([call], 202)
            assert system.rows(found["serving"]) == system.versions()


def calls_of(step: str) -> list[AwsCall]:
    """The calls of an operator's request."""
    with silent(), ready_for(step) as system:
        number = system.calls.invocations(API) + 1
        with system.calls.recorded() as made:
            system.operate(step)
    return [call for call in made if (call.function, call.invocation) == (API, number)]


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
