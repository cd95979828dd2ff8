import json

import boto3
import pytest
from moto import mock_aws
from tests.support.stubs import a_client, stub_of

from sfn_cqrs.kernel.aws.topics import DeadLetters, Topic
from sfn_cqrs.kernel.errors import TransientError

TOPIC = "arn:aws:sns:us-east-1:123456789012:events"


def notices(amount):
    return [notice(number) for number in range(amount)]


def notice(number, action="command-status"):
    return {"action": action, "id": str(number), "tenantCode": "tenant1"}


@pytest.fixture
def sqs():
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1")


@pytest.fixture
def topic(sqs):
    """Return a topic, and what reads all that it has sent to a queue behind a filter policy."""
    sns = boto3.client("sns", region_name="us-east-1")
    arn = sns.create_topic(Name="events")["TopicArn"]
    url = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:subscriber",
        Attributes={"FilterPolicy": json.dumps({"action": ["command-status"]})},
    )

    def received():
        messages = []
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            messages += [json.loads(json.loads(message["Body"])["Message"]) for message in batch]
        return messages

    return Topic(sns, arn), received


@pytest.fixture
def stubbed():
    """Return a topic and the stub of its client."""
    client = a_client("sns")
    with stub_of(client) as stub:
        yield Topic(client, TOPIC), stub


def accepted(stub, ids, failed=()):
    entries = [
        {
            "Id": str(position),
            "Message": json.dumps(notice(number)),
            "MessageAttributes": {
                "action": {"DataType": "String", "StringValue": "command-status"}
            },
            "MessageGroupId": "tenant1",
        }
        for position, number in enumerate(ids)
    ]
    answer = {"Successful": [], "Failed": list(failed)}
    expected = {"TopicArn": TOPIC, "PublishBatchRequestEntries": entries}
    stub.add_response("publish_batch", answer, expected)


@pytest.mark.parametrize("amount", [1, 10, 11, 25])
def test_every_message_arrives_once_and_whole(amount, topic):
    topic, received = topic

    topic.publish(notices(amount))

    assert sorted(received(), key=lambda notice: int(notice["id"])) == notices(amount)


def test_a_queue_gets_what_its_filter_policy_asks_for(topic):
    topic, received = topic

    topic.publish([notice(1, "sfn-alarm"), notice("成田")])

    assert received() == [notice("成田")]


def test_a_queue_is_told_whose_a_message_is_so_that_it_is_fair_to_tenants(topic, sqs):
    topic, _ = topic

    topic.publish([notice(1), {**notice(2), "tenantCode": "tenant2"}])

    url = sqs.get_queue_url(QueueName="subscriber")["QueueUrl"]
    received = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]
    )["Messages"]
    assert {one["Attributes"]["MessageGroupId"] for one in received} == {"tenant1", "tenant2"}


def test_ten_messages_go_in_a_call(stubbed):
    topic, stub = stubbed
    accepted(stub, range(10))
    accepted(stub, range(10, 20))
    accepted(stub, range(20, 21))

    topic.publish(notices(21))


def test_no_message_is_no_call(stubbed):
    topic, _ = stubbed

    topic.publish([])


@pytest.mark.parametrize(("before", "ids"), [(0, ["1"]), (10, ["3", "1"])])
def test_a_message_that_was_not_taken_is_an_error_that_may_pass_and_ends_the_calls(
    stubbed, before, ids
):
    topic, stub = stubbed
    failed = [{"Id": id_, "Code": "InternalError", "SenderFault": False} for id_ in ids]
    if before:
        accepted(stub, range(before))
    accepted(stub, range(before, before + 10), failed)

    with pytest.raises(TransientError, match=f"{len(ids)} notices were not taken: Int") as refused:
        topic.publish(notices(before + 20))

    assert refused.value.position == before + 1


def test_a_dead_letter_has_the_records_keys_and_the_reason(sqs):
    url = sqs.create_queue(QueueName="letters")["QueueUrl"]

    DeadLetters(sqs, url).put({"pk": {"S": "TENANT#東京"}}, "x" * 10_000)

    body = json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert body == {"keys": {"pk": {"S": "TENANT#東京"}}, "reason": "x" * 8_000}
