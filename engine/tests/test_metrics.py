"""Metrics of executions and Map Runs, and the quota of open Map Runs.

Sources: Step Functions Developer Guide, "Monitoring Step Functions metrics using Amazon
CloudWatch" and "Step Functions service quotas".
"""

import json
import logging
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from engine.tests.maps import MapLab, distributed
from moto import mock_aws

from sfn_local.calls.boto import BotoServices
from sfn_local.calls.services import NoServices
from sfn_local.metrics import MetricsSender
from sfn_local.quotas import QUOTAS
from sfn_local.server import serve_engine

WAIT = {"Type": "Wait", "Seconds": 60, "End": True}
OPEN = ("ApproximateOpenMapRunCount", "ApproximateMapRunBacklogSize")
ZERO = dict.fromkeys(
    (
        "pending",
        "running",
        "succeeded",
        "failed",
        "timedOut",
        "aborted",
        "total",
        "resultsWritten",
        "failuresNotRedrivable",
        "pendingRedrive",
    ),
    0,
)


@pytest.fixture
def maps() -> MapLab:
    return MapLab()


@pytest.fixture
def one_at_a_time() -> Iterator[None]:
    QUOTAS.open_map_runs = 1
    yield
    QUOTAS.restore()


def two_runs(maps: MapLab) -> list[str]:
    """Start a machine with two Map Runs beside each other, each a minute long; their ARNs."""
    branches = []
    for name in ("first", "second"):
        each = {**distributed(ItemsPath="$"), "End": True}
        each["ItemProcessor"] |= {"StartAt": f"{name}'s", "States": {f"{name}'s": WAIT}}
        branches.append({"StartAt": name, "States": {name: each}})
    parallel = {"Type": "Parallel", "Branches": branches, "End": True}
    maps.start_machine({"StartAt": "both", "States": {"both": parallel}}, [1, 2])
    return [run["mapRunArn"] for run in maps.engine.list_map_runs(maps.arn)][::-1]


