"""Handlers that were too slow for the express lane, as `sfn-cqrs doctor` finds them."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.stub import Stubber

from sfn_cqrs.machines.command import state
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.stack.slow_handlers import slow_handlers
from sfn_cqrs_tools.testing.quick_stack import quick_stack

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMED = {"Namespace": "sfn-cqrs", "MetricName": "SlowHandlerSeconds"}
SERVICE = {"Name": "service", "Value": "sfn-cqrs-dev"}
TOLD = [
    'ORDER: letters took 90 s, too long for the express lane; command_type("ORDER",'
    ' lane="standard") keeps the type out of it',
    'ORDER: one of its handlers took 120 s, too long for the express lane; command_type("ORDER",'
    ' lane="standard") keeps the type out of it',
]


def a_line(handler: str, seconds: float) -> str:
    metric = {"SlowHandlerSeconds": [seconds], "type": "ORDER", "handler": handler}
    return f"CommandSyncDataFunction - {json.dumps(metric)}\n"


def on_aws(*metrics, error=""):
    """Ask a CloudWatch that lists metrics, each with the greatest of its last day's values."""
    session = boto3.Session("testing", "testing", region_name="eu-west-1")
    cloudwatch = session.client("cloudwatch")
    with Stubber(cloudwatch) as stub:
        if error:
            stub.add_client_error("list_metrics", error)
        else:
            every = [
                {**NAMED, "Dimensions": [*of_handler(handler), SERVICE]} for handler, _ in metrics
            ]
            asked = {**NAMED, "Dimensions": [SERVICE]}
            stub.add_response("list_metrics", {"Metrics": every}, asked)
        for handler, value in metrics:
            points = [] if value is None else [{"Maximum": value, "Timestamp": NOON}]
            asked = {
                **NAMED,
                "Dimensions": [*of_handler(handler), SERVICE],
                "StartTime": NOON - timedelta(days=1),
                "EndTime": NOON,
                "Period": 86_400,
                "Statistics": ["Maximum"],
            }
            stub.add_response("get_metric_statistics", {"Datapoints": points}, asked)
        found = list(slow_handlers(Target({}, {}, "sfn-cqrs-dev"), NOON, cloudwatch))
        stub.assert_no_pending_responses()
    return found


def of_handler(handler: str) -> list[dict[str, str]]:
    return [{"Name": "handler", "Value": handler}, {"Name": "type", "Value": "ORDER"}]


def test_a_local_stacks_log_tells_the_most_that_each_handler_took(tmp_path):
    log = tmp_path / "stack.log"
    lines = [a_line("letters", 61.5), a_line("letters", 90.2), a_line("one of its handlers", 120)]
    said = 'CommandFinishFunction - {"message":"SlowHandlerSeconds is only mentioned"}\n'
    log.write_text("".join([*lines, said, "begun\n"]))

    assert list(slow_handlers(Target({}, {}, log=log), NOON)) == TOLD


def test_on_aws_the_metrics_of_the_last_day_tell_it():
    assert on_aws(("one of its handlers", 120.0), ("letters", 90.2), ("mended", None)) == TOLD


def test_the_doctor_says_so_if_it_may_not_look():
    (one,) = on_aws(error="AccessDenied")

    assert one.startswith("which handlers are too slow for the express lane cannot be seen: ")


def test_where_nobody_tells_nothing_is_known():
    assert list(slow_handlers(Target({}, {}), NOON)) == []


@pytest.mark.stack
def test_the_doctor_names_the_slow_handler_of_a_stack_and_the_cure(tmp_path, sfn_cqrs, monkeypatch):
    monkeypatch.setattr(state, "SLOW", timedelta())
    order = ("ORDER", "o-1", "--name", "x", "--attributes", '{"customer": "ada", "total": 1}')

    with quick_stack(state_dir=tmp_path) as stack:
        sfn_cqrs("publish", *order, "--wait", "--state", stack.state.path)
        ill = sfn_cqrs("doctor", "--state", stack.state.path)

    assert ill.code == 1
    assert [
        line for line in ill.output.splitlines() if "too long for the express lane" in line
    ] == [
        "ORDER: orders_by_customer took 0 s, too long for the express lane;"
        ' command_type("ORDER", lane="standard") keeps the type out of it'
    ]
