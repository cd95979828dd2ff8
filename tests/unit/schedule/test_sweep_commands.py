import json
from dataclasses import replace

import pytest
from functions.schedule.sweep_commands.app import lambda_handler
from tests.unit.schedule.sweeping import NOW, OLD, Context, ages, dimensions, measured

from sfn_cqrs import bootstrap
from sfn_cqrs.care.sweep import COMMANDS, sweeping
from sfn_cqrs.kernel.errors import BusyError, TransientError
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.machines.command.chain import Skip
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process

EARLIER = "2026-11-25T10:00:00.000Z"
LAG = "OldestUnappliedSeconds"


@pytest.fixture
def swept_one(sample):
    """Sweep version 2, whose execution has ended other than well."""
    return lambda: lambda_handler(sample("schedule/sweep_commands_ended"), Context())


def item(number):
    return ItemKey("tenant1", "AIRPORT", f"{number:03d}")


@pytest.mark.usefixtures("world")
def test_where_nothing_is_open_nothing_is_done(sweep):
    assert sweep() == {}


def test_nobody_else_sweeps_as_long_as_a_sweep_may_last(sweep, world, monkeypatch):
    world.seed(a_process(opened_at=OLD))
    start = world.executions.start
    others = []

    def slowly(*asked):
        world.clock.advance(seconds=59)
        monkeypatch.setattr(world.executions, "start", start)
        others.append(sweep())
        return start(*asked)

    monkeypatch.setattr(world.executions, "start", slowly)

    assert sweep() == {"command_started": 1}
    assert others == [{}]


def test_what_was_opened_lately_is_left_to_its_start(sweep, world):
    world.seed(a_process(opened_at="2026-11-25T11:58:30.000Z"))

    assert sweep() == {}


def test_a_version_whose_execution_died_fails_with_its_error(sweep, world):
    world.seed(a_process(opened_at=OLD))
    world.executions.end(CommandRef(NRT, 1, 1), "States.Timeout", "the execution took too long")

    assert sweep() == {"command_failed": 1}

    assert world.processes.find(NRT, 1) == a_process(
        opened_at=NOW,
        outcome=Outcome.FAILED,
        status="sweep:FAILED",
        error="States.Timeout",
        cause="the execution took too long",
        updated_at=NOW,
    )


def test_the_age_of_the_oldest_open_version_is_a_metric(sweep, world, capsys):
    world.seed(
        a_process(item(1), opened_at="2026-11-25T11:50:00.000Z"),
        a_process(item(2), opened_at=OLD),
    )

    sweep()

    assert ages(capsys, "OldestUnappliedSeconds") == [3600.0]


@pytest.mark.usefixtures("world")
def test_where_nothing_is_open_the_age_is_zero_so_that_an_alarm_sees_that_sweeps_run(sweep, capsys):
    sweep()

    assert ages(capsys, "OldestUnappliedSeconds") == [0.0]


def lags(capsys):
    """How far each type is behind, as the metric says."""
    lines = measured(capsys, LAG)
    return {line["type"]: line[LAG][0] for line in lines if dimensions(line) != [["service"]]}


def test_how_far_each_type_is_behind_is_a_metric_of_the_type(sweep, world, capsys):
    world.seed(
        a_process(item(1), opened_at="2026-11-25T11:50:00.000Z"),
        a_process(item(2), opened_at=OLD),
        a_process(replace(item(3), type="OFFER"), opened_at="2026-11-25T11:55:00.000Z"),
    )

    sweep()

    assert lags(capsys) == {"AIRPORT": 3600.0, "OFFER": 300.0}


def test_a_type_is_found_behind_however_many_older_ones_of_another(sweep, world, capsys):
    world.seed(*[a_process(item(number), opened_at=OLD) for number in range(999)])
    world.seed(a_process(replace(item(0), type="OFFER"), opened_at="2026-11-25T11:55:00.000Z"))

    sweep()

    assert lags(capsys) == {"AIRPORT": 3600.0, "OFFER": 300.0}


@pytest.mark.parametrize("outcome", [Outcome.BLOCKED, Outcome.FAILED, Outcome.APPLIED])
def test_a_version_that_is_not_on_its_way_is_no_lag(sweep, world, capsys, outcome):
    world.seed(a_process(item(1), outcome=outcome, opened_at=OLD))

    sweep()

    assert lags(capsys) == {}


def test_only_the_twenty_types_that_are_furthest_behind_are_measured_each(sweep, world, capsys):
    world.seed(
        *[
            a_process(replace(item(0), type=f"T{number}"), opened_at=f"2026-11-25T11:{number}:00Z")
            for number in range(10, 40)
        ]
    )

    sweep()

    assert list(lags(capsys)) == [f"T{number}" for number in range(10, 30)]


