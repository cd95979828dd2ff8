import pytest
from tests.support.rebuilding import OPERATOR, VIEW
from tests.support.typed import declaring

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import (
    InvalidInputError,
    NotRebuildableError,
    SupersededError,
    WrongStageError,
)
from sfn_cqrs.kernel.read_models.rules import Counts, Stage
from sfn_cqrs.kernel.tables.paging import every
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.projection import project_many, run_handler
from sfn_cqrs.machines.command.read_models import read_model_type
from sfn_cqrs.machines.rebuild import rows
from sfn_cqrs.machines.rebuild.rows import PAUSES
from shop import airports


def test_what_the_data_have_is_replayed_compared_and_switched_to(rebuild):
    for code in ("NRT", "HND", "KIX"):
        rebuild.publish(code)
    gone = rebuild.publish("ITM", is_deleted=True)

    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()
    ready = rebuild.service.get(VIEW).view
    rebuild.service.switch(VIEW)
    rebuild.world.clock.advance(seconds=30)

    assert ready.stage is Stage.READY
    assert ready.replayed == Counts(done=4)
    assert ready.compared == Counts(skipped=4)
    assert rebuild.rows() == {"NRT": 1, "HND": 1, "KIX": 1, "ITM": 1}
    guard = rebuild.world.read_model(VIEW).get("tenant1", "airports", gone.key.code)
    assert guard["is_deleted"] is True


def test_equal_rows_are_counted_so(rebuild):
    run_handler(rebuild.publish("NRT"), VIEW)
    run_handler(rebuild.publish("HND"), VIEW)
    rebuild.publish("KIX")
    bootstrap.read_model(VIEW).put_if_newer("tenant1", "airports", "ITM", {"version": 1})

    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()

    assert rebuild.service.get(VIEW).view.compared == Counts(done=2, skipped=2)
    problems = every(lambda cursor: rebuild.service.problems(VIEW, limit=100, cursor=cursor))
    assert {(problem.what, problem.error) for problem in problems} == {
        ('["airports#03", "KIX"]', "only_next"),
        ('["airports", "ITM"]', "only_serving"),
    }


def rows_of_nrt(world):
    return [item for item in world.dynamodb.items("ReadModelsTable") if item["sk"] == {"S": "NRT"}]


def replaced(world, row):
    """Have other attributes in the place of the only row of Narita."""
    (keys,) = ({"pk": item["pk"], "sk": item["sk"]} for item in rows_of_nrt(world))
    world.dynamodb.put_item(TableName="ReadModelsTable", Item={**row, **keys})


def test_a_row_that_the_old_code_made_otherwise_is_told_by_its_attributes(rebuild):
    run_handler(rebuild.publish("NRT"), VIEW)
    replaced(rebuild.world, {"version": {"N": "1"}, "old": {"S": "x"}})

    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()

    assert rebuild.service.get(VIEW).view.compared == Counts(failed=1)
    (problem,) = rebuild.service.problems(VIEW, limit=100).items
    assert problem.error == "differs"
    assert problem.cause == "country, is_deleted, lat, name, old"


def test_an_attribute_that_is_null_is_no_difference(rebuild):
    run_handler(rebuild.publish("NRT"), VIEW)
    (row,) = rows_of_nrt(rebuild.world)
    replaced(rebuild.world, {**row, "old": {"NULL": True}})

    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()

    assert rebuild.service.get(VIEW).view.compared == Counts(done=1)


def test_rows_that_a_bulk_handler_writes_beside_others_are_not_taken_for_items(
    rebuild, monkeypatch
):
    def in_two_places(commands):
        view = bootstrap.read_model(VIEW)
        for command in commands:
            for partition in ("airports", "all"):
                row = {"version": command.version}
                view.put_if_newer("tenant1", partition, command.key.code, row)

    monkeypatch.setattr(handlers, "find_bulk", lambda _type, _name: in_two_places)
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.clock.advance(seconds=30)
    project_many("AIRPORT", [rebuild.publish("NRT"), rebuild.publish("HND")])
    rebuild.run()

    assert rebuild.service.get(VIEW).view.replayed == Counts(done=2)


