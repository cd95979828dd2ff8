"""A suite as users of Step Functions Local write it: it knows boto3, a port and its mocks.

It imports nothing of this project.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

ENDPOINT = os.environ.get("STEP_FUNCTIONS_LOCAL", "http://localhost:8083")
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LeadMachine"
ROLE = "arn:aws:iam::123456789012:role/DummyRole"
LEAD = json.dumps({"lead": {"name": "Ada", "comment": "I like it."}})


@pytest.fixture(scope="session")
def sfn() -> Any:
    client = boto3.client(
        "stepfunctions",
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id="dummy",
        aws_secret_access_key="dummy",
    )
    definition = Path(__file__).with_name("leads.asl.json").read_text()
    created = client.create_state_machine(name="LeadMachine", definition=definition, roleArn=ROLE)
    assert created["stateMachineArn"] == ARN
    return client


def run(sfn: Any, case: str) -> list[dict[str, Any]]:
    started = sfn.start_execution(stateMachineArn=f"{ARN}#{case}", name=case, input=LEAD)
    arn = started["executionArn"]
    deadline = time.monotonic() + 60
    while sfn.describe_execution(executionArn=arn)["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return list(sfn.get_execution_history(executionArn=arn)["events"])


def exited(events: list[dict[str, Any]]) -> list[str]:
    return [
        event["stateExitedEventDetails"]["name"]
        for event in events
        if event["type"].endswith("StateExited")
    ]


def test_happy_path(sfn: Any) -> None:
    events = run(sfn, "HappyPath")
    output = json.loads(events[-1]["executionSucceededEventDetails"]["output"])

    assert exited(events) == [
        "Check Identity",
        "Is Known",
        "Cool Down",
        "Detect Sentiment",
        "Ask Sales",
    ]
    assert output["sentiment"] == {"Sentiment": "POSITIVE"}
    assert output["answer"] == {"accepted": True}


def test_retry_path(sfn: Any) -> None:
    events = run(sfn, "RetryPath")
    failed = [event for event in events if event["type"] == "TaskFailed"]

    assert [event["taskFailedEventDetails"]["error"] for event in failed] == [
        "Lambda.TooManyRequestsException",
        "LeadService.Busy",
    ]
    assert events[-1]["type"] == "ExecutionSucceeded"


def test_an_unknown_lead_goes_to_the_operator(sfn: Any) -> None:
    assert exited(run(sfn, "UnknownLead")) == ["Check Identity", "Is Known", "Tell Operator"]


def test_exhausted_retries_are_caught(sfn: Any) -> None:
    events = run(sfn, "Unavailable")
    output = json.loads(events[-1]["executionSucceededEventDetails"]["output"])

    assert exited(events) == ["Check Identity", "Tell Operator"]
    assert output["problem"] == {"Error": "LeadService.Busy", "Cause": "Try again."}


def test_an_unknown_case_is_an_error(sfn: Any) -> None:
    with pytest.raises(sfn.exceptions.ClientError, match="has no test case Typo"):
        sfn.start_execution(stateMachineArn=f"{ARN}#Typo")
