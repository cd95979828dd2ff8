"""What we rely on in the AWS fabric; run it again before ministack's version is changed."""

import json
import os
import queue
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.support.sockets import listeners, listeners_off_loopback
from tests.support.waiting import waited
from tools.tests.local.toy_fabric import PYTHON, ToyFabric, item

from sfn_cqrs.kernel.aws.queue import Queue
from sfn_cqrs_tools.runtime.client_hooks import hook, unhook
from sfn_cqrs_tools.runtime.fabric import FabricError, Ministack, deploy, session
from sfn_local.http_server import Request, Response

ONCE = Config(retries={"max_attempts": 0})


class Fabric(ToyFabric):
    """Takes what is forwarded by function, and answers what a test says."""

    def __init__(self, folder: Path) -> None:
        self.received: dict[str, queue.Queue] = {}
        self.answer: Callable[[dict], object] = lambda _event: None
        super().__init__(folder)

    def take(self, request: Request) -> Response:
        function, event = request.path[1:], json.loads(request.body)
        self.queue(function).put(event)
        answer = self.answer(event)
        return Response(500) if isinstance(answer, Exception) else Response.of_json(answer)

    def queue(self, function: str) -> queue.Queue:
        return self.received.setdefault(function, queue.Queue())

    def records(self, function: str, count: int) -> list[dict]:
        """Wait for that many records; there may be no more."""
        found: list[dict] = []
        while len(found) < count:
            found += self.queue(function).get(timeout=60)["Records"]
        return found

    def client(self, service: str):
        return session().client(service, endpoint_url=self.process.endpoint)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    fabric = Fabric(tmp_path_factory.mktemp("fabric"))
    yield fabric
    fabric.close()


@pytest.fixture
def fabric(started):
    started.received.clear()
    started.answer = lambda _event: None
    return started


def test_the_deployed_stack_tells_its_settings(fabric):
    (stream,) = fabric.deployment.streams
    arn = fabric.template.functions["RulesFunction"].arn
    (rule,) = (each for each in fabric.deployment.rules if arn in each.targets)

    assert (stream.batch_size, stream.max_retries, stream.bisect) == (10, 2, True)
    assert stream.partial_failures
    assert (
        stream.on_failure
        == "arn:aws:sqs:us-east-1:000000000000:"
        + (fabric.deployment.outputs["FailuresQueueUrl"].rpartition("/")[2])
    )
    assert stream.function_arn == fabric.template.functions["ConsumerFunction"].arn
    assert rule.pattern["detail"]["stateMachineArn"] == [
        "arn:aws:states:us-east-1:000000000000:stateMachine:toy-toy"
    ]
    assert list(rule.targets) == [arn]


def test_functions_get_the_environment_of_globals_with_real_names(fabric):
    environment = fabric.deployment.environment

    assert environment["ITEMS_TABLE"] == fabric.table
    assert environment["NOTES_QUEUE_URL"].startswith(fabric.process.endpoint)
    assert environment["STAGE"] == "test-dev"


def test_an_alarm_of_several_metrics_watches_the_first(fabric):
    described = fabric.client("cloudwatch").describe_alarms(AlarmNames=["toy-shares"])
    (alarm,) = described["MetricAlarms"]

    failures = fabric.deployment.outputs["FailuresQueueUrl"].rpartition("/")[2]
    assert (alarm["MetricName"], alarm["Period"]) == ("NumberOfMessagesSent", 300)
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": failures}]


def test_the_stream_delivers_what_its_two_filters_want_and_nothing_else(fabric):
    dynamodb = fabric.client("dynamodb")
    table = fabric.table

    dynamodb.put_item(TableName=table, Item=item("command", kind="command", status="start"))
    dynamodb.put_item(TableName=table, Item=item("put", kind="process", status="start"))
    dynamodb.put_item(TableName=table, Item=item("other", kind="process", status="finish:STARTED"))
    dynamodb.update_item(
        TableName=table,
        Key={"pk": {"S": "other"}, "sk": {"S": "1"}},
        UpdateExpression="SET outcome = :o",
        ExpressionAttributeValues={":o": {"S": "APPLIED"}},
    )
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": item("t1", kind="command")}},
            {"Put": {"TableName": table, "Item": item("t2", kind="process", status="start")}},
        ]
    )
    records = fabric.records("ConsumerFunction", 3)

    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in records] == ["put", "other", "t2"]
    assert [one["eventName"] for one in records] == ["INSERT", "MODIFY", "INSERT"]
    assert records[0]["eventSource"] == "aws:dynamodb"
    assert records[0]["eventSourceARN"] == fabric.deployment.streams[0].stream_arn
    assert records[1]["dynamodb"]["NewImage"]["outcome"] == {"S": "APPLIED"}
    assert "OldImage" not in records[1]["dynamodb"]
    assert fabric.queue("ConsumerFunction").empty()


