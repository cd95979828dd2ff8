"""The dashboards: what they show exists, and nothing that should be seen is left out."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from tests.template.stack import ISSUER, ROOT, of_type

from sfn_cqrs.care.sweep import KINDS
from sfn_cqrs.kernel.sql import failure_metrics as sql_failures
from sfn_cqrs.machines.command import backlog
from sfn_cqrs_tools.client.prices import DOLLARS, EXPRESS_GB
from sfn_cqrs_tools.runtime.template import Template

DASHBOARDS = of_type("AWS::CloudWatch::Dashboard")
SHOP = Template.load(ROOT / "template.yaml", parameters=ISSUER, stack="shop")
PUBLISHED = {
    ("AWS/States", "StateMachineArn"): {
        "ExecutionsStarted",
        "ExecutionsSucceeded",
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
        "ExecutionTime",
        "ExecutionThrottled",
        "ExpressExecutionBilledDuration",
    },
    ("AWS/States", "ServiceMetric"): {"ConsumedCapacity"},
    ("AWS/ApiGateway", "ApiId"): {"Count", "4xx", "5xx", "Latency"},
    ("AWS/Lambda", "FunctionName"): {"Throttles", "Errors", "IteratorAge", "Invocations"},
    ("AWS/Lambda", ""): {"ConcurrentExecutions"},
    ("AWS/DynamoDB", "TableName"): {
        "WriteThrottleEvents",
        "ReadThrottleEvents",
        "TransactionConflict",
        "ConsumedWriteCapacityUnits",
        "ConsumedReadCapacityUnits",
    },
    ("AWS/SQS", "QueueName"): {"ApproximateNumberOfMessagesVisible"},
    ("sfn-cqrs", "service"): {
        *(kind.metric for kind in KINDS),
        sql_failures.METRIC,
        backlog.AGE,
    },
    **{("sfn-cqrs", f"service,{kind.group[0]}"): {kind.metric} for kind in KINDS if kind.group},
}
"""What AWS publishes by which dimension (each service's page of CloudWatch metrics), and we."""
SEARCH = re.compile(
    r"SEARCH\('\{\"?([\w/-]+)\"?,([\w,]+)\} MetricName=\"(\w+)\" (\S+)', '\w+', (\d+)\)"
)


class Metric(NamedTuple):
    """A metric as CloudWatch knows it."""

    namespace: str
    name: str
    dimension: str
    value: str


def body_of(name: str) -> dict[str, Any]:
    """A dashboard as CloudWatch gets it, of a stack called shop."""
    body: dict[str, Any] = json.loads(SHOP.resolve(DASHBOARDS[name]["DashboardBody"]))
    return body


def metrics_of(widget: dict[str, Any]) -> Iterator[Metric]:
    """Its metrics, with . and ... written out, and what its searches look for."""
    before: list[str] = []
    for row in widget["properties"]["metrics"]:
        if isinstance(row[0], dict):
            for namespace, dimension, name, value, _ in SEARCH.findall(row[0]["expression"]):
                yield Metric(namespace, name, dimension, value)
            continue
        given = [part for part in row if not isinstance(part, dict)]
        if given[0] == "...":
            given = [*before[: len(before) - len(given) + 1], *given[1:]]
        given = [before[place] if part == "." else part for place, part in enumerate(given)]
        before = given
        namespace, name, dimension, value = [*given, "", ""][:4]
        yield Metric(namespace, name, dimension, value)


def shown(name: str) -> list[Metric]:
    return [metric for widget in body_of(name)["widgets"] for metric in metrics_of(widget)]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_metric_that_is_shown_exists(name: str) -> None:
    for metric in shown(name):
        assert metric.name in PUBLISHED[metric.namespace, metric.dimension], metric


@pytest.mark.parametrize("name", DASHBOARDS)
def test_widgets_have_a_title_and_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body_of(name)["widgets"]:
        left, top = widget.get("x", 0), widget.get("y", 0)
        places = {
            (left + x, top + y) for x in range(widget["width"]) for y in range(widget["height"])
        }
        assert widget["properties"]["title"]
        assert not places & taken
        assert left + widget["width"] <= 24
        taken |= places


def test_the_ages_of_all_kinds_and_sql_that_fails_are_shown() -> None:
    ours = [metric for metric in shown("WorkDashboard") if metric.namespace == "sfn-cqrs"]

    assert sorted(one.name for one in ours if one.dimension == "service") == sorted(
        [sql_failures.METRIC, backlog.AGE, *(kind.metric for kind in KINDS if kind.metric)]
    )


def test_the_lag_of_each_type_is_shown() -> None:
    lags = [metric for metric in shown("WorkDashboard") if metric.dimension == "service,type"]

    assert lags == [Metric("sfn-cqrs", "OldestUnappliedSeconds", "service,type", "shop")]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_what_is_shown_is_of_this_stack(name: str) -> None:
    named = ("CommandStateMachine", "CommandExpressStateMachine", "HttpApi")
    ours = {"shop", *(SHOP.resolve({"Ref": name}) for name in named)}

    for metric in shown(name):
        if metric.dimension not in ("", "ServiceMetric"):  # what is of the whole account
            assert metric.value in ours


def test_prices_are_those_of_the_bench_and_of_plans() -> None:
    (widget,) = (
        widget
        for widget in body_of("MachineryDashboard")["widgets"]
        if widget["properties"]["title"].startswith("Dollars")
    )
    used = [
        float(row[0]["expression"].rpartition("*")[2])
        for row in widget["properties"]["metrics"]
        if isinstance(row[0], dict)
    ]
    kinds = ("write unit", "read unit", "invocation", "state transition", "EXPRESS execution")
    millisecond = DOLLARS["EXPRESS GB-second"] * EXPRESS_GB / 1_000

    assert used == pytest.approx([*(DOLLARS[kind] for kind in kinds), millisecond])


def test_commands_of_both_lanes_are_shown() -> None:
    arns = [
        SHOP.resolve({"Ref": name})
        for name in ("CommandExpressStateMachine", "CommandStateMachine")
    ]
    seen = [(metric.name, metric.value) for metric in shown("WorkDashboard")]

    for name in ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionTime"):
        assert [arn for arn in arns if (name, arn) in seen] == arns
