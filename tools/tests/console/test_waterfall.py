"""A history as bars over time."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from sfn_cqrs_tools.console.executions import Kept
from sfn_cqrs_tools.console.usual import known_times, usual_times
from sfn_cqrs_tools.console.waterfall import CALLBACK, MOST_BARS, Axis, waterfall

START = datetime(2026, 11, 26, 12, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


class Past:
    """Writes a history event by event."""

    def __init__(self):
        self.events = []
        self.add(0, "ExecutionStarted", previous=0)

    def add(self, seconds, kind, previous=None, **details):
        number = len(self.events) + 1
        event = {"id": number, "timestamp": at(seconds), "type": kind}
        event["previousEventId"] = number - 1 if previous is None else previous
        self.events.append(event | details)
        return number

    def entered(self, seconds, name, kind="Task", previous=None):
        details = {"name": name, "input": "{}"}
        return self.add(seconds, f"{kind}StateEntered", previous, stateEnteredEventDetails=details)

    def exited(self, seconds, name, kind="Task", previous=None):
        details = {"name": name, "output": "{}"}
        return self.add(seconds, f"{kind}StateExited", previous, stateExitedEventDetails=details)

    def ran(self, name, begin, end):
        self.entered(begin, name)
        self.exited(end, name)


def test_a_state_is_a_bar_from_its_beginning_to_its_end():
    past = Past()
    past.ran("one", 0, 1)
    past.ran("two", 1, 4)
    past.add(4, "ExecutionSucceeded")

    fall = waterfall(past.events, None)

    rows = [(row.name, row.outcome, row.seconds, row.bars[0].x) for row in fall.rows]
    assert rows == [("one", "succeeded", 1.0, 0.0), ("two", "succeeded", 3.0, 250.0)]


def test_a_night_in_which_a_state_waits_is_folded_and_says_which():
    past = Past()
    past.ran("ask", 0, 1)
    past.entered(1, "pause", "Wait")
    past.exited(40_001, "pause", "Wait")
    past.ran("tell", 40_001, 40_002)
    past.add(40_002, "ExecutionSucceeded")

    fall = waterfall(past.events, None)

    assert [(fold.x, fold.seconds, fold.waits) for fold in fall.folds] == [
        (470.0, 40_000.0, "pause")
    ]
    assert [bar.width for row in fall.rows for bar in row.bars] == [470.0, 60.0, 470.0]


def test_a_state_that_works_is_never_folded_however_long_it_takes():
    past = Past()
    past.ran("ask", 0, 1)
    past.ran("import_all", 1, 51)
    past.ran("tell", 51, 51.1)
    past.add(51.1, "ExecutionSucceeded")

    fall = waterfall(past.events, None)

    assert fall.folds == []
    assert fall.rows[1].bars[0].width > 970


def test_a_state_that_waits_for_a_token_says_so():
    past = Past()
    past.ran("ask", 0, 0.01)
    past.entered(0.01, "decide")
    past.add(0.011, "TaskScheduled", taskScheduledEventDetails={"resource": "invoke" + CALLBACK})

    fall = waterfall(past.events, at(1_440))

    assert [fold.waits for fold in fall.folds] == ["decide"]


def test_the_row_of_a_state_opens_the_visit_that_failed_not_one_that_was_stopped_by_it():
    past = Past()
    past.entered(0, "all", "Map")
    started = past.add(0, "MapStateStarted", mapStateStartedEventDetails={"length": 2})
    for index in range(2):
        first = past.add(
            0,
            "MapIterationStarted",
            started,
            mapIterationStartedEventDetails={"name": "all", "index": index},
        )
        past.entered(0, "one", previous=first)
        if index == 0:
            broken = past.add(0.5, "TaskFailed", taskFailedEventDetails={"error": "X"})
    past.add(0.6, "MapStateFailed", previous=broken)
    past.add(0.6, "ExecutionFailed", executionFailedEventDetails={"error": "X"})

    fall = waterfall(past.events, None)

    assert (fall.rows[1].name, fall.rows[1].step, fall.rows[1].error) == ("one", 1, "X")


def test_the_iterations_of_a_map_share_a_row_and_too_many_bars_become_few():
    past = Past()
    past.entered(0, "all", "Map")
    started = past.add(0, "MapStateStarted", mapStateStartedEventDetails={"length": 1000})
    ends = []
    for index in range(1000):
        first = past.add(
            index / 100,
            "MapIterationStarted",
            started,
            mapIterationStartedEventDetails={"name": "all", "index": index},
        )
        past.entered(index / 100, "one", previous=first)
        ends.append(past.exited(index / 100 + 0.01, "one"))
    past.exited(10.01, "all", "Map", previous=started)
    past.add(10.01, "ExecutionSucceeded")

    fall = waterfall(past.events, None)

    assert [(row.name, row.depth, row.count) for row in fall.rows] == [
        ("all", 0, 1),
        ("one", 1, 1000),
    ]
    assert len(fall.rows[1].bars) <= MOST_BARS


def test_what_failed_inside_a_map_ends_with_it():
    past = Past()
    past.entered(0, "all", "Map")
    past.add(0, "MapStateStarted", mapStateStartedEventDetails={"length": 1})
    first = past.add(0, "MapIterationStarted", mapIterationStartedEventDetails={"name": "all"})
    past.entered(0, "one", previous=first)
    past.add(1, "TaskFailed", taskFailedEventDetails={"error": "X"})
    past.add(1, "MapStateFailed")
    past.exited(1, "all", "Map")
    past.ran("tell", 1, 4)
    past.add(4, "ExecutionFailed", executionFailedEventDetails={"error": "X"})

    fall = waterfall(past.events, None)

    assert [(row.name, row.bars[0].width) for row in fall.rows] == [
        ("all", 250.0),
        ("one", 250.0),
        ("tell", 750.0),
    ]


def test_what_runs_lasts_until_now():
    past = Past()
    past.entered(0, "one")

    fall = waterfall(past.events, at(1))

    assert [(row.outcome, row.bars[0].width) for row in fall.rows] == [("running", 1000.0)]


def test_places_only_move_forward_whatever_is_folded():
    moments = [at(seconds) for seconds in (0, 0.5, 100, 100.2, 900, 900.1)]

    axis = Axis(moments)

    places = [axis.x(moment) for moment in moments]
    assert places == sorted(places)
    assert (places[0], round(places[-1])) == (0.0, 1000)


def test_a_history_without_a_state_has_no_picture():
    assert waterfall(Past().events, None) is None


class Typical:
    def __init__(self, median, most):
        self.median, self.most = median, most


@pytest.mark.parametrize(
    ("usual", "slower"),
    [
        (Typical(1.0, 1.2), 4.0),
        (Typical(2.5, 3.0), None),  # not twice as long
        (Typical(1.0, 5.0), None),  # one in twenty takes as long
        (None, None),
    ],
)
def test_a_visit_is_slow_beside_what_is_usual(usual, slower):
    past = Past()
    past.ran("one", 0, 4)
    past.add(4, "ExecutionSucceeded")

    fall = waterfall(past.events, None, {(0, "one"): usual} if usual else {})

    assert fall.rows[0].slower == slower
    assert fall.is_compared is (usual is not None)


class Latest:
    """Executions whose runs are histories."""

    def __init__(self, *histories):
        self.histories, self.usual, self.read = histories, Kept(9), 0

    def keeps(self, machine):
        return machine != "command-express"

    def page(self, wanted, _cursor, _limit):
        assert (wanted.machine, wanted.status) == ("command", "SUCCEEDED")
        return SimpleNamespace(runs=[*range(len(self.histories))])

    def unread(self, run):
        return 10**6 if self.histories[run] is None else 0

    def history(self, run):
        self.read += 1
        return self.histories[run].events


def test_usual_times_are_told_from_the_latest_runs_and_kept():
    runs = []
    for number in range(20):
        runs.append(Past())
        runs[-1].ran("one", 0, number + 1)
        if number < 2:
            runs[-1].ran("two", 30, 31)
    latest = Latest(*runs, None)

    found = usual_times(latest, "command")

    one = found[0, "one"]
    assert (one.median, one.most, one.visits) == (10.5, 19.0, 20)
    assert [*found] == [(0, "one")]
    assert known_times(latest, "command") is usual_times(latest, "command")
    assert (latest.read, known_times(latest, "task")) == (20, None)
    assert usual_times(latest, "command-express") == {}


def test_seconds_and_places_are_told_where_the_scale_changes():
    moments = [at(0), at(1), at(101), at(102)]

    assert Axis(moments).knots == [(0.0, 0.0), (1.0, 470.0), (101.0, 530.0), (102.0, 1000.0)]
