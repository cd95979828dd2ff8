import json

import pytest
from functions.schedule.sweep_commands.app import lambda_handler as sweep_commands
from tests.unit.schedule.sweeping import OLD, Context, ages, dimensions

from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.machines.command.chain import Skip
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process


def a_blocked(key=NRT, **changes):
    return a_process(key, **{"version": 2, "outcome": Outcome.BLOCKED, "opened_at": OLD, **changes})


def test_a_version_whose_wake_was_lost_goes_on(sweep, world):
    world.seed(a_process(version=1, outcome=Outcome.APPLIED), a_blocked())
    world.seed_rows(a_command(version=1))

    assert sweep() == {"blocked_restarted": 1}

    assert world.processes.find(NRT, 2).ref == CommandRef(NRT, 2, 2)


def test_one_whose_predecessor_has_failed_stays_blocked(sweep, world):
    world.seed(a_process(version=1, outcome=Outcome.FAILED), a_blocked())

    assert sweep() == {"blocked_blocked": 1}

    assert world.processes.find(NRT, 2) == a_blocked()


def test_one_that_is_skipped_since_it_was_listed_is_left_alone(sweep, world, monkeypatch):
    world.seed(a_blocked())
    opened = world.processes.opened

    def opened_and_then_skipped(*asked):
        found = opened(*asked)
        if found[0]:
            world.processes.write(NRT, Skip(2, 1))
        return found

    monkeypatch.setattr(world.processes, "opened", opened_and_then_skipped)

    assert sweep() == {"blocked_closed": 1}


def test_however_many_are_blocked_they_hide_no_open_one(sample, world, capsys):
    tick = sample("schedule/sweep_commands")
    blocked = [ItemKey("tenant1", "AIRPORT", f"{number:04d}") for number in range(2_000)]
    world.seed(*[a_blocked(key, opened_at="2026-01-01T00:00:00.000Z") for key in blocked])
    world.seed(a_process(opened_at=OLD))

    assert sweep_commands(tick, Context()) == {"command_started": 1}

    assert ages(capsys, "OldestUnappliedSeconds") == [3600.0]


@pytest.mark.usefixtures("world")
def test_where_nothing_waits_for_a_repair_no_metric_is_paid_for(sweep, capsys):
    sweep()

    assert capsys.readouterr().out.count("_aws") == 0


def test_what_is_failed_or_blocked_is_counted_and_the_oldest_has_an_age(sweep, world, capsys):
    hours_ago = "2026-11-25T07:00:00.000Z"
    world.seed(a_process(version=1, outcome=Outcome.FAILED, opened_at=hours_ago), a_blocked())
    world.seed(a_process(ItemKey("tenant2", "AIRPORT", "HND"), opened_at="2026-11-25T01:00:00Z"))

    sweep()

    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    (count,) = [line for line in printed if "UnrepairedVersions" in line]
    (age,) = [line for line in printed if "OldestUnrepairedSeconds" in line]
    assert (count["UnrepairedVersions"], age["OldestUnrepairedSeconds"]) == ([2.0], [18_000.0])
    assert dimensions(count) == dimensions(age) == [["service"]]


def test_a_backlog_is_counted_up_to_a_hundred_of_a_shard(sweep, world, capsys):
    world.seed(*[a_blocked(ItemKey("t", "AIRPORT", f"{number:05d}")) for number in range(4_000)])

    sweep(Context(questions=1))

    assert ages(capsys, "UnrepairedVersions") == [1_600.0]
