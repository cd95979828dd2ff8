import re
from dataclasses import replace

import pytest
from tests.support.typed import forgetting
from tests.unit.import_csv.conftest import JOB, a_row, key_of

from sfn_cqrs.kernel.errors import BusyError, TransientError
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.process import Mode, Outcome
from sfn_cqrs.machines.command.publication import Publication
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.declaration import Duplicates
from sfn_cqrs.machines.import_csv.results import Counts, FailedRow, Fate, Planned, PublishMode
from sfn_cqrs_tools.testing.builders import a_command, a_process
from shop.airports import airports_of

RJAA, RJTT = key_of("RJAA"), key_of("RJTT")


def published(world, key, outcome, version=1, **changes):
    """A version of somebody else's that is stored and not applied."""
    process = a_process(key, version, outcome=outcome, **changes)
    world.commands.publish(Publication(a_command(key, version), process))
    world.seed(process)


def test_new_rows_are_created_and_changed_ones_updated(world, run):
    first = run(a_row(2), a_row(3, "RJTT", "Haneda"))
    second = run(
        a_row(2), a_row(3, "RJTT", "Tokyo"), key=ImportKey("tenant1", "01JDHZ0000000000000000000B")
    )

    assert (first.counts, second.counts) == (Counts(created=2), Counts(updated=1, unchanged=1))
    row = world.data.find(RJTT)
    assert (row.version, row.name, row.source, row.source_row) == (
        2,
        "Tokyo",
        "c-01JDHZ0000000000000000000B",
        3,
    )
    assert (row.created.by, row.created.ip) == ("taro", "192.0.2.1")
    assert [each.name for each in world.history.page(RJTT, 10, None).items] == ["Haneda"]


def test_a_version_that_a_row_published_has_no_process_and_names_its_row(world, run):
    run(a_row(2))

    command = world.commands.find(RJAA, 1)
    assert (command.source, command.source_row, command.request_id) == (JOB.id, 2, f"{JOB.id}#2")
    assert world.processes.find(RJAA, 1) is None


def test_the_read_models_are_brought_up(world, run):
    run(a_row(2), a_row(3, "RJTT", "Haneda"))

    assert airports_of("tenant1") == {"JP": 2}
    assert world.read_model("airports_by_icao").get("tenant1", "airports", "RJTT")["version"] == 1


def test_bad_rows_are_kept_with_their_reason_and_the_others_go_on(world, run):
    ragged = Row(4, ["RJTT"], Problem("ragged", "the row has 1 cell, the header 6 cells"))

    result = run(a_row(2), a_row(3, lat="north"), ragged)

    assert result.counts == Counts(created=1, failed=2)
    assert list(world.import_bucket.errors(JOB, 2)) == [
        FailedRow(a_row(3, lat="north"), Problem("invalid", "lat: 'north' is not a number")),
        FailedRow(Row(4, ["RJTT"]), ragged.problem),
    ]
    assert next(world.imports.markers(JOB)).has_errors


def test_a_batch_whose_bad_rows_cannot_be_kept_is_not_counted(world, run, monkeypatch):
    def is_busy(*_):
        raise BusyError("S3 is busy")

    monkeypatch.setattr(world.import_bucket, "put_errors", is_busy)

    with pytest.raises(BusyError):
        run(a_row(2), a_row(3, lat="north"))

    assert world.imports.counts(JOB) == Counts()


def test_a_batch_without_a_good_row_is_counted_too(world, run):
    result = run(a_row(2, lat="x"))

    assert result.counts == world.imports.counts(JOB) == Counts(failed=1)


def test_the_last_row_of_a_key_wins(world, run):
    result = run(a_row(2, name="a"), a_row(3, name="b"), a_row(4, name="c"))

    assert result.counts == Counts(created=1, unchanged=2)
    assert result.plan[2] == Planned(Fate.UNCHANGED, reason="superseded")
    assert (world.data.find(RJAA).name, world.data.find(RJAA).version) == ("c", 1)


def test_a_bad_row_does_not_supersede_a_good_one(world, run):
    result = run(a_row(2, name="a"), a_row(3, name="b", lat="x"))

    assert result.counts == Counts(created=1, failed=1)
    assert world.data.find(RJAA).name == "a"


def test_an_earlier_batch_that_comes_later_does_not_win(world, run):
    run(a_row(205, name="late"))
    result = run(a_row(5, name="early"))

    assert result.counts == Counts(unchanged=1)
    assert result.plan[5] == Planned(Fate.UNCHANGED, reason="superseded")
    assert world.data.find(RJAA).name == "late"


def test_a_strategy_may_have_duplicates_reported(world, run):
    class Strict(type(strategies.find("airports"))):
        duplicates = Duplicates.REPORT

    result = run(a_row(2, name="a"), a_row(3, name="b"), strategy=Strict())

    assert result.counts == Counts(created=1, failed=1)
    assert result.plan[2] == Planned.failing("duplicate", "row 3 has the same key")
    assert world.data.find(RJAA).name == "b"


