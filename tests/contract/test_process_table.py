from dataclasses import replace
from datetime import timedelta

import pytest

from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.command.chain import Close, Park, Restart, Skip
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.process_table import (
    BLOCKED_SHARDS,
    FAILED_SHARDS,
    OPEN_SHARDS,
    open_shard,
)
from sfn_cqrs_tools.testing.builders import LEASED, NRT, a_lease, a_process, a_publication

AT_NOON = "2026-11-25T12:00:00.000Z"
IN_30_DAYS = 1798200000  # 2026-12-25T12:00:00Z
AFTERWARDS = "2026-11-26T00:00:00.000Z"


def test_a_published_process_is_found_as_it_was_published(world):
    world.commands.publish(a_publication())

    assert world.processes.find(NRT, 1) == a_process()
    assert world.processes.find(NRT, 2) is None


def test_a_close_that_is_repeated_finds_its_own_outcome(world):
    world.seed(a_process())

    world.processes.write(NRT, Close(1, 1, Outcome.APPLIED, "finish:FINISHED"))
    again = world.processes.write(
        NRT, Close(1, 1, Outcome.FAILED, "finish:FAILED", "Error", "cause")
    )

    applied = a_process(outcome=Outcome.APPLIED, status="finish:FINISHED", updated_at=AT_NOON)
    assert again == Written(done=False, record=applied)


def test_a_restart_opens_the_next_attempt_once(world):
    world.seed(a_process(outcome=Outcome.FAILED, error="Error", cause="cause", token_seq=3))

    first, second = (
        world.processes.write(NRT, Restart(1, 1)),
        world.processes.write(NRT, Restart(1, 1)),
    )

    reopened = a_process(attempt=2, opened_at=AT_NOON, updated_at=AT_NOON)
    assert first == Written(done=True, record=reopened)
    assert second == Written(done=False, record=reopened)


def test_only_an_applied_version_gets_a_ttl(make_world):
    world = make_world(command_ttl=Retention(None, {"AIRPORT": 30}))
    world.seed(*[a_process(version=version) for version in (1, 2, 3)])
    world.seed(a_process(version=4, outcome=Outcome.FAILED))

    for version, outcome in ((1, Outcome.APPLIED), (2, Outcome.FAILED), (3, Outcome.BLOCKED)):
        world.processes.write(NRT, Close(version, 1, outcome, "some:STATUS"))
    world.processes.write(NRT, Skip(4, 1))

    ttls = {version: ttl for version, (_, _, ttl) in world.stored(NRT).items()}
    assert ttls == {1: IN_30_DAYS, 2: None, 3: None, 4: None}


def test_an_expired_process_is_not_found_though_it_is_not_deleted_yet(make_world):
    world = make_world(command_ttl=Retention(30))
    world.seed(a_process())
    world.processes.write(NRT, Close(1, 1, Outcome.APPLIED, "finish:FINISHED"))

    world.clock.advance(days=30)

    assert world.processes.find(NRT, 1) is None
    assert list(world.stored(NRT)) == [1]


def test_the_index_lists_what_is_open_or_blocked(world):
    world.seed(*[a_process(version=version) for version in range(1, 6)])
    world.processes.write(NRT, Park(2, 1, "token", 0))
    for version, outcome in ((3, Outcome.APPLIED), (4, Outcome.FAILED), (5, Outcome.BLOCKED)):
        world.processes.write(NRT, Close(version, 1, outcome, "some:STATUS"))

    assert _all_opened(world) == [1, 2, 5]

    world.processes.write(NRT, Restart(4, 1))
    world.processes.write(NRT, Skip(5, 1))

    assert _all_opened(world) == [1, 2, 4]


def test_the_index_leaves_out_what_was_opened_lately(world):
    world.seed(
        a_process(version=1, opened_at="2026-11-25T11:57:59.999Z"),
        a_process(version=2, opened_at="2026-11-25T11:58:00.000Z"),
    )

    assert _all_opened(world, before="2026-11-25T11:58:00.000Z") == [1]


