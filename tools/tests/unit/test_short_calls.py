"""boto3's calls of this machine say and raise the same as botocore's own, over one connection."""

import json
import threading

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from sfn_cqrs_tools.runtime.client_hooks import hook, unhook
from sfn_cqrs_tools.runtime.short_calls import ShortCalls
from sfn_local.http_server import Response, serve

KEY = {"pk": {"S": "a"}}


class Fabric:
    """Gives the answers that a test wants, and keeps the requests."""

    def __init__(self):
        self.answers = []
        self.requests = []
        self.threads = set()
        self.server = serve("127.0.0.1", 0, self.answer)

    def answer(self, request):
        self.requests.append(request)
        self.threads.add(threading.current_thread().name)  # one for each connection
        status, body = self.answers.pop(0) if self.answers else (200, {})
        return Response(status, {"x-amzn-requestid": "r-1"}, json.dumps(body).encode())

    @property
    def is_short(self):
        """Whether the last request was one of ours."""
        return "user-agent" not in self.requests[-1].headers


@pytest.fixture
def fabric():
    fabric = Fabric()
    yield fabric
    fabric.server.close()


@pytest.fixture
def calls():
    calls = ShortCalls()
    calls.start()
    yield calls
    calls.stop()


@pytest.fixture
def client(calls, fabric):  # noqa: ARG001 - clients are made after it
    return a_client("dynamodb", fabric.server.url)


def a_client(service, url, retries=2, **config):
    retries = {"mode": "standard", "max_attempts": retries}
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries=retries, connect_timeout=2, **config),
    )


def test_an_item_is_read_by_a_short_request(client, fabric):
    fabric.answers = [(200, {"Item": {**KEY, "n": {"N": "1"}}, "ConsumedCapacity": None})]

    answer = client.get_item(TableName="t", Key=KEY)

    assert answer["Item"] == {**KEY, "n": {"N": "1"}}
    assert "ConsumedCapacity" not in answer
    metadata = answer["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], metadata["RequestId"]) == (200, "r-1")
    (request,) = fabric.requests
    assert fabric.is_short
    assert request.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert json.loads(request.body) == {"TableName": "t", "Key": KEY}


def test_binary_values_are_bytes(client, fabric):
    fabric.answers = [(200, {"Item": {**KEY, "b": {"B": "AQI="}, "c": {"BS": ["AQI="]}}})]

    item = client.get_item(TableName="t", Key=KEY)["Item"]

    assert item == {**KEY, "b": {"B": b"\x01\x02"}, "c": {"BS": [b"\x01\x02"]}}


def test_binary_values_are_sent_in_base64(client, fabric):
    client.put_item(TableName="t", Item={**KEY, "b": {"B": b"\x01\x02"}, "c": {"BS": [b"\x03"]}})

    item = json.loads(fabric.requests[0].body)["Item"]
    assert item == {**KEY, "b": {"B": "AQI="}, "c": {"BS": ["Aw=="]}}


@pytest.mark.parametrize(
    "given",
    [{"TableName": "t"}, {"TableName": "t", "Key": KEY, "Of": 1}, {"TableName": 1, "Key": KEY}],
)
def test_parameters_are_checked_as_botocore_does(client, fabric, given):
    with pytest.raises(ParamValidationError):
        client.get_item(**given)

    assert fabric.requests == []


def test_other_operations_of_dynamodb_are_written_and_read_by_their_shapes(client, fabric):
    fabric.answers = [(200, {"Table": {"TableName": "t", "CreationDateTime": 1.5}})]

    table = client.describe_table(TableName="t")["Table"]

    assert table["CreationDateTime"].timestamp() == 1.5
    assert fabric.is_short


def test_calls_one_after_the_other_share_a_connection(client, fabric):
    for _ in range(3):
        client.get_item(TableName="t", Key=KEY)

    assert len(fabric.requests) == 3
    assert len(fabric.threads) == 1


def test_a_condition_that_does_not_hold_raises_what_boto3_raises(client, fabric):
    said = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}
    fabric.answers = [(400, {**said, "message": "The conditional request failed", "Item": KEY})]

    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as raised:
        client.put_item(TableName="t", Item=KEY)

    assert raised.value.response["Error"] == {
        "Code": "ConditionalCheckFailedException",
        "Message": "The conditional request failed",
    }
    assert raised.value.response["Item"] == KEY
    assert len(fabric.requests) == 1