def moved(command):
    """Keep each airport with its country; one that is closed has no row."""
    to = None if command.attributes.get("closed") else (command.attributes["country"], "airport")
    view = bootstrap.read_model(VIEW, buckets=airports.BUCKETS)
    view.move("tenant1", command.key.code, {"version": command.version}, to)


def deleted(command):
    """Keep all airports that are not deleted."""
    view = bootstrap.read_model(VIEW, buckets=airports.BUCKETS)
    place = "tenant1", "airports", command.key.code
    if command.is_deleted:
        view.delete(*place, command.version)
    else:
        view.put_if_newer(*place, {"version": command.version})


@pytest.mark.parametrize("is_every_version", [False, True])
def test_what_has_moved_is_rebuilt_where_it_is_and_nowhere_else(
    rebuild, monkeypatch, is_every_version
):
    monkeypatch.setitem(handlers.registry.sync["AIRPORT"], VIEW, moved)
    late = rebuild.publish("NRT", attributes={"country": "JP"})
    closed = [
        rebuild.publish("ITM", version, attributes={"country": "US", "closed": version == 2})
        for version in (1, 2)
    ]
    versions = [late, *closed, rebuild.publish("NRT", 2, attributes={"country": "KR"})]
    for command in versions:
        run_handler(command, VIEW)

    rebuild.service.rebuild(VIEW, OPERATOR, is_every_version=is_every_version)
    rebuild.run()
    compared = rebuild.service.get(VIEW).view.compared
    rebuild.service.switch(VIEW)
    rebuild.world.clock.advance(seconds=30)
    run_handler(late, VIEW)
    run_handler(closed[0], VIEW)

    view = rebuild.world.read_model(VIEW)
    assert compared == Counts(done=1)  # where each of the two is, is no row
    assert {country: view.rows("tenant1", country) for country in ("JP", "KR", "US")} == {
        "JP": [],
        "KR": [{"version": 2, "sort": "airport"}],
        "US": [],
    }


def test_a_deleted_row_is_no_row_of_any_generation(rebuild, monkeypatch):
    monkeypatch.setitem(handlers.registry.sync["AIRPORT"], VIEW, deleted)
    late = rebuild.publish("NRT")
    for command in (late, rebuild.publish("NRT", 2, is_deleted=True), rebuild.publish("KIX")):
        run_handler(command, VIEW)
    rebuild.world.read_model(VIEW).delete("tenant1", "airports", "OLD", 1)

    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()
    compared = rebuild.service.get(VIEW).view.compared
    rebuild.service.switch(VIEW)
    rebuild.world.clock.advance(seconds=30)
    run_handler(late, VIEW)

    assert compared == Counts(done=1)
    assert rebuild.rows() == {"KIX": 1}
    rebuild.world.clock.advance(seconds=60)
    rebuild.service.drop(VIEW)
    rebuild.run()
    assert rebuild.rows(generation=1) == {}


def test_the_number_of_a_generation_is_never_used_again(rebuild):
    run_handler(rebuild.publish("NRT"), VIEW)
    for _ in range(2):
        rebuild.service.rebuild(VIEW, OPERATOR)
        rebuild.run()
        rebuild.service.drop(VIEW)
        rebuild.run()

    again = rebuild.service.rebuild(VIEW, OPERATOR).view

    assert (again.serving, again.other) == (1, 4)


