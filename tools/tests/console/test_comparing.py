"""The states of two histories, paired."""

from datetime import UTC, datetime, timedelta

import pytest

from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.console.comparing import paired
from sfn_cqrs_tools.console.executions import Filter
from sfn_cqrs_tools.console.moments import seconds_of

START = datetime(2026, 12, 3, 3, 0, tzinfo=UTC)


def history(*visits):
    """A history of Pass states: the name, its seconds, its input and its output."""
    events, at = [event([], "ExecutionStarted", START)], START
    for name, seconds, given, made in visits:
        entered = {"name": name, "input": given}
        exited = {"name": name, "output": made}
        events.append(event(events, "PassStateEntered", at, stateEnteredEventDetails=entered))
        at += timedelta(seconds=seconds)
        events.append(event(events, "PassStateExited", at, stateExitedEventDetails=exited))
    return events


def event(events, type_, at, **details):
    number = len(events) + 1
    return {"id": number, "previousEventId": number - 1, "type": type_, "timestamp": at, **details}


def test_each_state_of_either_is_a_pair_with_its_times_and_its_differences():
    before = history(("a", 1, "{}", '{"n": 1}'), ("old", 2, "{}", "{}"))
    after = history(("a", 3, "{}", '{"n": 2}'), ("a", 1, "{}", "{}"), ("new", 1, "{}", "{}"))

    pairs = paired(before, after, are_running=(False, False))

    assert [(one.name, one.before.visits, one.after.visits) for one in pairs] == [
        ("a", 1, 2),
        ("new", 0, 1),
        ("old", 1, 0),
    ]
    first, new, _ = pairs
    assert (first.is_same_way, first.slower) == (False, 3.0)
    assert [(one.name, one.before, one.after) for one in first.changed("output")] == [("$.n", 1, 2)]
    assert first.changed("input") == []
    assert (new.slower, new.changed("output")) == (None, [])


def test_two_that_went_the_same_way_differ_in_nothing():
    one = history(("a", 1, "{}", "{}"))

    (pair,) = paired(one, one, are_running=(False, False))

    assert pair.is_same_way
    assert pair.slower == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300 ms", 0.3),
        ("2", 2),
        ("2s", 2),
        ("1,5 min", 90),
        ("2 H", 7200),
        ("1d", 86_400),
        ("-1 s", None),
        ("soon", None),
    ],
)
def test_a_length_of_time_is_read_as_people_write_it(text, seconds):
    assert seconds_of(text) == seconds


def run(seconds):
    began = datetime.now(UTC) - timedelta(minutes=10)
    stopped = None if seconds is None else began + timedelta(seconds=seconds)
    return Run("m", "n", "arn", "SUCCEEDED", began, stopped)


@pytest.mark.parametrize(
    ("seconds", "least", "most", "is_taken"),
    [
        (2, 2, None, True),
        (2, None, 2, True),
        (2, 2.1, None, False),
        (2, None, 1.9, False),
        (None, 60, None, True),
        (None, None, 60, False),
    ],
)
def test_a_filter_takes_a_length_and_one_that_runs_lasts_until_now(seconds, least, most, is_taken):
    assert Filter(least=least, most=most).takes(run(seconds)) is is_taken