def test_a_deleted_item_is_revived(world, run):
    run(a_row(2))
    CommandService("tenant1").delete("AIRPORT", "RJAA", is_sync=True)

    result = run(a_row(2), key=ImportKey("tenant1", "01JDHZ0000000000000000000B"))

    assert result.counts == Counts(updated=1)
    assert (world.data.find(RJAA).is_deleted, world.data.find(RJAA).version) == (False, 3)


def test_a_batch_that_is_delivered_again_changes_nothing_and_says_the_same(world, run):
    rows = [a_row(2), a_row(3, "RJTT", "Haneda"), a_row(4, "RJBB", lat="x")]
    first = run(*rows)
    before = world.data.find(RJAA)

    second = run(*rows)

    assert first == second
    assert world.imports.counts(JOB) == Counts(created=2, failed=1)
    assert world.data.find(RJAA) == before
    assert world.commands.find(RJAA, 2) is None


def test_a_later_command_is_not_overwritten_by_a_batch_that_is_delivered_again(world, run):
    run(a_row(2))
    CommandService("tenant1").publish_partial("AIRPORT", "RJAA", name="New", is_sync=True)

    again = run(a_row(2))

    assert again.counts == Counts(created=1)
    assert (world.data.find(RJAA).name, world.data.find(RJAA).version) == ("New", 2)


def test_a_row_that_comes_in_another_batch_is_found_as_written(world, run):
    run(a_row(2), a_row(3, "RJTT", "Haneda"))

    assert run(a_row(3, "RJTT", "Haneda")).counts == Counts(created=1)
    assert world.commands.find(RJTT, 2) is None


def test_a_queued_row_that_comes_in_another_batch_is_found_too(world, run):
    published(world, RJTT, Outcome.OPEN)
    run(a_row(2), a_row(3, "RJTT", "Haneda"), publish_mode=PublishMode.ASYNC)

    result = run(a_row(3, "RJTT", "Haneda"), publish_mode=PublishMode.ASYNC)

    assert result.counts == Counts(updated=1)
    assert world.commands.find(RJTT, 3) is None


def test_a_row_that_the_plan_found_unchanged_stays_so(world, run):
    run(a_row(2), key=ImportKey("tenant1", "01JDHZ0000000000000000000B"))
    first = run(a_row(2))
    CommandService("tenant1").publish_partial("AIRPORT", "RJAA", name="New", is_sync=True)

    assert run(a_row(2)) == first
    assert world.data.find(RJAA).name == "New"


def test_a_batch_killed_before_its_projections_runs_them_when_it_comes_again(
    world, run, handlers_of_airport
):
    seen = []

    def projection(command):
        if not seen:
            seen.append("killed")
            raise KeyboardInterrupt
        seen.append((command.key.code, command.version))

    handlers_of_airport(projection=projection)
    with pytest.raises(KeyboardInterrupt):
        run(a_row(2))
    assert world.imports.counts(JOB) == Counts()
    CommandService("tenant1").publish_partial("AIRPORT", "RJAA", name="New", is_sync=True)

    result = run(a_row(2))

    assert result.counts == world.imports.counts(JOB) == Counts(created=1)
    assert seen == ["killed", ("RJAA", 2), ("RJAA", 1)]
    assert world.data.find(RJAA).name == "New"


def test_somebody_who_was_faster_is_built_upon(world, run, monkeypatch):
    publish_many = world.commands.publish_many

    def faster(publications):
        monkeypatch.setattr(world.commands, "publish_many", publish_many)
        CommandService("tenant1").publish_sync(
            "AIRPORT", "RJAA", name="Theirs", attributes={"country": "JP"}
        )
        return publish_many(publications)

    monkeypatch.setattr(world.commands, "publish_many", faster)

    result = run(a_row(2), a_row(3, "RJTT", "Haneda"))

    assert result.counts == Counts(created=1, updated=1)
    assert (world.data.find(RJAA).name, world.data.find(RJAA).version) == ("Narita", 2)
    assert run(a_row(2), a_row(3, "RJTT", "Haneda")) == result


def test_a_version_that_is_skipped_is_passed_over(world, run):
    published(world, RJAA, Outcome.SKIPPED)

    result = run(a_row(2))

    assert result.counts == Counts(updated=1)
    assert world.data.find(RJAA).version == 2


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.BLOCKED])
def test_a_chain_that_has_failed_blocks_its_row_only(outcome, world, run):
    published(world, RJAA, outcome)

    result = run(a_row(2), a_row(3, "RJTT", "Haneda"))

    assert result.counts == Counts(created=1, failed=1)
    assert result.plan[2].problem == Problem(
        "chain_blocked", f"version 1 is {outcome}; retry or skip it, then retry this row"
    )
    assert world.commands.find(RJAA, 2) is None


