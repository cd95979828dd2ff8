"""What the AWS fabric holds outlives its process, killed or not."""

import json
import os
import queue
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from engine.tests.full_disk import full_disk
from tests.support.waiting import waited
from tools.tests.local.toy_fabric import ToyFabric, item

from sfn_cqrs_tools.runtime.fabric import FabricError, local_client, session
from sfn_local.http_server import Request, Response

MINE = "toy-mine"


class Kept(ToyFabric):
    """A toy stack on a folder; `killed` brings it back as a kill leaves it."""

    def __init__(self, folder: Path) -> None:
        self.received: queue.Queue = queue.Queue()
        super().__init__(folder)

    def start(self) -> None:
        super().start(data=self.folder)
        self.restored = self.process.restore()

    def killed(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.stop()
        self.start()

    def take(self, request: Request) -> Response:
        self.received.put(json.loads(request.body))
        return Response.of_json(None)

    def client(self, service: str, **config):
        if not config:
            return local_client(service, self.process.endpoint)
        return session().client(
            service, endpoint_url=self.process.endpoint, config=Config(**config)
        )

    def names(self) -> list[str]:
        items = self.client("dynamodb").scan(TableName=self.table)["Items"]
        return sorted(item["pk"]["S"] for item in items)

    def empty(self) -> None:
        """Forget what a test has left."""
        dynamodb, s3, sqs = (self.client(name) for name in ("dynamodb", "s3", "sqs"))
        for table in dynamodb.list_tables()["TableNames"]:
            for one in dynamodb.scan(TableName=table)["Items"]:
                dynamodb.delete_item(TableName=table, Key={"pk": one["pk"], "sk": one["sk"]})
        for url in sqs.list_queues().get("QueueUrls", []):
            sqs.purge_queue(QueueUrl=url)
        for one in s3.list_objects_v2(Bucket=MINE).get("Contents", []):
            s3.delete_object(Bucket=MINE, Key=one["Key"])
        while not self.received.empty():
            self.received.get()


@pytest.fixture(scope="module")
def fabric(tmp_path_factory):
    started = Kept(tmp_path_factory.mktemp("fabric"))
    started.client("s3").create_bucket(Bucket=MINE)
    yield started
    started.close()


@pytest.fixture
def kept(fabric):
    """The stack of all these tests; in it there is nothing."""
    yield fabric
    fabric.empty()


def status_of(request: Callable[[], object]) -> int:
    try:
        request()
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return 200


def test_what_was_answered_is_there_after_a_kill(kept):
    dynamodb, sqs, s3 = kept.client("dynamodb"), kept.client("sqs"), kept.client("s3")
    first = kept.restored
    for name in ("stays", "goes", "changes"):
        dynamodb.put_item(TableName=kept.table, Item=item(name, n="1"))
    dynamodb.delete_item(TableName=kept.table, Key=item("goes"))
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": kept.table, "Item": item("t", blob="é")}},
            {
                "Update": {
                    "TableName": kept.table,
                    "Key": item("changes"),
                    "UpdateExpression": "SET n = :n",
                    "ExpressionAttributeValues": {":n": {"S": "2"}},
                }
            },
        ]
    )
    url = sqs.create_queue(QueueName=MINE)["QueueUrl"]
    for body in ("one", "two", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (received,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    (done,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=done["ReceiptHandle"])
    s3.put_object(Bucket=MINE, Key="a/b.csv", Body=b"x,y", ContentType="text/csv")

    kept.killed()
    before = kept.names()
    sqs = kept.client("sqs")
    url = sqs.create_queue(QueueName=MINE)["QueueUrl"]
    changed = kept.client("dynamodb").get_item(TableName=kept.table, Key=item("changes"))["Item"]
    found = kept.client("s3").get_object(Bucket=MINE, Key="a/b.csv")
    content = found["Body"].read()  # which comes after the headers: not once it is killed
    kept.killed()

    assert first == {"items": 0, "messages": 0, "records": 0}
    assert (before, kept.names()) == (["changes", "stays", "t"], ["changes", "stays", "t"])
    assert changed["n"] == {"S": "2"}
    assert (content, found["ContentType"]) == (b"x,y", "text/csv")
    assert received["Body"] == "one"


def test_a_full_disk_refuses_requests_and_loses_nothing_that_was_answered(kept):
    once = {"retries": {"max_attempts": 0}}
    dynamodb, sqs, s3 = (kept.client(name, **once) for name in ("dynamodb", "sqs", "s3"))
    put = {"TableName": kept.table, "Item": item("first")}
    url = kept.deployment.outputs["FailuresQueueUrl"]
    requests = [
        lambda: dynamodb.put_item(**put),
        lambda: dynamodb.get_item(TableName=kept.table, Key=item("first")),
        lambda: sqs.send_message(QueueUrl=url, MessageBody="one"),
        lambda: s3.put_object(Bucket=MINE, Key="a", Body=b"x"),
    ]
    with full_disk(kept.process.pid):
        refused = [status_of(request) for request in requests]
        trouble = kept.process.trouble
    dynamodb.put_item(TableName=kept.table, Item=item("second"))
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
    s3.put_object(Bucket=MINE, Key="b", Body=b"y")
    mended = kept.process.trouble

    kept.killed()

    assert refused == [503, 503, 503, 503]
    assert (trouble, mended) == ("disk I/O error", "")
    assert kept.names() == ["first", "second"]
    assert (received["Body"], kept.restored["messages"]) == ("one", 1)
    assert kept.client("s3").get_object(Bucket=MINE, Key="b")["Body"].read() == b"y"


def test_an_object_that_cannot_be_written_is_refused_though_nothing_else_is_to_be_written(kept):
    s3 = kept.client("s3", retries={"max_attempts": 0})
    with full_disk(kept.process.pid):
        assert status_of(lambda: s3.put_object(Bucket=MINE, Key="a", Body=b"x")) == 503


def test_a_message_that_somebody_had_received_is_there_for_the_next(kept):
    sqs, url = kept.client("sqs"), kept.deployment.outputs["FailuresQueueUrl"]
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (received,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]

    kept.killed()
    sqs, url = kept.client("sqs"), kept.deployment.outputs["FailuresQueueUrl"]
    again = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["ApproximateReceiveCount"]
    )["Messages"]

    assert (received["Body"], kept.restored["messages"]) == ("one", 2)
    counts = [one["Attributes"]["ApproximateReceiveCount"] for one in again]
    assert [one["Body"] for one in again] == ["one", "two"]
    assert counts == ["2", "1"]


def test_a_stream_gives_again_what_nobody_has_told_to_be_done(kept):
    dynamodb = kept.client("dynamodb")
    for name in ("first", "second", "third"):
        dynamodb.put_item(TableName=kept.table, Item=item(name, kind="process", status="start"))
    numbers: list[str] = []
    while len(numbers) < 3:
        records = kept.received.get(timeout=60)["Records"]
        numbers += [one["dynamodb"]["SequenceNumber"] for one in records]
    (stream,) = kept.deployment.streams
    kept.process.streams({stream.mapping: numbers[1]})

    kept.killed()
    again = kept.received.get(timeout=60)["Records"]

    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in again] == ["third"]
    assert again[0]["eventSourceARN"] == kept.deployment.streams[0].stream_arn
    given = {stream.mapping: numbers[2]}  # counts once our answer has come, a moment later
    waited(lambda: kept.process.streams({}), lambda streams: streams == given)


