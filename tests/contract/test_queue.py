import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from tests.support.stubs import a_client

from sfn_cqrs.kernel.aws.queue import Queue
from sfn_cqrs.kernel.errors import TransientError


@pytest.fixture
def sqs():
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1")


def test_messages_come_again_when_they_are_told_to(sqs):
    url = sqs.create_queue(QueueName="letters")["QueueUrl"]
    for body in ("soon", "late"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    receipts = {message["Body"]: message["ReceiptHandle"] for message in received}

    Queue(sqs, url).postpone({receipts["soon"]: 0, receipts["late"]: 300})

    again = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in again] == ["soon"]


def test_a_message_that_is_gone_is_an_error_that_may_pass():
    client = a_client("sqs")
    failed = {"Id": "1", "Code": "MessageNotInflight", "SenderFault": True}
    entries = [
        {"Id": "0", "ReceiptHandle": "first", "VisibilityTimeout": 2},
        {"Id": "1", "ReceiptHandle": "second", "VisibilityTimeout": 300},
    ]
    with Stubber(client) as stub:
        stub.add_response(
            "change_message_visibility_batch",
            {"Successful": [{"Id": "0"}], "Failed": [failed]},
            {"QueueUrl": "https://queue", "Entries": entries},
        )
        with pytest.raises(TransientError, match="1 messages were not postponed: MessageNotInfl"):
            Queue(client, "https://queue").postpone({"first": 2, "second": 300})