def test_a_row_behind_an_open_version_is_queued_and_counted_when_it_closes(world, run, slept):
    published(world, RJAA, Outcome.OPEN)

    with pytest.raises(TransientError, match="1 rows wait; row 2: version 2 is not applied yet"):
        run(a_row(2), a_row(3, "RJTT", "Haneda"))

    assert len(slept) == 2
    process = world.processes.find(RJAA, 2)
    assert (process.status, process.mode, process.source) == ("start", Mode.ASYNC, JOB.id)
    assert world.imports.counts(JOB) == Counts()
    world.seed(replace(process, outcome=Outcome.APPLIED))
    assert run(a_row(2), a_row(3, "RJTT", "Haneda")).counts == Counts(created=1, updated=1)
    assert world.commands.find(RJAA, 3) is None


def test_a_queued_row_whose_version_fails_is_a_failed_row(world, run):
    published(world, RJAA, Outcome.OPEN)
    with pytest.raises(TransientError):
        run(a_row(2))
    failed = a_process(RJAA, 2, outcome=Outcome.FAILED, error="SyncHandlerError")
    world.seed(failed)

    result = run(a_row(2))

    assert result.plan[2].problem == Problem(
        "chain_blocked",
        "version 2, which this row published, is FAILED (SyncHandlerError); retry or skip it",
    )


def test_the_last_try_of_a_batch_waits_no_longer(world, run):
    published(world, RJAA, Outcome.OPEN)

    result = run(a_row(2), is_last_try=True)

    assert result.counts == Counts(failed=1)
    assert result.plan[2].problem == Problem(
        "chain_open", "version 2 is not applied yet; its chain shows how it ends"
    )


def test_a_row_does_not_pass_a_version_whose_projections_still_run(world, run):
    run(a_row(2), key=ImportKey("tenant1", "01JDHZ0000000000000000000B"))
    world.seed(a_process(RJAA, 1, outcome=Outcome.OPEN))

    with pytest.raises(TransientError):
        run(a_row(2, name="New"))

    assert world.data.find(RJAA).version == 1
    assert world.processes.find(RJAA, 2).outcome is Outcome.OPEN


def test_a_handler_that_fails_leaves_its_row_to_the_machine(world, run, handlers_of_airport):
    def projection(command):
        if command.key == RJAA:
            raise ValueError("no such country")

    handlers_of_airport(projection=projection)
    with pytest.raises(TransientError, match="row 2: version 1 is not applied yet"):
        run(a_row(2), a_row(3, "RJTT", "Haneda"))

    process = world.processes.find(RJAA, 1)
    assert (process.status, process.attempt, process.was_handed_over) == ("start", 2, True)
    assert world.processes.find(RJTT, 1) is None
    world.seed(replace(process, outcome=Outcome.APPLIED))
    assert run(a_row(2), a_row(3, "RJTT", "Haneda")).counts == Counts(created=2)


def test_a_handler_may_take_all_commands_at_once(run, handlers_of_airport):
    seen = []

    def projection(command):
        seen.append(command.key.code)

    def all_at_once(commands):
        seen.append([command.key.code for command in commands])

    handlers_of_airport(projection=projection)
    with forgetting():
        handlers.up_many(projection)(all_at_once)
        run(a_row(2), a_row(3, "RJTT"))

    assert seen == [["RJAA", "RJTT"]]


def test_when_all_at_once_fails_it_is_done_one_by_one(run, handlers_of_airport, log):
    seen = []

    def projection(command):
        seen.append(command.key.code)

    def all_at_once(_commands):
        raise ValueError("too many")

    handlers_of_airport(projection=projection)
    with forgetting():
        handlers.up_many(projection)(all_at_once)
        result = run(a_row(2), a_row(3, "RJTT"))

    assert seen == ["RJAA", "RJTT"]
    assert result.counts == Counts(created=2)
    assert "one by one" in log.getvalue()


def test_asynchronous_rows_are_accepted_and_left_to_the_machine(world, run):
    result = run(a_row(2), publish_mode=PublishMode.ASYNC)
    again = run(a_row(2), publish_mode=PublishMode.ASYNC)

    assert result == again
    assert result.counts == Counts(created=1)
    assert world.data.find(RJAA) is None
    assert world.processes.find(RJAA, 1).status == "start"


def test_asynchronous_rows_are_published_to_the_express_lane(world, run, monkeypatch):
    monkeypatch.setenv("EXPRESS_LANE", "enabled")

    run(a_row(2), publish_mode=PublishMode.ASYNC)

    assert world.processes.find(RJAA, 1).is_in_the_express_lane