@pytest.mark.usefixtures("calls")
def test_other_json_services_are_read_by_their_shapes(fabric):
    client = a_client("stepfunctions", fabric.server.url)
    fabric.answers = [(200, {"executionArn": "arn", "startDate": 1.5})]

    answer = client.start_execution(stateMachineArn="arn:aws:states:::stateMachine:m")

    assert answer["startDate"].timestamp() == 1.5
    assert fabric.is_short


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_in_trouble_is_asked_again_by_botocore(client, fabric, status):
    fabric.answers = [(status, {}), (200, {"Item": KEY})]

    assert client.get_item(TableName="t", Key=KEY)["Item"] == KEY

    assert len(fabric.requests) == 2
    assert not fabric.is_short


@pytest.mark.usefixtures("calls")
def test_a_client_that_sends_once_sends_once(fabric):
    client = a_client("dynamodb", fabric.server.url, retries=0)
    fabric.answers = [(500, {}), (200, {"Item": KEY})]

    with pytest.raises(ClientError):
        client.get_item(TableName="t", Key=KEY)

    assert len(fabric.requests) == 1
    assert client.get_item(TableName="t", Key=KEY)["Item"] == KEY


def test_a_service_that_was_restarted_is_connected_again(client, fabric):
    client.get_item(TableName="t", Key=KEY)
    fabric.server.close()
    fabric.server = serve("127.0.0.1", fabric.server.port, fabric.answer)

    client.get_item(TableName="t", Key=KEY)

    assert len(fabric.requests) == 2
    assert fabric.is_short


def test_a_service_that_is_gone_is_an_error_of_botocore(client, fabric):
    fabric.server.close()

    with pytest.raises(EndpointConnectionError):
        client.get_item(TableName="t", Key=KEY)


@pytest.mark.usefixtures("calls")
def test_a_service_that_does_not_answer_in_time_is_asked_again(fabric):
    client = a_client("dynamodb", fabric.server.url, read_timeout=0.1)
    answer, never = fabric.answer, threading.Event()

    def answering(request):
        if not fabric.requests:
            fabric.requests.append(request)
            never.wait(5)
        return answer(request)

    fabric.server.close()
    fabric.server = serve("127.0.0.1", fabric.server.port, answering)
    client.get_item(TableName="t", Key=KEY)
    never.set()

    assert len(fabric.requests) == 2
    assert not fabric.is_short


def test_a_server_of_this_process_answers_on_the_thread_that_asks(calls, fabric):
    calls.serve_here(fabric.server.url, fabric.server.answer)
    client = a_client("stepfunctions", fabric.server.url)
    fabric.answers = [(200, {"name": "m"}), (400, {"__type": "StateMachineDoesNotExist"})]
    asked = {"stateMachineArn": "arn:aws:states:::stateMachine:m"}

    assert client.describe_state_machine(**asked)["name"] == "m"
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        client.describe_state_machine(**asked)

    assert fabric.threads == {threading.current_thread().name}
    fabric.server.close()
    with pytest.raises(EndpointConnectionError):
        client.describe_state_machine(**asked)
    assert len(fabric.requests) == 2


@pytest.mark.usefixtures("calls")
def test_hooks_see_each_call_and_may_refuse_it(fabric):
    seen = []

    def refuse(model, **_):
        seen.append(model.name)
        raise ClientError({"Error": {"Code": "Refused", "Message": ""}}, model.name)

    def after(http_response, parsed, **_):
        seen.append((http_response.status_code, parsed["ResponseMetadata"]["RetryAttempts"]))

    hooks = [("before-call.dynamodb.PutItem", refuse), ("before-call", refuse)]
    for one, operation in zip(hooks, ("put_item", "delete_item"), strict=True):
        hook([one])
        client = a_client("dynamodb", fabric.server.url)
        unhook([one])
        with pytest.raises(ClientError, match="Refused"):
            getattr(client, operation)(
                TableName="t", **({"Item": KEY} if operation == "put_item" else {"Key": KEY})
            )
    assert fabric.requests == []

    hook([("after-call", after)])
    client = a_client("dynamodb", fabric.server.url)
    unhook([("after-call", after)])
    client.get_item(TableName="t", Key=KEY)
    assert seen == ["PutItem", "DeleteItem", (200, 0)]


def test_what_a_hook_adds_to_the_headers_is_sent(client, fabric):
    client.meta.events.register(
        "before-call", lambda params, **_: params["headers"].update({"X-Of-A-Hook": "1"})
    )

    client.get_item(TableName="t", Key=KEY)

    assert fabric.requests[0].headers["x-of-a-hook"] == "1"
    assert fabric.is_short


@pytest.mark.usefixtures("calls")
def test_what_is_not_json_or_not_on_this_machine_is_left_to_botocore(fabric):
    client = a_client("sqs", fabric.server.url.replace("127.0.0.1", "localhost"))
    client.list_queues()
    assert not fabric.is_short
    fabric.answers = [(400, {})]
    with pytest.raises(ClientError):
        a_client("s3", fabric.server.url).list_buckets()
    assert not fabric.is_short
