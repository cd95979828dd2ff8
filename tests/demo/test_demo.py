import json
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.demo import archives, tasks
from tests.demo.__main__ import demo
from tests.demo.airports import airports_per_country, choose
from tests.demo.commands import Demo
from tests.demo.compare import unlike
from tests.demo.importing import airports as import_rows
from tests.demo.imports import ImportStory
from tests.demo.step import TENANT
from tests.support.proof import PROOF, deep

from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.testing.faults import Shuffler
from sfn_cqrs_tools.testing.quick_stack import quick_stack
from shop.airports import by_icao

pytestmark = pytest.mark.stack


def test_the_airports_are_created_wrong_corrected_renamed_and_some_deleted():
    airports = choose(50)

    assert [len(airport.versions) for airport in airports].count(4) == 2
    first = airports[0]
    assert first.versions[0]["attributes"] != first.versions[1]["attributes"]
    assert first.versions[1]["name"] == first.icao
    assert first.versions[2]["name"] != first.icao
    assert sum(airports_per_country(airports).values()) == 48


def test_the_shuffler_turns_batches_around_and_repeats_records():
    shuffler = Shuffler(seed=1)

    batches = [shuffler([1, 2, 3]) for _ in range(30)]

    assert all(batch[:3] == [3, 2, 1] for batch in batches)
    assert sum(len(batch) == 4 for batch in batches) == shuffler.duplicates > 0


def quick(settings):
    """A stack whose streams hardly wait for more records, and whose schedules are off."""
    quicker = {"window_seconds": 0.05, "postgres": False, "schedules": False}
    return LocalStack(replace(settings, **quicker))


LOOKS_AGAIN = pytest.mark.real_time("a run looks again after a second, and then after two")


@LOOKS_AGAIN
@pytest.mark.parametrize(
    ("stack", "rows", "archived"),
    [(quick, 24, 6), pytest.param(LocalStack, 400, 100, marks=PROOF)],
    ids=["soon", "in batches"],
)
def test_the_demonstration_ends_well_and_prints_its_figures(stack, rows, archived, monkeypatch):
    monkeypatch.setattr(archives, "ROWS", archived)
    ran = []

    def noted(settings):
        ran.append(stack(settings))
        return ran[-1]

    monkeypatch.setattr("sfn_cqrs_tools.stack.local_stack.LocalStack", noted)

    result = CliRunner().invoke(demo, ["--airports", "10", "--rows", str(rows), "--json"])

    assert result.exit_code == 0, result.stderr
    assert [one.denied for one in ran] == [[]]  # each function's role allows all that it does
    figures = json.loads(result.stdout)
    assert figures["differences"] == []
    assert figures["commands"] == "30"
    assert figures["failed on purpose, then healed"] == "3"
    assert figures["mixed.csv: rows gone through"] == str(rows)
    assert figures["exports.zip: rows in 3 files"] == str(3 * archived)
    for name in ("publish to read model, alone, p50", "under load, p50", "under load, p99"):
        assert re.fullmatch(r"[\d,]+ ms", figures[name]), figures[name]
    assert re.fullmatch(r"\d{1,3}%", figures["of that in the queue, until its turn"])
    for told in ("One by one 5 of 5", "Compared 10 of 10", "Days 7 of 7", "docs/tutorial.md"):
        assert told in result.stderr


@pytest.fixture(scope="module")
def repeating(tmp_path_factory):
    """A stack that makes every third run of the express lane twice."""
    state = tmp_path_factory.mktemp("state")
    with quick_stack(state_dir=state, express_repeats=1 / 3) as stack:
        yield stack


def test_an_imported_row_that_differs_is_found(repeating, tmp_path):
    story = ImportStory(repeating, Console(quiet=True), tmp_path, import_rows(40))
    before = story.report().differences

    row = {"version": 9, "name": "tampered with"}
    icao = import_rows(40)[0]["icao"]
    by_icao().put_if_newer("tenant2", "airports", icao, row)
    after = story.compared()

    assert before == []
    assert [line.partition(":")[0] for line in after] == [f"airports_by_icao {icao}"]