def test_a_shard_is_read_oldest_first_and_page_by_page(world):
    opened = _in_one_shard(7)
    world.seed(*reversed(opened))
    shard = open_shard(opened[0])

    pages, cursor = [], None
    while not pages or cursor is not None:
        found, cursor = world.processes.opened(shard, cursor, AFTERWARDS, 3)
        pages.append([process.version for process in found])

    versions = [process.version for process in opened]
    assert [each for each in pages if each] == [versions[:3], versions[3:6], versions[6:]]


def test_a_cursor_goes_on_where_a_version_has_closed_meanwhile(world):
    opened = _in_one_shard(4)
    world.seed(*opened)
    shard = open_shard(opened[0])
    _, cursor = world.processes.opened(shard, None, AFTERWARDS, 2)

    world.processes.write(NRT, Close(opened[1].version, 1, Outcome.APPLIED, "x:FINISHED"))
    found, _ = world.processes.opened(shard, cursor, AFTERWARDS, 100)

    assert [process.version for process in found] == [each.version for each in opened[2:]]


CURSOR = {"open_shard": 3, "opened_at": AT_NOON, "pk": NRT.pk, "sk": NRT.process_sk(1)}


def test_the_cursors_of_a_sweep_are_kept_until_the_next_one(world):
    begun = []
    for place in ({"3": CURSOR}, {}, {}):
        lease = a_lease(f"sweep {len(begun)}")
        begun.append(world.processes.begin_sweep(lease))
        world.processes.end_sweep(lease, place)

    assert begun == [{}, {"3": CURSOR}, {}]


def test_one_of_two_who_come_at_once_has_the_sweep_until_it_ends(world):
    first, second = a_lease("first"), a_lease("second")

    assert world.processes.begin_sweep(first) == {}
    assert world.processes.begin_sweep(second) is None
    world.processes.end_sweep(first, {})
    assert world.processes.begin_sweep(second) == {}


def test_who_asks_again_since_the_answer_was_lost_has_the_sweep(world):
    lease = a_lease("first")

    assert [world.processes.begin_sweep(lease) for _ in range(2)] == [{}, {}]


@pytest.mark.parametrize(("passed", "has_it"), [(60.0, False), (60.001, True)])
def test_a_lease_is_over_when_its_time_is(passed, has_it, world):
    world.processes.begin_sweep(a_lease("first", seconds=60))

    later = a_lease("second", at=LEASED + timedelta(seconds=passed))
    assert (world.processes.begin_sweep(later) == {}) is has_it


def test_who_has_lost_a_sweep_leaves_the_place_of_who_has_it(world):
    first = a_lease("first", seconds=60)
    second = a_lease("second", at=LEASED + timedelta(seconds=61))
    world.processes.begin_sweep(first)
    world.processes.begin_sweep(second)
    world.processes.end_sweep(second, {"3": CURSOR})

    world.processes.end_sweep(first, {})

    third = a_lease("third", at=LEASED + timedelta(seconds=62))
    assert world.processes.begin_sweep(third) == {"3": CURSOR}


def test_sweeps_of_one_table_have_leases_of_their_own(world):
    assert world.processes.begin_sweep(a_lease("first")) == {}
    assert world.processes.begin_sweep(replace(a_lease("first"), sweep="blocked")) == {}


@pytest.mark.parametrize(
    ("outcome", "shards"), [(Outcome.BLOCKED, BLOCKED_SHARDS), (Outcome.FAILED, FAILED_SHARDS)]
)
def test_what_waits_for_a_repair_is_listed_in_shards_of_its_own(outcome, shards, world):
    world.seed(a_process())
    world.processes.write(NRT, Close(1, 1, outcome, "mark_failed:FINISHED", "Error", "why"))
    assert (_listed(world, range(OPEN_SHARDS)), _listed(world, shards)) == ([], [1])

    world.processes.write(NRT, Restart(1, 1))

    assert (_listed(world, range(OPEN_SHARDS)), _listed(world, shards)) == ([1], [])