def test_an_update_that_changes_nothing_makes_no_record(fabric):
    dynamodb = fabric.client("dynamodb")
    entry = item("same", kind="process", status="start")

    dynamodb.put_item(TableName=fabric.table, Item=entry)
    dynamodb.put_item(TableName=fabric.table, Item=entry)
    dynamodb.put_item(TableName=fabric.table, Item=item("next", kind="process", status="start"))
    records = fabric.records("ConsumerFunction", 2)

    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in records] == ["same", "next"]


def test_a_refused_batch_of_the_stream_comes_again(fabric):
    answers = iter([ValueError(), None])
    fabric.answer = lambda _event: next(answers)

    entry = item("again", kind="process", status="start")
    fabric.client("dynamodb").put_item(TableName=fabric.table, Item=entry)
    first, second = fabric.records("ConsumerFunction", 2)

    assert first["dynamodb"]["SequenceNumber"] == second["dynamodb"]["SequenceNumber"]


def test_a_failed_transaction_tells_why_and_what_is_there(fabric):
    dynamodb = fabric.client("dynamodb")
    dynamodb.put_item(TableName=fabric.table, Item=item("there", name="old"))

    with pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": fabric.table, "Item": item("new")}},
                {
                    "Put": {
                        "TableName": fabric.table,
                        "Item": item("there", name="new"),
                        "ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
            ]
        )

    response = caught.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert [one["Code"] for one in response["CancellationReasons"]] == [
        "None",
        "ConditionalCheckFailed",
    ]
    assert response["CancellationReasons"][1]["Item"]["name"] == {"S": "old"}
    assert "Item" not in dynamodb.get_item(
        TableName=fabric.table, Key={"pk": {"S": "new"}, "sk": {"S": "1"}}
    )