@pytest.fixture(scope="module")
def story(repeating):
    """Commands that were published, settled and healed."""
    story = Demo(repeating, choose(10))
    with story.listening():
        story.publish(lambda _: None)
        story.settle(lambda _: None)
        story.heal(lambda _: None)
    return story


@LOOKS_AGAIN
def test_commands_add_up_though_every_third_run_in_the_express_lane_is_made_twice(story):
    differences, chain = story.differences(), story.chain_of_broken()

    assert differences == []
    assert {one["lane"] for one in chain} == {"EXPRESS"}
    assert all(one["attempt"] > 1 for one in chain)  # the retry's, and those that had to wait


@pytest.mark.long
@pytest.mark.proof
@LOOKS_AGAIN
def test_many_commands_add_up_though_a_tenth_of_their_runs_is_made_twice(tmp_path):
    airports = choose(deep(100, 300))
    with quick_stack(state_dir=tmp_path, express_repeats=0.1) as stack:
        story = Demo(stack, airports)
        with story.listening():
            story.publish(lambda _: None)
            story.settle(lambda _: None)
            story.heal(lambda _: None)

        differences = story.differences()

    assert sum(len(airport.versions) for airport in airports) > 3 * len(airports)
    assert differences == []


@LOOKS_AGAIN
def test_a_single_row_that_differs_is_found(story):
    icao = choose(10)[0].icao
    before = story.differences()

    row = {"version": 9, "name": "tampered with"}
    by_icao().put_if_newer(TENANT, "airports", icao, row)
    after = story.differences()

    assert before == []
    assert len(after) == 1
    assert after[0].startswith(f"airports_by_icao {icao}: expected ")


FIRST = {
    "status": "FAILED",
    "completed": 18,
    "failed": 2,
    "items": [
        {"index": index, "status": "FAILED" if index in (6, 13) else "COMPLETED"}
        for index in range(20)
    ],
}
RETRIED = {"status": "COMPLETED", "completed": 20, "failed": 0}
RUNS = {index: 2 if index in (6, 13) else 1 for index in range(20)}


@pytest.mark.parametrize(
    ("more", "is_bad_day", "found"),
    [({}, False, 0), ({3: 2}, False, 1), ({3: 2}, True, 0), ({3: 0}, True, 1), ({6: 1}, True, 1)],
)
def test_an_item_runs_once_on_a_good_day_and_at_least_once_on_a_bad_one(more, is_bad_day, found):
    told = tasks.differences(FIRST, RETRIED, {**RUNS, **more}, is_bad_day=is_bad_day)

    assert [line.partition(":")[0] for line in told] == ["runs of each item"] * found


def test_a_fact_that_is_not_as_it_has_to_be_is_told():
    facts = [("the first approval", "GRANTED", "GRANTED"), ("reminders in a week", 6, 7)]

    assert unlike(facts) == ["reminders in a week: expected 6, found 7"]


@pytest.mark.proof
@pytest.mark.real_time("the machines retry what the weather refuses, in real seconds")
def test_commands_add_up_while_a_share_of_everything_fails(tmp_path):
    with quick_stack(state_dir=tmp_path, weather=(0.04, 7)) as stack:
        story = Demo(stack, choose(2))
        with story.listening():
            story.publish(lambda _: None)
            story.settle(lambda _: None)
            story.heal(lambda _: None)

        assert story.differences() == []
        assert stack.functions.weather.met.total() > 0


@pytest.mark.long
@pytest.mark.proof
@pytest.mark.real_time("the machines retry what the weather refuses, in real seconds")
def test_the_demonstration_adds_up_while_a_share_of_everything_fails():
    weather = ["--weather", "0.04", "--seed", "7"]

    result = CliRunner().invoke(demo, ["--airports", "10", "--rows", "100", *weather, "--json"])

    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["differences"] == []