def test_asynchronous_rows_queue_behind_what_is_open(world, run, slept):
    published(world, RJAA, Outcome.OPEN)

    result = run(a_row(2), publish_mode=PublishMode.ASYNC)

    assert result.counts == Counts(updated=1)
    assert world.processes.find(RJAA, 2).outcome is Outcome.OPEN
    assert slept == []


def test_asynchronous_rows_of_one_key_keep_the_files_order(world, run):
    run(a_row(205, name="late"), publish_mode=PublishMode.ASYNC)
    result = run(a_row(5, name="early"), publish_mode=PublishMode.ASYNC)

    assert result.plan[5] == Planned(Fate.UNCHANGED, reason="superseded")
    assert world.commands.latest(RJAA).name == "late"


def test_a_dry_run_says_what_would_be_and_writes_no_row(world, run):
    run(a_row(2), key=ImportKey("tenant1", "01JDHZ0000000000000000000B"))

    result = run(a_row(2, name="New"), a_row(3, "RJTT"), a_row(4, "RJBB", lat="x"), dry_run=True)

    assert result.counts == Counts(created=1, updated=1, failed=1)
    assert world.imports.counts(JOB) == result.counts
    assert world.data.find(RJTT) is None
    assert world.data.find(RJAA).name == "Narita"


def test_a_strategy_that_cannot_compare_fails_its_row(world, run):
    class Broken(type(strategies.find("airports"))):
        def compare(self, record, current):  # noqa: ARG002
            raise KeyError("lat")

    result = run(a_row(2), strategy=Broken())

    assert re.fullmatch(
        r"KeyError: 'lat' \(test_row_batch\.py, line \d+\)", result.plan[2].problem.reason
    )
    assert result.plan[2].problem.code == "strategy"
    assert world.data.find(RJAA) is None


def test_what_may_pass_fails_the_batch_and_not_the_row(world, run):
    class Unreachable(type(strategies.find("airports"))):
        def compare(self, record, current):  # noqa: ARG002
            raise TransientError("the register is unreachable")

    with pytest.raises(TransientError):
        run(a_row(2), strategy=Unreachable())

    assert world.imports.counts(JOB) == Counts()


def test_a_strategy_that_changes_its_mind_is_told_of(world, run):
    first = a_row(2), a_row(3, "RJTT", lat="x")
    run(*first)
    world.delete_marker(JOB, first=2)

    result = run(a_row(2), a_row(3, "RJTT"))

    assert result.plan[3].problem == Problem(
        "unstable", "the strategy changed its mind; retry this row"
    )


def test_two_deliveries_at_once_agree_on_what_is_planned_again(world, run, monkeypatch):
    """The second delivery comes while the first is between its plan and its rows."""
    publish_many = world.commands.publish_many
    results = []

    def meanwhile(publications):
        monkeypatch.setattr(world.commands, "publish_many", publish_many)
        CommandService("tenant1").publish_sync(
            "AIRPORT", "RJAA", name="Theirs", attributes={"country": "JP"}
        )
        results.append(run(a_row(2)))
        return publish_many(publications)

    monkeypatch.setattr(world.commands, "publish_many", meanwhile)
    results.append(run(a_row(2)))

    assert [result.counts for result in results] == [Counts(updated=1)] * 2
    assert world.imports.counts(JOB) == Counts(updated=1)
    assert world.commands.latest(RJAA).version == 2


def test_a_batch_is_marked_by_its_first_and_its_last_row_whatever_lies_between(run, world):
    run(a_row(2, "RJAA"), a_row(7, "RJTT"))

    (marker,) = world.imports.markers(JOB)
    assert (marker.first, marker.last) == (2, 7)


def test_the_time_of_handlers_is_counted_with_the_rows_and_told_by_their_shares(
    world, run, monkeypatch
):
    took = {"airports_by_icao": 3, "airports_by_country": 1}

    def slowly(name, handler):
        def run(*given):
            world.clock.advance(seconds=took.get(name, 0))
            return handler(*given)

        return run

    for name, handler in handlers.registry.sync["AIRPORT"].items():
        bulk = handlers.registry.bulk.get(handler)
        if bulk is not None:
            monkeypatch.setitem(handlers.registry.bulk, handler, slowly(name, bulk))
        else:
            monkeypatch.setitem(handlers.registry.sync["AIRPORT"], name, slowly(name, handler))

    run(a_row(2), a_row(3, "RJTT", "Haneda"))
    run(a_row(102, "RJCC", "Chitose"))
    run(a_row(102, "RJCC", "Chitose"))  # delivered again, and counted once

    counts, spent = world.imports.totals(JOB)
    assert counts == Counts(created=3)
    assert spent.percent == {"airports_by_icao": 82, "airports_by_country": 18}  # 9 s and 2 of 11