def test_an_import_goes_to_both_generations(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.clock.advance(seconds=30)

    assert project_many("AIRPORT", [rebuild.publish("NRT"), rebuild.publish("HND")]) == []

    assert rebuild.rows(1) == rebuild.rows(2) == {"NRT": 1, "HND": 1}


def test_a_function_that_knows_of_nothing_else_writes_one_generation(rebuild):
    run_handler(rebuild.publish("NRT"), VIEW)
    rebuild.service.rebuild(VIEW, OPERATOR)

    run_handler(rebuild.publish("HND"), VIEW)

    assert (rebuild.rows(1), rebuild.rows(2)) == ({"NRT": 1, "HND": 1}, {})
    rebuild.run()
    assert rebuild.rows(2) == {"NRT": 1, "HND": 1}


def test_after_the_switch_the_old_one_is_written_on_and_can_serve_again(rebuild):
    rebuild.publish("NRT")
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()
    rebuild.service.switch(VIEW)
    rebuild.world.clock.advance(seconds=30)
    run_handler(rebuild.publish("HND"), VIEW)

    rebuild.service.rollback(VIEW)
    rebuild.world.clock.advance(seconds=30)

    assert rebuild.service.get(VIEW).view.stage is Stage.READY
    assert rebuild.rows() == {"HND": 1}


def test_a_generation_is_dropped_once_nobody_can_read_it(rebuild):
    run_handler(rebuild.publish("NRT"), VIEW)
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()
    switched = rebuild.service.switch(VIEW).view

    with pytest.raises(WrongStageError, match=switched.begins_at):
        rebuild.service.drop(VIEW)
    rebuild.world.clock.advance(seconds=60)
    rebuild.service.drop(VIEW)
    rebuild.run()

    view = rebuild.service.get(VIEW).view
    assert (view.stage, view.serving, view.other) == (Stage.SERVING, 2, None)
    assert (rebuild.rows(1), rebuild.rows(2)) == ({}, {"NRT": 1})


def test_what_no_handler_writes_any_more_is_discarded_with_all_rows(rebuild):
    old = rebuild.world.read_model("parcels_by_depot")
    other = rebuild.world.read_model("parcels_by_depot_2")
    for view in (old, other):
        view.put_if_newer("tenant1", "Nagoya", "p-1", {"version": 3})
    old.put_if_newer("tenant2", "Nagoya", "p-1", {"version": 3})

    rebuild.service.discard("parcels_by_depot", OPERATOR)
    rebuild.run()

    assert old.rows("tenant1", "Nagoya") == []
    assert [len(old.rows("tenant2", "Nagoya")), len(other.rows("tenant1", "Nagoya"))] == [1, 1]
    assert "parcels_by_depot" not in [view.key.view for view in rebuild.service.list()]


def test_a_handler_that_comes_back_with_a_discarded_name_writes_rows_that_stay(rebuild):
    name = "parcels_by_depot"
    rebuild.service.discard(name, OPERATOR)
    rebuild.world.clock.advance(seconds=60)
    bootstrap.read_model(name).put_if_newer("tenant1", "Nagoya", "p-1", {"version": 1})
    rebuild.run()

    assert len(bootstrap.read_model(name).rows("tenant1", "Nagoya")) == 1
    assert rebuild.service.discard(name, OPERATOR).view.serving == 3


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (VIEW, "the handler .* writes it; remove the handler first"),
        ("airports_by_continent", "is declared; remove the declaration first"),
    ],
)
def test_what_is_written_or_declared_is_not_discarded(name, why, rebuild):
    with declaring():
        read_model_type("airports_by_continent", by="continent")

        with pytest.raises(NotRebuildableError, match=why):
            rebuild.service.discard(name, OPERATOR)


def test_what_is_being_rebuilt_is_not_discarded(rebuild):
    rebuild.service.discard("parcels_by_depot", OPERATOR)
    again = rebuild.service.discard("parcels_by_depot", OPERATOR)

    assert again.view.attempt == 1  # a lost answer: it is on its way
    with pytest.raises(WrongStageError, match="DROPPING; wait for its end"):
        rebuild.service.switch("parcels_by_depot")


def test_what_was_rolled_back_is_dropped_once_nobody_can_read_it(rebuild):
    run_handler(rebuild.publish("NRT"), VIEW)
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()
    rebuild.service.switch(VIEW)
    rebuild.world.clock.advance(seconds=60)
    back = rebuild.service.rollback(VIEW).view

    with pytest.raises(WrongStageError, match=back.begins_at):
        rebuild.service.drop(VIEW)
    rebuild.world.clock.advance(seconds=60)
    rebuild.service.drop(VIEW)
    rebuild.run()

    assert (rebuild.rows(1), rebuild.rows(2)) == ({"NRT": 1}, {})