def test_a_sweep_takes_page_after_page_until_nothing_is_left(sweep, world):
    many = [item(number) for number in range(300)]
    world.seed(*[a_process(key, opened_at=OLD) for key in many])

    assert sweep() == {"command_started": 300}

    assert {ref.key for ref in world.executions.started} == set(many)


class Hurried:
    """A Lambda context where no shard has time for more than one page."""

    was_asked = False

    def get_remaining_time_in_millis(self):
        was_asked, self.was_asked = self.was_asked, True
        return 19_999 if was_asked else 60_000

    def in_turn(self, work, shards):
        done = []
        for shard in shards:
            self.was_asked = False
            done.append(work(shard))
        return done


@pytest.fixture
def hurried(sample):
    """Sweep for as long as one page of each shard takes, of three versions each."""
    handler = sweeping(replace(COMMANDS, per_page=3))
    context = Hurried()

    def run():
        with bootstrap.override(at_once=context.in_turn):
            return handler(sample("schedule/sweep_commands"), context)

    return run


def test_when_the_time_is_nearly_over_the_next_sweep_goes_on_from_there(hurried, world):
    many = [item(number) for number in range(100)]
    world.seed(*[a_process(key, opened_at=OLD) for key in many])

    done = [hurried() for _ in range(5)]

    assert 16 < done[0]["command_started"] <= 16 * 3
    assert {ref.key for ref in world.executions.started} == set(many)


def test_a_sweep_that_goes_on_from_a_cursor_still_tells_the_age_of_the_oldest(
    hurried, world, capsys
):
    world.seed(a_process(item(0), opened_at="2026-11-24T12:00:00.000Z"))
    world.seed(*[a_process(item(number), opened_at=OLD) for number in range(1, 100)])

    hurried()
    hurried()

    assert ages(capsys, "OldestUnappliedSeconds") == [86400.0, 86400.0]


def test_a_shard_that_cannot_be_read_stops_no_other_and_fails_the_sweep(sweep, world, monkeypatch):
    world.seed(*[a_process(item(number), opened_at=OLD) for number in range(100)])
    opened = world.processes.opened

    def opened_but_one(shard, *asked):
        if shard == 3:
            raise BusyError("the index is throttled")
        return opened(shard, *asked)

    monkeypatch.setattr(world.processes, "opened", opened_but_one)

    with pytest.raises(TransientError):
        sweep()

    assert 80 < len(world.executions.started) < 100


@pytest.mark.parametrize(
    ("error", "told"),
    [(ValueError("no key"), [("command", "ValueError", NOW)]), (BusyError("throttled"), [])],
)
def test_a_sweep_that_ends_with_an_error_notes_it_unless_aws_was_busy(
    world, monkeypatch, error, told
):
    noted = []
    monkeypatch.setattr(world.processes, "note_failure", lambda *given: noted.append(given))

    def broken():
        raise error

    with pytest.raises((ValueError, TransientError)):
        sweeping(COMMANDS, then=broken)({}, Context())

    assert noted == told


def test_one_that_aws_is_too_busy_for_is_left_to_the_next_sweep(sweep, world, monkeypatch, log):
    world.seed(a_process(opened_at=OLD))

    def busy(_ref, _trace):
        raise BusyError("StartExecution is throttled")

    with monkeypatch.context() as patch:
        patch.setattr(world.executions, "start", busy)
        assert sweep() == {"command_busy": 1}
    assert "Traceback" not in log.getvalue()

    assert sweep() == {"command_started": 1}


def test_a_version_whose_execution_ended_without_a_word_fails_at_once(swept_one, world):
    world.seed(a_process(version=1, outcome=Outcome.APPLIED), a_process(version=2))
    world.executions.end(CommandRef(NRT, 2, 1), "ABORTED")

    assert swept_one() == {"failed": 1}

    failed = world.processes.find(NRT, 2)
    assert (failed.outcome, failed.error) == (Outcome.FAILED, "ABORTED")


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


def test_however_many_are_blocked_they_hide_no_open_one(sweep, world, capsys):
    blocked = [ItemKey("tenant1", "AIRPORT", f"{number:04d}") for number in range(2_000)]
    world.seed(*[a_blocked(key, opened_at="2026-01-01T00:00:00.000Z") for key in blocked])
    world.seed(a_process(opened_at=OLD))

    assert sweep()["command_started"] == 1

    assert ages(capsys, "OldestUnappliedSeconds") == [3600.0]


def test_where_nothing_waits_for_a_repair_no_metric_is_paid_for(sweep, world, capsys):
    world.seed(a_blocked())

    sweep()

    printed = capsys.readouterr().out
    assert "Unrepaired" not in printed


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
    world.seed(a_process(version=1, outcome=Outcome.FAILED, opened_at=OLD))

    sweep(Context(questions=1))

    assert ages(capsys, "UnrepairedVersions") == [1_601.0]
