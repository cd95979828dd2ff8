"""The short way to moto's DynamoDB answers as the whole way does, and its queues keep as long."""

import time

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends
from tests.support import moto_shortcuts
from tests.support.moto_system import respond

TABLE = "Seats"
KEY = {"pk": {"S": "flight"}, "sk": {"N": "7"}}
SEAT = {
    **KEY,
    "taken": {"BOOL": False},
    "tags": {"SS": ["aisle", "front"]},
    "person": {"M": {"name": {"S": "Ä \u2603"}, "bags": {"L": [{"N": "1.50"}, {"NULL": True}]}}},
}
OTHER = {"pk": {"S": "flight"}, "sk": {"N": "10"}, "tier": {"S": "gold"}}
BINARY = {"pk": {"S": "flight"}, "sk": {"N": "11"}, "photo": {"B": b"\x00\xff"}}
ONE, TWO = {":one": {"N": "1"}}, {":one": {"N": "1"}, ":two": {"N": "2"}}
CONDITION = {"ConditionExpression": "attribute_not_exists(pk)"}
INCREASE = {"UpdateExpression": "SET note = :two REMOVE tags ADD bags :one"}
PAID = {"ReturnConsumedCapacity": "TOTAL"}

CALLS = [
    ("put_item", {"Item": SEAT, "ReturnValues": "ALL_OLD", **PAID}),
    ("put_item", {"Item": OTHER, **CONDITION}),
    ("put_item", {"Item": SEAT, **CONDITION}),
    (
        "put_item",
        {"Item": SEAT, **CONDITION, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"},
    ),
    ("put_item", {"Item": BINARY}),
    ("get_item", {"Key": KEY, "ConsistentRead": True, **PAID}),
    ("get_item", {"Key": {**KEY, "sk": {"N": "8"}}}),
    ("get_item", {"Key": KEY, "ProjectionExpression": "person.bags, taken"}),
    ("get_item", {"Key": {**KEY, "sk": {"N": "11"}}}),
    ("get_item", {"Key": {"pk": {"S": "flight"}}}),
    (
        "update_item",
        {"Key": KEY, **INCREASE, "ExpressionAttributeValues": TWO, "ReturnValues": "ALL_NEW"},
    ),
    (
        "update_item",
        {
            "Key": KEY,
            "UpdateExpression": "SET #p.#n = if_not_exists(nobody, :one), bags = bags + :one",
            "ConditionExpression": "#p.#n <> :one AND size(pk) > :two",
            "ExpressionAttributeNames": {"#p": "person", "#n": "name"},
            "ExpressionAttributeValues": TWO,
        },
    ),
    (
        "update_item",
        {
            "Key": KEY,
            "UpdateExpression": "SET #p.bags[0] = :one, seats = list_append(:more, #p.bags)",
            "ExpressionAttributeNames": {"#p": "person"},
            "ExpressionAttributeValues": {**ONE, ":more": {"L": [{"S": "x"}]}},
            "ReturnValues": "UPDATED_NEW",
        },
    ),
    ("update_item", {"Key": KEY, **INCREASE, "ExpressionAttributeValues": ONE}),
    ("update_item", {"Key": KEY, "UpdateExpression": "SET pk = :one"}),
    (
        "query",
        {
            "KeyConditionExpression": "pk = :flight AND sk >= :one",
            "ExpressionAttributeValues": {":flight": {"S": "flight"}, **ONE},
            "ScanIndexForward": False,
            "Limit": 2,
            **PAID,
        },
    ),
    (
        "query",
        {
            "IndexName": "by_tier",
            "KeyConditionExpression": "tier = :gold",
            "ExpressionAttributeValues": {":gold": {"S": "gold"}},
        },
    ),
    ("query", {"KeyConditionExpression": "seat = :one", "ExpressionAttributeValues": ONE}),
    (
        "scan",
        {
            "FilterExpression": "attribute_exists(tier) OR begins_with(tier, :one)",
            "ExpressionAttributeValues": {":one": {"S": "g"}},
        },
    ),
    ("delete_item", {"Key": KEY, "ReturnValues": "ALL_OLD"}),
    (
        "delete_item",
        {
            "Key": KEY,
            "ConditionExpression": "tier = :one",
            "ExpressionAttributeValues": ONE,
        },
    ),
]
EVERYWHERE = [
    (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": TABLE, "Item": {**SEAT, "sk": {"N": "20"}}, **CONDITION}},
                {
                    "Update": {
                        "TableName": TABLE,
                        "Key": KEY,
                        **INCREASE,
                        "ExpressionAttributeValues": TWO,
                    }
                },
                {"Delete": {"TableName": TABLE, "Key": {**KEY, "sk": {"N": "99"}}}},
            ],
            **PAID,
        },
    ),
    (
        "transact_write_items",
        {
            "TransactItems": [
                {
                    "Update": {
                        "TableName": TABLE,
                        "Key": KEY,
                        **INCREASE,
                        "ExpressionAttributeValues": TWO,
                    }
                },
                {"Put": {"TableName": TABLE, "Item": OTHER}},
                {
                    "ConditionCheck": {
                        "TableName": TABLE,
                        "Key": {**KEY, "sk": {"N": "20"}},
                        **CONDITION,
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
            ],
        },
    ),
    ("transact_get_items", {"TransactItems": [{"Get": {"TableName": TABLE, "Key": KEY}}]}),
    ("batch_get_item", {"RequestItems": {TABLE: {"Keys": [KEY], "ConsistentRead": True}}}),
    ("batch_write_item", {"RequestItems": {TABLE: [{"PutRequest": {"Item": OTHER}}]}}),
    ("get_item", {"TableName": "nothing", "Key": KEY}),
]


def new_table():
    client = boto3.client("dynamodb", region_name="us-east-1")
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
            {"AttributeName": "tier", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_tier",
                "KeySchema": [{"AttributeName": "tier", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return client


def answers():
    """What each call answers, one after the other; what is stored then, and the stream."""
    with mock_aws():
        client = new_table()
        found = [answered(client, *call) for call in [*CALLS[:-2], *EVERYWHERE, *CALLS[-2:]]]
        records = dynamodb_backends["123456789012"]["us-east-1"].tables[TABLE].stream_shard.items
        changes = [(each.record["eventName"], images(each.record)) for each in records]
        return found, client.scan(TableName=TABLE)["Items"], changes


def answered(client, operation, parameters):
    if "TransactItems" not in parameters and "RequestItems" not in parameters:
        parameters = {"TableName": TABLE, **parameters}
    try:
        answer = getattr(client, operation)(**parameters)
    except ClientError as error:
        answer = {**error.response, "class": type(error).__name__}
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def images(record):
    return {name: record["dynamodb"].get(name) for name in ("Keys", "OldImage", "NewImage")}


def test_the_short_way_answers_and_stores_what_the_whole_way_does():
    short = answers()
    with moto_shortcuts.removed():
        whole = answers()

    assert short == whole


def test_both_succeed_and_fail_in_many_ways():
    found, items, changes = answers()

    errors = {answer["Error"]["Code"] for answer in found if "class" in answer}
    assert errors == {
        "ConditionalCheckFailedException",
        "ResourceNotFoundException",
        "TransactionCanceledException",
        "ValidationException",
    }
    assert {event for event, _ in changes} == {"INSERT", "MODIFY", "REMOVE"}
    assert len(items) == 3


def test_a_fault_that_is_injected_into_what_is_sent_is_met():
    def lose(request, **_):
        lost.append(request)
        return respond(request, 500, b"{}")

    lost = []
    with mock_aws():
        client = new_table()
        client.meta.events.register_first("before-send.dynamodb.PutItem", lose)
        with pytest.raises(ClientError, match="reached max retries"):
            client.put_item(TableName=TABLE, Item=SEAT)

    assert len(lost) > 1


def kept(seconds):
    """Whether a queue that keeps messages for a minute still has one that was sent then."""
    with mock_aws():
        client = boto3.client("sqs", region_name="us-east-1")
        made = client.create_queue(QueueName="q", Attributes={"MessageRetentionPeriod": "60"})
        client.send_message(QueueUrl=made["QueueUrl"], MessageBody="1")
        (message,) = sqs_backends["123456789012"]["us-east-1"].queues["q"]._messages
        message.sent_timestamp = (time.time() - seconds) * 1000
        return "Messages" in client.receive_message(QueueUrl=made["QueueUrl"], WaitTimeSeconds=0)


def test_a_queue_keeps_messages_as_long_as_it_says():
    short = kept(30), kept(90)
    with moto_shortcuts.removed():
        whole = kept(30), kept(90)

    assert short == whole == (True, False)
