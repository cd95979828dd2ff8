"""Notices on the bus of a local stack."""

import json
from time import monotonic, sleep

import pytest
from tests.support.command_line import command_line

pytestmark = [pytest.mark.stack, pytest.mark.real_time("waits for an event of the local stack")]
PATTERN = {"source": ["sfn-cqrs"], "detail": {"content": {"type": ["ORDER"], "code": ["e-1"]}}}


def received(sqs, url):
    until = monotonic() + 30
    while monotonic() < until:
        found = sqs.receive_message(QueueUrl=url).get("Messages", [])
        if found:
            return [json.loads(one["Body"]) for one in found]
        sleep(0.1)
    raise TimeoutError("no event")


def test_a_rule_of_the_users_gets_the_notice_of_a_version(stack, monkeypatch, capfdbinary):
    run = command_line(monkeypatch, capfdbinary, after=("--state", stack.state.path))
    sqs, events = stack.client("sqs"), stack.client("events")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    bus = stack.outputs["EventBusName"]
    events.put_rule(Name="orders", EventBusName=bus, EventPattern=json.dumps(PATTERN))
    target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
    events.put_targets(Rule="orders", EventBusName=bus, Targets=[target])

    attributes = json.dumps({"customer": "ada", "total": 5})
    run("publish", "ORDER", "e-1", "--name", "first", "--attributes", attributes, "--wait")

    (event,) = received(sqs, url)
    assert event["detail-type"] == "command-status"
    assert event["detail"]["tenant"] == "tenant1"
    content = event["detail"]["content"]
    assert (content["code"], content["version"], content["outcome"]) == ("e-1", 1, "APPLIED")