def test_rows_on_their_way_to_both_generations_are_read_again(rebuild, monkeypatch):
    run_handler(rebuild.publish("NRT"), VIEW)
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()
    late = rebuild.publish("NRT", 2)
    slept = []

    def arrives(seconds):
        slept.append(seconds)
        run_handler(late, VIEW)

    monkeypatch.setattr(rows.time, "sleep", arrives)
    with bootstrap.generations().writing("tenant1", {VIEW: 1}):
        airports.airports_by_icao(late)
    rebuild.service.compare(VIEW)
    rebuild.run()

    assert slept == [PAUSES[0]]
    assert rebuild.service.get(VIEW).view.compared == Counts(done=1)


def test_an_item_that_fails_is_told_and_keeps_the_switch_from_happening(
    rebuild, handlers_of_airport
):
    def airports_by_icao(command):
        if command.key.code == "HND":
            raise ValueError("no runway")
        bootstrap.read_model(VIEW).put_if_newer(
            "tenant1", "airports", command.key.code, {"version": command.version}
        )

    rebuild.publish("NRT")
    rebuild.publish("HND")
    handlers_of_airport(airports_by_icao=airports_by_icao)
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()

    assert rebuild.service.get(VIEW).view.replayed == Counts(done=1, failed=1)
    failed = rebuild.service.problems(VIEW, limit=100).items
    assert (failed[0].what, failed[0].error) == ("AIRPORT/HND@1", "ValueError")
    assert failed[0].cause.startswith("airports_by_icao: ValueError: no runway")
    with pytest.raises(WrongStageError, match="1 items have failed"):
        rebuild.service.switch(VIEW)
    assert rebuild.service.switch(VIEW, with_failed=True).view.serving == 2


def test_what_failed_is_replayed_again_by_who_resumes_and_told_no_more(
    rebuild, handlers_of_airport
):
    is_broken = [True]

    def airports_by_icao(command):
        if is_broken:
            raise ValueError("no runway")
        bootstrap.read_model(VIEW).put_if_newer(
            "tenant1", "airports", command.key.code, {"version": command.version}
        )

    rebuild.publish("NRT")
    handlers_of_airport(airports_by_icao=airports_by_icao)
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()
    is_broken.clear()

    rebuild.service.resume(VIEW)
    rebuild.run()

    view = rebuild.service.get(VIEW).view
    assert (view.stage, view.replayed) == (Stage.READY, Counts(done=1))
    assert [one.error for one in rebuild.service.problems(VIEW, limit=100).items] == ["only_next"]


def test_what_is_cancelled_ends_and_can_be_resumed(rebuild):
    for number in range(40):
        rebuild.publish(f"A{number:02d}")
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.clock.advance(seconds=60)
    first, second, *_ = rebuild.next_work()["segments"]
    rebuild.work(first)

    cancelled = rebuild.service.cancel(VIEW).view
    with pytest.raises(SupersededError):
        rebuild.work(second)
    rebuild.service.resume(VIEW)
    left = rebuild.next_work()["segments"]
    rebuild.run()

    assert cancelled.stage is Stage.CANCELLED
    assert first not in left
    assert rebuild.service.get(VIEW).view.replayed == Counts(done=40)


def test_progress_tells_how_many_how_fast_and_how_long(rebuild):
    for number in range(64):
        rebuild.publish(f"A{number:02d}")
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.clock.advance(seconds=60)
    segments = rebuild.next_work()["segments"]
    for segment in segments[:8]:
        rebuild.work(segment)
    rebuild.world.clock.advance(seconds=10)

    progress = rebuild.service.get(VIEW)

    done = progress.counts.done
    assert progress.expected == done * 2
    assert (progress.rate, progress.eta) == (done / 10, 10)
    assert not progress.has_stopped


