import json
from datetime import UTC, datetime

import pytest

from sfn_cqrs_tools.runtime.events import EventRules, Rule, matches

EXECUTION = {
    "executionArn": "arn:aws:states:us-east-1:000000000000:execution:toy-command:c-1",
    "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:toy-command",
    "name": "c-1",
    "status": "FAILED",
    "startDate": datetime(2026, 11, 25, 12, 0, 0, 500_000, tzinfo=UTC),
    "stopDate": datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC),
    "input": '{"code":"A"}',
    "error": "VersionGapError",
    "cause": "gap",
}
PATTERN = {
    "source": ["aws.states"],
    "detail-type": ["Step Functions Execution Status Change"],
    "detail": {
        "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        "stateMachineArn": [EXECUTION["stateMachineArn"]],
    },
}


def told(execution: dict) -> list[tuple[str, dict]]:
    calls: list[tuple[str, dict]] = []
    rules = EventRules(
        [Rule(PATTERN, ["arn:sweep"])], lambda arn, event: calls.append((arn, json.loads(event)))
    )
    rules.on_status_change(execution)
    return calls


def test_a_failed_execution_reaches_the_function_behind_the_rule():
    ((target, event),) = told(EXECUTION)

    assert target == "arn:sweep"
    assert event["source"] == "aws.states"
    assert event["resources"] == [EXECUTION["executionArn"]]
    assert event["detail"] == {
        "executionArn": EXECUTION["executionArn"],
        "stateMachineArn": EXECUTION["stateMachineArn"],
        "name": "c-1",
        "status": "FAILED",
        "startDate": 1795608000500,
        "stopDate": 1795608001000,
        "input": '{"code":"A"}',
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": None,
        "error": "VersionGapError",
        "cause": "gap",
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": None,
        "redriveStatusReason": None,
    }


@pytest.mark.parametrize(
    "change", [{"status": "SUCCEEDED"}, {"status": "RUNNING"}, {"stateMachineArn": "arn:other"}]
)
def test_other_changes_reach_nobody(change):
    assert told(EXECUTION | change) == []


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"a": ["x"]}, True),
        ({"a": ["y", "x"]}, True),
        ({"a": ["y"]}, False),
        ({"a": [{"prefix": "x"}]}, True),
        ({"n": [{"prefix": "x"}]}, False),
        ({"a": [{"anything-but": ["y"]}]}, True),
        ({"a": [{"anything-but": "x"}]}, False),
        ({"path": [{"wildcard": "up/*/auto/*.csv"}]}, True),
        ({"path": [{"wildcard": "up/*/auto"}]}, False),
        ({"path": [{"wildcard": "up.t/auto/a.csv"}]}, False),
        ({"n": [{"wildcard": "*"}]}, False),
        ({"missing": [{"exists": False}]}, True),
        ({"a": [{"exists": False}]}, False),
        ({"in": {"b": [1]}}, True),
        ({"in": {"c": [1]}}, False),
        ({"a": {"b": ["x"]}}, False),
    ],
)
def test_a_pattern_matches_as_in_eventbridge(pattern, expected):
    event = {"a": "x", "n": 1, "in": {"b": 1}, "path": "up/t/auto/a.csv"}

    assert matches(pattern, event) is expected