def test_what_has_failed_is_listed_by_the_moment_when_it_failed(world):
    world.seed(a_process(), a_process(version=2), a_process(version=3))
    for version in (1, 2):
        world.processes.write(NRT, Close(version, 1, Outcome.FAILED, "x:FINISHED", "E"))
        world.clock.advance(minutes=1)
    failed = [world.processes.find(NRT, version) for version in (1, 2)]
    first, second = (one.opened_at for one in failed)
    assert (first, second) == tuple(one.updated_at for one in failed)
    assert first < second

    listed = {
        (since, until): [
            process.version
            for shard in FAILED_SHARDS
            for process in world.processes.read_again(
                world.processes.listed(shard, None, since, until)[0]
            )
        ]
        for since, until in (("0", first), (first, second), (second, "9"))
    }

    assert {moments: sorted(versions) for moments, versions in listed.items()} == {
        ("0", first): [1],
        (first, second): [1, 2],
        (second, "9"): [2],
    }


def test_a_listing_goes_on_behind_any_of_its_keys(world):
    failed = [a_process(version=version, outcome=Outcome.FAILED) for version in range(1, 200)]
    mine = [one for one in failed if open_shard(one) == open_shard(failed[0])]
    world.seed(*mine)
    keys, _ = world.processes.listed(open_shard(mine[0]), None, "0", "9")

    rest, _ = world.processes.listed(open_shard(mine[0]), keys[1], "0", "9")

    assert rest == keys[2:]
    assert len(keys) == len(mine) > 3


def test_what_waits_for_a_repair_is_counted_up_to_a_limit_with_the_oldest_first(world):
    failed = [a_process(version=1, outcome=Outcome.FAILED, opened_at=AT_NOON)]
    shard = open_shard(failed[0])
    for version in range(2, 200):
        process = a_process(version=version, outcome=Outcome.FAILED, opened_at=AFTERWARDS)
        failed += [process] if open_shard(process) == shard and len(failed) < 3 else []
    world.seed(*reversed(failed))

    assert world.processes.unrepaired(shard, 9) == (3, AT_NOON)
    assert world.processes.unrepaired(shard, 2) == (2, AT_NOON)
    assert world.processes.unrepaired(BLOCKED_SHARDS.start, 9) == (0, "")


def test_what_is_skipped_is_listed_no_more(world):
    world.seed(a_process())
    world.processes.write(NRT, Close(1, 1, Outcome.FAILED, "mark_failed:FINISHED", "Error", "why"))

    world.processes.write(NRT, Skip(1, 1))

    assert _listed(world, range(FAILED_SHARDS.stop)) == []


def test_the_processes_of_other_items_and_tenants_are_left_alone(world):
    namesake = ItemKey("tenant2", "AIRPORT", "NRT")
    world.seed(a_process(), a_process(namesake))

    world.processes.write(NRT, Close(1, 1, Outcome.APPLIED, "finish:FINISHED"))

    assert world.processes.find(namesake, 1) == a_process(namesake)


def _listed(world, shards):
    return [
        process.version
        for shard in shards
        for process in world.processes.opened(shard, None, "9", 9)[0]
    ]


def _all_opened(world, before=AFTERWARDS):
    found = []
    for shard in range(BLOCKED_SHARDS.stop):
        found += world.processes.opened(shard, None, before, 100)[0]
    return sorted(process.version for process in found)


def _in_one_shard(amount):
    """Versions of one shard of the index, opened one second after the other."""
    processes = [a_process(version=version) for version in range(1, 1000)]
    mine = [each for each in processes if open_shard(each) == open_shard(processes[0])]
    return [
        replace(process, opened_at=f"2026-11-25T08:00:{second:02d}.000Z")
        for second, process in enumerate(mine[:amount])
    ]