def test_a_failed_condition_returns_the_item(fabric):
    dynamodb = fabric.client("dynamodb")
    dynamodb.put_item(TableName=fabric.table, Item=item("kept", name="old"))

    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        dynamodb.update_item(
            TableName=fabric.table,
            Key={"pk": {"S": "kept"}, "sk": {"S": "1"}},
            UpdateExpression="SET #n = :new",
            ConditionExpression="#n = :new",
            ExpressionAttributeNames={"#n": "name"},
            ExpressionAttributeValues={":new": {"S": "new"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert caught.value.response["Item"]["name"] == {"S": "old"}


def test_the_sparse_index_holds_open_items_only_in_order(fabric):
    dynamodb = fabric.client("dynamodb")
    for key, opened in (("b", "2026-02"), ("a", "2026-01"), ("closed", None)):
        entry = item(key) | (
            {"open_shard": {"N": "3"}, "opened_at": {"S": opened}} if opened else {}
        )
        dynamodb.put_item(TableName=fabric.table, Item=entry)

    found = dynamodb.query(
        TableName=fabric.table,
        IndexName="open",
        KeyConditionExpression="open_shard = :s AND opened_at < :until",
        ExpressionAttributeValues={":s": {"N": "3"}, ":until": {"S": "2026-03"}},
    )["Items"]

    assert [one["pk"]["S"] for one in found] == ["a", "b"]
    assert set(found[0]) == {"pk", "sk", "open_shard", "opened_at"}


def test_an_idempotent_transaction_is_applied_once(fabric):
    dynamodb = fabric.client("dynamodb")
    add = {
        "Update": {
            "TableName": fabric.table,
            "Key": {"pk": {"S": "counter"}, "sk": {"S": "1"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }

    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[add], ClientRequestToken="once")

    found = dynamodb.get_item(TableName=fabric.table, Key=add["Update"]["Key"])
    assert found["Item"]["n"] == {"N": "1"}


def test_a_topic_hands_its_queue_what_the_filter_policy_wants(fabric):
    sns = fabric.client("sns")
    topic = fabric.deployment.outputs["NotesTopicArn"]

    def entry(number: int, action: str) -> dict:
        attribute = {"action": {"DataType": "String", "StringValue": action}}
        return {"Id": str(number), "Message": f"m{number}", "MessageAttributes": attribute}

    sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[entry(1, "other"), entry(2, "command-status")],
    )
    (record,) = fabric.records("ConsumerFunction", 1)

    assert json.loads(record["body"])["Message"] == "m2"
    assert record["eventSource"] == "aws:sqs"


@pytest.mark.real_time("a message is seen again after a second, the least that there is")
def test_a_message_that_fails_comes_again_and_then_goes_to_the_dead_letters(fabric):
    sqs = fabric.client("sqs")
    notes, failures = (fabric.deployment.outputs[f"{x}QueueUrl"] for x in ("Notes", "Failures"))
    sqs.set_queue_attributes(QueueUrl=notes, Attributes={"VisibilityTimeout": "1"})
    fabric.answer = lambda event: {
        "batchItemFailures": [
            {"itemIdentifier": one["messageId"]}
            for one in event["Records"]
            if one["body"] == "poison"
        ]
    }

    sqs.send_message_batch(
        QueueUrl=notes,
        Entries=[
            {"Id": "1", "MessageBody": "fine"},
            {"Id": "2", "MessageBody": "poison"},
        ],
    )
    bodies = [one["body"] for one in fabric.records("ConsumerFunction", 4)]
    dead = sqs.receive_message(QueueUrl=failures, WaitTimeSeconds=10)["Messages"]

    assert sorted(bodies) == ["fine", "poison", "poison", "poison"]
    assert [one["Body"] for one in dead] == ["poison"]


def test_a_message_comes_again_when_its_consumer_says_not_when_the_queue_does(fabric):
    sqs = fabric.client("sqs")
    notes = fabric.deployment.outputs["NotesQueueUrl"]
    sqs.set_queue_attributes(QueueUrl=notes, Attributes={"VisibilityTimeout": "3600"})
    fabric.answer = partial(refuse_once, Queue(sqs, notes).postpone)

    sqs.send_message(QueueUrl=notes, MessageBody="again")
    records = fabric.records("ConsumerFunction", 2)

    counts = [record["attributes"]["ApproximateReceiveCount"] for record in records]
    assert counts == ["1", "2"]


def refuse_once(postpone, event):
    (record,) = event["Records"]
    if record["attributes"]["ApproximateReceiveCount"] != "1":
        return {"batchItemFailures": []}
    postpone({record["receiptHandle"]: 0})
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}


def test_nothing_listens_off_loopback(fabric):
    assert len(listeners(fabric.process.pid)) == 1
    assert listeners_off_loopback(fabric.process.pid) == []


def test_a_template_that_cannot_be_deployed_is_refused_with_the_reason(fabric):
    broken = {"Resources": {"Queue": {"Type": "AWS::No::Such", "Properties": {}}}}

    with pytest.raises(FabricError, match=r"cannot be deployed: .*AWS::No::Such"):
        deploy(fabric.process.endpoint, "broken", broken, {})


def test_a_missing_installation_says_what_to_run(tmp_path):
    with pytest.raises(FabricError, match="run `make setup`"):
        Ministack(tmp_path / "python", tmp_path / "log")


def test_a_process_that_dies_while_starting_shows_its_last_words(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such module\nexit 1\n")
    python.chmod(0o755)
    process = Ministack(python, tmp_path / "log")
    process.start({})

    with pytest.raises(FabricError, match=r"has ended while starting.*\nno such module"):
        process.wait()


STARTER = """
import sys, time
from pathlib import Path
from sfn_cqrs_tools.runtime.fabric import Ministack

process = Ministack(Path(sys.argv[1]), Path(sys.argv[2]))
process.start({})
process.wait()
print(process.pid, flush=True)
time.sleep(60)
"""


def test_ministack_ends_when_the_process_that_started_it_is_killed(tmp_path):
    arguments = [sys.executable, "-c", STARTER, str(PYTHON), str(tmp_path / "log")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as starter:
        pid = int(starter.stdout.readline())
        starter.kill()

    waited(lambda: not Path(f"/proc/{pid}/exe").exists())


def test_a_queue_behind_a_topic_is_fair_to_tenants(fabric):
    """With thirty messages of one tenant in flight, another's goes before all that wait."""
    sns, sqs = fabric.client("sns"), fabric.client("sqs")
    topic = sns.create_topic(Name="fair")["TopicArn"]
    url = sqs.create_queue(QueueName="fair")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])

    def publish(tenant: str, count: int) -> None:
        entries = [
            {"Id": str(number), "Message": tenant, "MessageGroupId": tenant}
            for number in range(count)
        ]
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)

    def received(count: int) -> list[str]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=count)
        return [json.loads(one["Body"])["Message"] for one in answer["Messages"]]

    for _ in range(4):
        publish("loud", 10)
    assert [received(10) for _ in range(3)] == [["loud"] * 10] * 3

    publish("quiet", 2)

    assert received(3) == ["quiet", "quiet", "loud"]


def request(operation: str, headers: tuple[str, ...] = (), **given: object) -> bytes:
    """A request as our own clients send it."""
    body = json.dumps(given).encode()
    target = f"X-Amz-Target: DynamoDB_20120810.{operation}"
    lines = ["POST / HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", target, *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer_of(stream) -> tuple[int, dict[str, str], dict]:
    """Read one answer."""
    status = int(stream.readline().split()[1])
    lines = iter(lambda: stream.readline().decode().strip(), "")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return status, headers, json.loads(stream.read(int(headers["content-length"])) or b"{}")


@pytest.fixture
def connection(fabric):
    address = ("127.0.0.1", int(fabric.process.endpoint.rpartition(":")[2]))
    with socket.create_connection(address, 10) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connected


def test_a_short_request_gets_what_a_long_one_gets(fabric, connection):
    stream = connection.makefile("rb")
    long = ("Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/x",)
    key = {"pk": {"S": "short"}, "sk": {"S": "1"}}
    calls = (
        ("PutItem", {"Item": item("short", a="1")}),
        ("GetItem", {"Key": key}),
        ("PutItem", {"Item": key, "ConditionExpression": "attribute_not_exists(pk)"}),
        ("UpdateItem", {"Key": key, "UpdateExpression": "x"}),
        ("NoSuchOperation", {}),
    )
    answers = []
    for headers in ((), long):
        for operation, given in calls:
            connection.sendall(request(operation, headers, TableName=fabric.table, **given))
            answers.append(answer_of(stream))

    assert [status for status, _, _ in answers[:5]] == [200, 200, 400, 400, 400]
    for (status, short, said), (other, headers, same) in zip(answers[:5], answers[5:], strict=True):
        assert (status, said) == (other, same)
        for name in ("content-type", "content-security-policy"):
            assert short[name] == headers[name]
        assert "x-amz-id-2" in headers.keys() - short.keys()


def test_a_short_request_may_come_in_parts_or_with_the_next(fabric, connection):
    stream = connection.makefile("rb")
    sent = request("PutItem", TableName=fabric.table, Item=item("parts"))
    for place in range(len(sent)):
        connection.sendall(sent[place : place + 1])
    assert answer_of(stream)[0] == 200

    connection.sendall(3 * request("GetItem", TableName=fabric.table, Key=item("parts")))
    for _ in range(3):
        assert answer_of(stream)[2]["Item"] == item("parts")


def test_a_page_of_another_origin_gets_no_short_answer(fabric, connection):
    origin = ("Origin: https://evil.example",)
    connection.sendall(request("PutItem", origin, TableName=fabric.table, Item=item("evil")))

    assert answer_of(connection.makefile("rb"))[::2] == (403, {})
    key = item("evil")
    assert "Item" not in fabric.client("dynamodb").get_item(TableName=fabric.table, Key=key)


@pytest.mark.parametrize("length", ["x", "-1"])
def test_a_request_of_no_possible_length_is_refused(connection, length):
    sent = request("GetItem").replace(b"Content-Length: 2", f"Content-Length: {length}".encode())
    connection.sendall(sent)

    assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_service_that_is_not_there_is_refused_without_reading_every_services_model(fabric):
    pid = fabric.process._process.pid

    def spent() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    before = spent()
    now = datetime.now(UTC)
    with pytest.raises(ClientError, match="GetTraceSummaries"):
        fabric.client("xray").get_trace_summaries(StartTime=now, EndTime=now)

    assert spent() - before < 0.5


def test_a_thread_makes_one_session_and_shares_it_with_no_other():
    with ThreadPoolExecutor(1) as other:
        theirs = other.submit(session).result()

    assert session() is session()
    assert session() is not theirs


def test_a_session_has_the_hooks_of_now():
    seen: list[str] = []
    hooks = [("provide-client-params.*.*", lambda model, **_: seen.append(model.name))]
    before = session()

    hook(hooks)
    try:
        made = session()
        client = made.client("sqs", endpoint_url="http://127.0.0.1:1", config=ONCE)
        with pytest.raises(EndpointConnectionError):
            client.list_queues()
    finally:
        unhook(hooks)

    assert seen == ["ListQueues"]
    assert made is not before
    assert session() is not made