def values(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the account's metrics, by name."""
    data = [datum for datum in metrics["MetricData"] if not datum["Dimensions"]]
    return {datum["MetricName"]: datum.get("Value") for datum in data}


def open_and_waiting(maps: MapLab) -> tuple[int, int]:
    found = values(maps.engine.metrics(maps.engine.measure()))
    return found[OPEN[0]], found[OPEN[1]]


def test_open_map_runs_are_counted(maps: MapLab) -> None:
    before = open_and_waiting(maps)
    two_runs(maps)
    during = open_and_waiting(maps)
    maps.engine.run_until(maps.arn)

    assert (before, during, open_and_waiting(maps)) == ((0, 0), (2, 0), (0, 0))


@pytest.mark.usefixtures("one_at_a_time")
def test_beyond_the_quota_a_map_run_waits_and_has_no_items(maps: MapLab) -> None:
    first, second = two_runs(maps)
    during = open_and_waiting(maps)
    counts = [maps.engine.describe_map_run(arn)["itemCounts"] for arn in (first, second)]
    maps.engine.run_until(maps.arn)
    stopped = [maps.engine.describe_map_run(arn)["stopDate"] for arn in (first, second)]

    assert during == (1, 1)
    assert counts[0]["running"] == 2
    assert counts[1] == ZERO
    assert maps.execution["status"] == "SUCCEEDED"
    assert (stopped[1] - stopped[0]).total_seconds() == 60
    assert open_and_waiting(maps) == (0, 0)


@pytest.mark.usefixtures("one_at_a_time")
def test_a_map_run_that_ends_in_the_backlog_leaves_it(maps: MapLab) -> None:
    two_runs(maps)
    maps.engine.stop_execution(maps.arn)
    maps.engine.run_until_idle()

    assert open_and_waiting(maps) == (0, 0)
    assert [
        maps.engine.describe_map_run(run["mapRunArn"])["status"]
        for run in maps.engine.list_map_runs(maps.arn)
    ] == ["ABORTED", "ABORTED"]


def test_executions_are_counted_for_the_account_and_each_machine(maps: MapLab) -> None:
    measured = maps.engine.measure()
    maps.start([1, 2], processor=WAIT)
    running = values(maps.engine.metrics(measured))
    maps.engine.run_until(maps.arn)
    metrics = maps.engine.metrics(measured)
    ended = values(metrics)
    of_machine = [
        datum
        for datum in metrics["MetricData"]
        if datum["Dimensions"] == [{"Name": "StateMachineArn", "Value": maps.machine}]
    ]

    assert metrics["Namespace"] == "AWS/States"
    assert (running["OpenExecutionCount"], running["ExecutionsStarted"]) == (1, 1)
    assert (ended["OpenExecutionCount"], ended["ExecutionsSucceeded"]) == (0, 1)
    assert (ended["OpenExecutionLimit"], ended["OpenMapRunLimit"]) == (1_000_000, 1_000)
    assert [(datum["MetricName"], datum.get("Value")) for datum in of_machine] == [
        ("ExecutionsStarted", 1),
        ("ExecutionsSucceeded", 1),
        ("ExecutionTime", None),
    ]
    assert of_machine[-1]["StatisticValues"] == {
        "SampleCount": 1,
        "Sum": 60_000.0,
        "Minimum": 60_000.0,
        "Maximum": 60_000.0,
    }


def test_a_redriven_execution_counts_twice_in_its_end(maps: MapLab) -> None:
    measured = maps.engine.measure()
    fail = {"Type": "Fail", "Error": "E", "Cause": "c"}
    maps.start_machine({"StartAt": "it", "States": {"it": fail}})
    maps.engine.run_until(maps.arn)
    maps.engine.redrive_execution(maps.arn)
    maps.engine.run_until(maps.arn)
    found = values(maps.engine.metrics(measured))

    assert {name: value for name, value in found.items() if "Execution" in name} == {
        "OpenExecutionCount": 0,
        "OpenExecutionLimit": 1_000_000,
        "ExecutionsStarted": 1,
        "ExecutionsFailed": 2,
        "ExecutionsRedriven": 1,
        "RedrivenExecutionsFailed": 1,
        "ExecutionTime": None,
    }


def test_express_executions_are_counted(maps: MapLab) -> None:
    definition = {"StartAt": "it", "States": {"it": {"Type": "Pass", "End": True}}}
    arn = maps.engine.create_state_machine("express", definition, type="EXPRESS")
    measured = maps.engine.measure()
    maps.engine.start_sync_execution(arn)

    assert values(maps.engine.metrics(measured))["ExecutionsSucceeded"] == 1


def test_a_server_shows_what_was_counted_since_it_started(maps: MapLab) -> None:
    server = serve_engine(maps.engine, port=0)
    maps.run([1])
    with urllib.request.urlopen(f"{server.url}/_engine/metrics", timeout=60) as response:
        shown = json.load(response)
    with urllib.request.urlopen(f"{server.url}/_engine/metrics", timeout=60) as response:
        again = json.load(response)
    server.close()

    assert values(shown)["ExecutionsSucceeded"] == 1
    assert again == shown


def test_metrics_are_put_to_cloudwatch_and_only_once(maps: MapLab) -> None:
    with mock_aws():
        sender = MetricsSender(maps.engine, BotoServices(region_name="us-east-1"))
        maps.run([1])
        sender.send()
        sender.close()  # puts what has happened since: nothing
        cloudwatch = boto3.client("cloudwatch", region_name="us-east-1")
        listed = cloudwatch.list_metrics(Namespace="AWS/States")["Metrics"]
        (alarmed,) = cloudwatch.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "started",
                    "MetricStat": {
                        "Metric": {"Namespace": "AWS/States", "MetricName": "ExecutionsStarted"},
                        "Period": 60,
                        "Stat": "Sum",
                    },
                }
            ],
            StartTime=datetime.now(UTC) - timedelta(hours=1),
            EndTime=datetime.now(UTC) + timedelta(hours=1),
        )["MetricDataResults"]

    assert {each["MetricName"] for each in listed} >= {*OPEN, "ExecutionsStarted", "ExecutionTime"}
    assert sum(alarmed["Values"]) == 2  # the account's and the machine's: moto adds up dimensions


def test_metrics_that_cannot_be_put_are_logged(
    maps: MapLab, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        MetricsSender(maps.engine, NoServices()).close()

    assert "the metrics of a minute are lost" in caplog.text