def test_a_stream_keeps_nothing_in_memory_that_all_functions_are_done_with(kept):
    (stream,) = kept.deployment.streams
    numbers: list[str] = []

    def written(name: str) -> None:
        new = item(name, kind="process", status="start")
        kept.client("dynamodb").put_item(TableName=kept.table, Item=new)
        records = kept.received.get(timeout=60)["Records"]
        numbers.extend(one["dynamodb"]["SequenceNumber"] for one in records)
        given = {stream.mapping: numbers[-1]}
        waited(lambda: kept.process.streams({}), lambda streams: streams == given)

    def readable() -> list[str]:
        arn, streams = stream.stream_arn, kept.client("dynamodbstreams")
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        try:
            records = streams.get_records(ShardIterator=iterator)["Records"]
        except streams.exceptions.TrimmedDataAccessException:  # between these two calls
            return readable()
        return [one["dynamodb"]["SequenceNumber"] for one in records]

    for name in ("first", "second", "third"):
        written(name)
    kept.process.streams({stream.mapping: numbers[1]})
    waited(readable, lambda found: found == numbers[2:])
    written("fourth")
    kept.process.streams({stream.mapping: numbers[3]})
    waited(readable, lambda found: found == [])
    assert kept.process.streams({}) == {stream.mapping: numbers[3]}
    kept.killed()
    written("fifth")

    assert numbers == sorted(set(numbers))
    assert len(numbers) == 5


def test_a_table_that_was_deleted_and_made_again_is_empty(kept):
    dynamodb = kept.client("dynamodb")
    key = [{"AttributeName": "pk", "KeyType": "HASH"}]
    table = {
        "TableName": "mine",
        "KeySchema": key,
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    dynamodb.create_table(**table)
    dynamodb.put_item(TableName="mine", Item={"pk": {"S": "1"}})
    dynamodb.delete_table(TableName="mine")
    dynamodb.put_item(TableName=kept.table, Item=item("other"))

    kept.killed()

    assert kept.restored["items"] == 1


def test_data_of_another_version_are_refused(fabric):
    fabric.process.stop()
    with sqlite3.connect(fabric.folder / "fabric.sqlite") as file:
        file.execute("UPDATE meta SET value = '99' WHERE name = 'format'")

    with pytest.raises(FabricError, match="format 99, this is 1; `sfn-cqrs up --fresh` forgets"):
        fabric.start()