def test_an_execution_that_has_ended_early_has_stopped(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.rebuild_executions.end(
        rebuild.world.rebuild_executions.started[-1], "RebuildStopped"
    )

    assert rebuild.service.get(VIEW).has_stopped


def test_an_execution_that_ends_while_one_looks_has_not_stopped(rebuild, monkeypatch):
    rebuild.publish("NRT")
    rebuild.service.rebuild(VIEW, OPERATOR)
    executions = rebuild.world.rebuild_executions
    describe = executions.describe

    def ends_just_before(ref):
        if executions.started and describe(ref).is_running:
            rebuild.run()
            executions.end(ref)
        return describe(ref)

    monkeypatch.setattr(executions, "describe", ends_just_before)
    seen = rebuild.service.get(VIEW)

    assert (seen.view.stage, seen.has_stopped) == (Stage.READY, False)


def test_an_execution_that_is_not_seen_yet_may_have_been_started_just_now(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.rebuild_executions._runs.clear()

    assert not rebuild.service.get(VIEW).has_stopped
    rebuild.world.clock.advance(seconds=61)
    assert rebuild.service.get(VIEW).has_stopped


def test_who_asks_twice_for_a_rebuild_gets_one(rebuild):
    first = rebuild.service.rebuild(VIEW, OPERATOR).view
    second = rebuild.service.rebuild(VIEW, OPERATOR).view

    assert (second.other, second.attempt) == (first.other, first.attempt) == (2, 1)
    assert len(rebuild.world.rebuild_executions.started) == 1


def test_a_lost_start_is_made_up_for_by_asking_again(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.world.rebuild_executions._runs.clear()
    rebuild.world.rebuild_executions.started.clear()

    rebuild.service.rebuild(VIEW, OPERATOR)

    assert len(rebuild.world.rebuild_executions.started) == 1


@pytest.mark.parametrize("name", ["dynamodb", "nobody_writes_it"])
def test_only_what_a_handler_writes_can_be_rebuilt(name, rebuild):
    with pytest.raises(NotRebuildableError, match="airports_by_icao"):
        rebuild.service.rebuild(name, OPERATOR)
    with pytest.raises(NotRebuildableError):
        rebuild.service.get(name)


@pytest.mark.parametrize("name", ["", "a#b", "x" * 129, "_a"])
def test_a_name_that_no_key_holds_is_refused(name, rebuild):
    with pytest.raises(InvalidInputError):
        rebuild.service.get(name)


@pytest.mark.parametrize("change", ["resume", "cancel", "compare", "switch", "rollback", "drop"])
def test_nothing_is_changed_of_what_was_never_rebuilt(change, rebuild):
    with pytest.raises(WrongStageError, match="was never rebuilt"):
        getattr(rebuild.service, change)(VIEW)


@pytest.mark.parametrize("change", ["rebuild", "resume", "cancel", "compare"])
def test_a_switched_read_model_is_rolled_back_or_dropped(change, rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()
    rebuild.service.switch(VIEW)
    given = (OPERATOR,) if change == "rebuild" else ()

    with pytest.raises(WrongStageError, match="SWITCHED; roll back, or drop"):
        getattr(rebuild.service, change)(VIEW, *given)


@pytest.mark.parametrize(
    ("change", "stage"), [("switch", "SWITCHED"), ("drop", "DROPPING"), ("compare", "COMPARING")]
)
def test_a_change_whose_answer_was_lost_is_done_when_it_is_asked_for_again(change, stage, rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()

    first = getattr(rebuild.service, change)(VIEW).view
    second = getattr(rebuild.service, change)(VIEW).view

    assert (str(second.stage), second.attempt) == (stage, first.attempt)


def test_a_list_has_every_read_model_that_a_handler_writes(rebuild):
    rebuild.service.rebuild(VIEW, OPERATOR)

    stages = {one.key.view: str(one.stage) for one in rebuild.service.list()}

    assert stages[VIEW] == "REPLAYING"
    assert stages["orders_by_customer"] == "SERVING"


def test_problems_come_in_pages(rebuild):
    for number in range(9):
        rebuild.publish(f"A{number}")
    rebuild.service.rebuild(VIEW, OPERATOR)
    rebuild.run()

    pages = [rebuild.service.problems(VIEW, limit=1)]
    while pages[-1].next_cursor:
        pages.append(rebuild.service.problems(VIEW, limit=1, cursor=pages[-1].next_cursor))

    assert len({one.what for page in pages for one in page.items}) == 9
    assert all(page.items for page in pages)
    with pytest.raises(InvalidInputError):
        rebuild.service.problems(VIEW, limit=2, cursor="x")
