"""Executions a minute: one promise, kept by counting a list and by asking CloudWatch."""

import time
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.console import trends
from sfn_cqrs_tools.console.executions import Machine
from sfn_cqrs_tools.console.trends import (
    HOUR,
    MOST_QUERIES,
    CountedTrends,
    MeasuredTrends,
    Trend,
    added,
    bars_of,
)

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:dev-{}"
MACHINES = [
    Machine("dev-command", "command", ARN.format("command"), "STANDARD"),
    Machine("dev-command-express", "command-express", ARN.format("command-express"), "EXPRESS"),
]
NOON = datetime(2026, 11, 27, 12, 0, 40, tzinfo=UTC).timestamp()
FIRST = NOON - 40 - 59 * 60
ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
RUNS = {
    "command": [
        ("SUCCEEDED", FIRST - 90, FIRST + 5),  # began before the hour
        ("SUCCEEDED", FIRST, FIRST + 59),
        ("FAILED", FIRST + 61, FIRST + 62),
        ("TIMED_OUT", FIRST + 70, FIRST + 130),
        ("ABORTED", NOON - 30, NOON - 20),
        ("RUNNING", NOON - 10, None),
        ("SUCCEEDED", FIRST - 300, FIRST - 200),  # of another hour
    ],
    "command-express": [("SUCCEEDED", NOON - 5, NOON - 4)] * 3,
}
BEGAN = {0: 1, 1: 2, 59: 2}
WELL = {0: 2}
OTHERWISE = {1: 1, 2: 1, 59: 1}


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    """The clock of whoever asks."""
    monkeypatch.setattr(trends.time, "time", lambda: NOON)


class Listed:
    """What Step Functions lists, the latest first, back to a moment."""

    def started(self, machine, since, most):
        runs = [
            Run(machine.short, "x", "arn", status, *map(moment, (began, ended)))
            for status, began, ended in RUNS[machine.short]
        ]
        latest = sorted(runs, key=lambda run: run.started, reverse=True)
        return [run for run in latest if run.started >= since][:most]


def moment(at):
    return None if at is None else datetime.fromtimestamp(at, UTC)


def counted():
    yield CountedTrends(Listed())


def measured():
    with mock_aws():
        cloudwatch = boto3.client("cloudwatch", "us-east-1")
        for machine in MACHINES:
            for status, began, ended in RUNS[machine.short]:
                put(cloudwatch, machine.arn, "ExecutionsStarted", began)
                if ended is not None:
                    put(cloudwatch, machine.arn, ENDS[status], ended)
        yield MeasuredTrends(cloudwatch)


def put(cloudwatch, arn, name, at):
    value = {
        "MetricName": name,
        "Dimensions": [{"Name": "StateMachineArn", "Value": arn}],
        "Timestamp": moment(at),
        "Value": 1,
    }
    cloudwatch.put_metric_data(Namespace="AWS/States", MetricData=[value])


@pytest.fixture(params=[counted, measured], ids=["counted", "measured"])
def either(request):
    """Either adapter, where the same has run."""
    yield from request.param()


def places(counts):
    return {place: count for place, count in enumerate(counts) if count}


def test_what_began_and_ended_is_told_minute_by_minute(either):
    command, express = either.of(MACHINES)

    assert [command.bars[0], command.bars[-1]] == [FIRST, NOON - 40]
    assert (places(command.started), command.total) == (BEGAN, 5)
    assert (places(command.succeeded), places(command.failed)) == (WELL, OTHERWISE)
    assert (places(express.succeeded), express.total) == ({59: 3}, 3)


def test_of_no_machine_there_is_no_trend(either):
    assert either.of([]) == []


def test_several_trends_are_added():
    one, other = Trend.empty(bars_of(HOUR)), Trend.empty(bars_of(HOUR))
    one.count("started", NOON)
    other.count("started", NOON, 2)
    other.count("failed", FIRST)

    total = added([one, other])

    assert (places(total.started), places(total.failed), total.total) == ({59: 3}, {0: 1}, 3)


class Asked:
    """CloudWatch that counts what it is asked for, and has nothing."""

    def __init__(self):
        self.queries = []

    def get_paginator(self, _operation):
        return self

    def paginate(self, **given):
        self.queries.append(len(given["MetricDataQueries"]))
        return [{"MetricDataResults": []}]


def test_cloudwatch_is_asked_once_a_minute_whoever_looks(monkeypatch):
    cloudwatch, at = Asked(), time.monotonic()
    monkeypatch.setattr(trends.time, "monotonic", lambda: at)
    measured_ = MeasuredTrends(cloudwatch)

    for later in (0.0, 59.0, 61.0):
        monkeypatch.setattr(trends.time, "monotonic", lambda later=later: at + later)
        measured_.of(MACHINES)

    assert cloudwatch.queries == [10, 10]


def test_no_question_is_larger_than_cloudwatch_takes():
    cloudwatch = Asked()
    many = [Machine(f"m-{n}", f"m-{n}", ARN.format(n), "STANDARD") for n in range(101)]

    MeasuredTrends(cloudwatch).of(many)

    assert cloudwatch.queries == [MOST_QUERIES, 5]
