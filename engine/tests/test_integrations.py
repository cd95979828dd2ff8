"""Integrations beside Lambda: DynamoDB, SQS, SNS, EventBridge, the AWS SDK, executions, activities.

Sources: Step Functions Developer Guide, "Integrating services with Step Functions", "Learning to
use AWS service SDK integrations", "Start a new AWS Step Functions state machine from a running
execution", "Activities in Step Functions". Names of errors and texts of causes as AWS recorded
them in localstack's tests/aws/services/stepfunctions/v2/{services,error_handling,callback}.
"""

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from engine.tests.conftest import Run
from moto import mock_aws

from sfn_local import Engine, InlineFunctions, ThreadScheduler, VirtualClock
from sfn_local.calls.boto import BotoServices
from sfn_local.errors import ApiError
from sfn_local.http_server import Request, Response, serve
from sfn_local.integrations.aws_service import sdk_name

CREDENTIALS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}
STATES = "arn:aws:states:::"
PASS = {"Type": "Pass", "End": True}


class Cloud:
    """An engine on moto."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.engine = Engine(
            functions=InlineFunctions(lambda _name, payload: payload),
            clock=self.clock,
            services=BotoServices(**CREDENTIALS),
        )
        self._machines = 0

    def client(self, service: str) -> Any:
        return boto3.client(service, **CREDENTIALS)

    def create(self, definition: dict[str, Any]) -> str:
        self._machines += 1
        return self.engine.create_state_machine(f"m{self._machines}", definition)

    def start(self, resource: str, parameters: Any = None, data: Any = None, **more: Any) -> Run:
        """Start one task and run what needs no time to pass."""
        state = {"Type": "Task", "Resource": resource, "End": True, **more}
        if parameters is not None:
            state["Parameters"] = parameters
        machine = self.create({"StartAt": "it", "States": {"it": state}})
        run = Run(self.engine, self.engine.start_execution(machine, "x", json.dumps(data)))
        self.engine.run_until_idle()
        return run

    def table(self) -> str:
        self.client("dynamodb").create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return "table"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud()


ITEM = {"id": {"S": "id1"}, "data": {"S": "HelloWorld"}}
KEY = {"id": {"S": "id1"}}


def details(run: Run, kind: str) -> dict[str, Any]:
    (event,) = (event for event in run.events if event["type"] == kind)
    return dict(event[f"{kind[0].lower()}{kind[1:]}EventDetails"])


def test_dynamodb_puts_gets_updates_and_deletes(cloud: Cloud) -> None:
    table = cloud.table()
    put = cloud.start(f"{STATES}dynamodb:putItem", {"TableName": table, "Item": ITEM})
    updated = cloud.start(
        f"{STATES}dynamodb:updateItem",
        {
            "TableName": table,
            "Key": KEY,
            "UpdateExpression": "set S=:r",
            "ExpressionAttributeValues": {":r": {"N": "1"}},
            "ReturnValues": "UPDATED_NEW",
        },
    )
    got = cloud.start(f"{STATES}dynamodb:getItem", {"TableName": table, "Key": KEY})
    cloud.start(f"{STATES}dynamodb:deleteItem", {"TableName": table, "Key": KEY})
    gone = cloud.start(f"{STATES}dynamodb:getItem", {"TableName": table, "Key": KEY})

    assert put.output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert updated.output["Attributes"] == {"S": {"N": "1"}}
    assert got.output["Item"] == {**ITEM, "S": {"N": "1"}}
    assert "Item" not in gone.output


def test_a_service_task_leaves_awss_events(cloud: Cloud) -> None:
    run = cloud.start(f"{STATES}dynamodb:putItem", {"TableName": cloud.table(), "Item": ITEM})
    scheduled = details(run, "TaskScheduled")

    assert run.chain[2:5] == [
        (3, 2, "TaskScheduled"),
        (4, 3, "TaskStarted"),
        (5, 4, "TaskSucceeded"),
    ]
    assert json.loads(scheduled.pop("parameters")) == {"TableName": "table", "Item": ITEM}
    assert scheduled == {
        "region": "us-east-1",
        "resource": "putItem",
        "resourceType": "dynamodb",
    }


def test_dynamodb_errors_have_awss_names(cloud: Cloud) -> None:
    missing = cloud.start(f"{STATES}dynamodb:putItem", {"TableName": "none", "Item": ITEM})
    cloud.table()
    condition = cloud.start(
        f"{STATES}dynamodb:putItem",
        {
            "TableName": "table",
            "Item": ITEM,
            "ConditionExpression": "attribute_exists(id)",
        },
    )
    invalid = cloud.start(f"{STATES}dynamodb:putItem", {"TableName": "table", "Item": {}})

    assert missing.error == "DynamoDB.ResourceNotFoundException"
    assert str(missing.cause).startswith(
        "Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400; "
        "Error Code: ResourceNotFoundException; Request ID: "
    )
    assert str(missing.cause).endswith("; Proxy: null)")
    assert condition.error == "DynamoDB.ConditionalCheckFailedException"
    assert invalid.error == "DynamoDB.AmazonDynamoDBException"


def test_an_error_of_a_service_can_be_caught_by_name(cloud: Cloud) -> None:
    state = {
        "Type": "Task",
        "Resource": f"{STATES}dynamodb:getItem",
        "Parameters": {"TableName": "none", "Key": KEY},
        "Catch": [{"ErrorEquals": ["DynamoDB.ResourceNotFoundException"], "Next": "caught"}],
        "End": True,
    }
    machine = cloud.create({"StartAt": "it", "States": {"it": state, "caught": PASS}})
    run = Run(cloud.engine, cloud.engine.start_execution(machine))
    cloud.engine.run_until_idle()

    assert run.path == ["it", "caught"]


@pytest.mark.parametrize(
    ("body", "sent"), [("text", "text"), ({"a": [1]}, '{"a":[1]}'), (1, "1"), (True, "true")]
)
def test_sqs_sends_text_and_json(cloud: Cloud, body: Any, sent: str) -> None:
    queue = cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    run = cloud.start(f"{STATES}sqs:sendMessage", {"QueueUrl": queue, "MessageBody.$": "$"}, body)
    (message,) = cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"]

    assert message["Body"] == sent
    assert run.output["MessageId"] == message["MessageId"]


def test_sqs_waits_for_the_token_that_it_sends(cloud: Cloud) -> None:
    queue = cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    run = cloud.start(
        f"{STATES}sqs:sendMessage.waitForTaskToken",
        {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
    )
    (message,) = cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    cloud.engine.send_task_success(json.loads(message["Body"])["token"], '{"done": true}')
    cloud.engine.run_until_idle()

    assert run.output == {"done": True}
    assert [kind for _, _, kind in run.chain][2:6] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]
    assert details(run, "TaskSubmitted")["resource"] == "sendMessage.waitForTaskToken"


def test_a_callback_that_cannot_be_sent_fails(cloud: Cloud) -> None:
    run = cloud.start(
        f"{STATES}sqs:sendMessage.waitForTaskToken",
        {
            "QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/none",
            "MessageBody.$": "$$.Task.Token",
        },
    )

    assert run.error == "SQS.QueueDoesNotExistException"


def test_sns_publishes(cloud: Cloud) -> None:
    topic = cloud.client("sns").create_topic(Name="t")["TopicArn"]
    parameters = {
        "TopicArn": topic,
        "Message": {"Message": "HelloWorld!"},
        "MessageAttributes": {"a": {"DataType": "String", "StringValue": "Hello"}},
    }
    published = cloud.start(f"{STATES}sns:publish", parameters)
    missing = cloud.start(f"{STATES}sns:publish", {**parameters, "TopicArn": f"{topic}-none"})

    assert set(published.output) == {"MessageId", "SdkHttpMetadata", "SdkResponseMetadata"}
    assert missing.error == "SNS.NotFoundException"
    assert "(Service: AmazonSNS; Status Code: 404; Error Code: NotFound;" in str(missing.cause)


def test_events_are_put_and_a_failed_entry_fails_the_task(cloud: Cloud) -> None:
    entry = {"Detail": {"a": 1}, "DetailType": "t", "Source": "some.source"}
    put = cloud.start(f"{STATES}events:putEvents", {"Entries": [entry]})
    failed = cloud.start(f"{STATES}events:putEvents", {"Entries": [entry, {**entry, "Source": ""}]})

    assert put.output["FailedEntryCount"] == 0
    assert failed.error == "EventBridge.FailedEntry"
    assert json.loads(str(failed.cause))["FailedEntryCount"] == 1


def test_the_sdk_reaches_any_action_in_aws_spelling(cloud: Cloud) -> None:
    table = cloud.table()
    run = cloud.start(f"{STATES}aws-sdk:dynamodb:describeTable", {"TableName": table})
    scheduled = details(run, "TaskScheduled")

    assert run.output["Table"]["TableStatus"] == "ACTIVE"
    assert "SdkHttpMetadata" not in run.output
    assert (scheduled["resourceType"], scheduled["resource"]) == (
        "aws-sdk:dynamodb",
        "describeTable",
    )


def test_the_sdk_reads_and_writes_objects(cloud: Cloud) -> None:
    """AWS, test_s3_get_object and test_s3_put_object."""
    cloud.client("s3").create_bucket(Bucket="bucket")
    where = {"Bucket": "bucket", "Key": "k"}
    cloud.start(f"{STATES}aws-sdk:s3:putObject", {**where, "Body": {"Dict": "Value"}})
    got = cloud.start(f"{STATES}aws-sdk:s3:getObject", where)

    assert got.output["Body"] == '{"Dict":"Value"}'
    assert got.output["ContentLength"] == 16
    assert str(got.output["LastModified"]).endswith("Z")


def test_sdk_errors_have_awss_names(cloud: Cloud) -> None:
    cloud.client("s3").create_bucket(Bucket="bucket")
    where = {"Bucket": "bucket", "Key": "none"}
    key = cloud.start(f"{STATES}aws-sdk:s3:getObject", where)
    bucket = cloud.start(f"{STATES}aws-sdk:s3:listObjects", {"Bucket": "none"})
    table = cloud.start(f"{STATES}aws-sdk:dynamodb:getItem", {"TableName": "none", "Key": KEY})
    cloud.table()
    invalid = cloud.start(f"{STATES}aws-sdk:dynamodb:putItem", {"TableName": "table", "Item": {}})

    assert key.error == "S3.NoSuchKeyException"
    assert str(key.cause).startswith(
        "The specified key does not exist. (Service: S3, Status Code: 404"
    )
    assert bucket.error == "S3.NoSuchBucketException"
    assert table.error == "DynamoDb.ResourceNotFoundException"
    assert invalid.error == "DynamoDb.DynamoDbException"


def test_an_action_that_no_service_has_fails_the_task(cloud: Cloud) -> None:
    run = cloud.start(f"{STATES}aws-sdk:s3:makeCoffee", {})

    assert (run.error, run.cause) == ("States.TaskFailed", "s3 has no action makeCoffee")


@pytest.mark.parametrize(
    ("service_id", "name"),
    [
        ("DynamoDB", "DynamoDb"),
        ("SFN", "Sfn"),
        ("S3", "S3"),
        ("Secrets Manager", "SecretsManager"),
        ("EventBridge", "EventBridge"),
        ("CloudWatch Logs", "CloudWatchLogs"),
        ("EC2", "Ec2"),
    ],
)
def test_the_sdk_for_java_names_services_its_own_way(service_id: str, name: str) -> None:
    assert sdk_name(service_id) == name


def test_an_engine_without_services_fails_the_task() -> None:
    engine = Engine(functions=InlineFunctions(lambda _name, payload: payload), clock=VirtualClock())
    state = {"Type": "Task", "Resource": f"{STATES}aws-sdk:s3:listBuckets", "End": True}
    machine = engine.create_state_machine("m", {"StartAt": "it", "States": {"it": state}})
    arn = engine.start_execution(machine)
    engine.run_until(arn)
    described = engine.describe_execution(arn)

    assert described["error"] == "States.TaskFailed"
    assert (
        described["cause"]
        == "this engine has no client for s3; give it services=BotoServices(), or mock the state"
    )


def test_calls_do_not_hold_up_the_engine() -> None:
    began, released = threading.Event(), threading.Event()

    class Slow:
        def client(self, _: str) -> Any:
            began.set()
            released.wait(60)
            raise OSError("late")

    engine = Engine(
        functions=InlineFunctions(lambda _name, payload: payload),
        scheduler=ThreadScheduler(),
        services=Slow(),
    )
    task = {"Type": "Task", "Resource": f"{STATES}aws-sdk:s3:listBuckets", "End": True}
    slow = engine.create_state_machine("slow", {"StartAt": "a", "States": {"a": task}})
    fast = engine.create_state_machine("fast", {"StartAt": "a", "States": {"a": PASS}})
    first = engine.start_execution(slow)
    began.wait(60)

    assert engine.run_until(engine.start_execution(fast), 5)
    released.set()
    assert engine.run_until(first, 5)
    engine.close()


def inner(cloud: Cloud, state: dict[str, Any]) -> str:
    return cloud.create({"StartAt": "inner", "States": {"inner": state}})


def test_an_execution_is_started_and_not_awaited(cloud: Cloud) -> None:
    machine = inner(cloud, {"Type": "Wait", "Seconds": 60, "End": True})
    run = cloud.start(
        f"{STATES}states:startExecution",
        {"StateMachineArn": machine, "Name": "child", "Input": {"Hello": "World"}},
    )
    child = cloud.engine.describe_execution(run.output["ExecutionArn"])

    assert (child["name"], child["input"]) == ("child", '{"Hello":"World"}')
    assert child["status"] == "RUNNING"
    assert run.output["StartDate"] == 1767225600000


@pytest.mark.parametrize(
    ("pattern", "given", "result"),
    [
        (".sync", "{}", '{"Arg1":"argument1"}'),
        (".sync:2", {}, {"Arg1": "argument1"}),
    ],
)
def test_an_execution_is_awaited(cloud: Cloud, pattern: str, given: Any, result: Any) -> None:
    """AWS: `.sync` shows texts, `.sync:2` values."""
    machine = inner(cloud, {**PASS, "Result": {"Arg1": "argument1"}})
    run = cloud.start(
        f"{STATES}states:startExecution{pattern}", {"StateMachineArn": machine, "Name": "child"}
    )

    assert run.output == {
        "ExecutionArn": f"{machine.replace('stateMachine', 'execution')}:child",
        "Input": given,
        "InputDetails": {"Included": True},
        "Name": "child",
        "Output": result,
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE",
        "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "StartDate": 1767225600000,
        "StateMachineArn": machine,
        "Status": "SUCCEEDED",
        "StopDate": 1767225600000,
    }
    assert [kind for _, _, kind in run.chain][2:6] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]


def test_an_awaited_execution_that_fails_fails_the_task(cloud: Cloud) -> None:
    """AWS: States.TaskFailed, with the description of the execution as the cause."""
    machine = inner(cloud, {"Type": "Fail", "Error": "SomeFailure", "Cause": "because"})
    run = cloud.start(f"{STATES}states:startExecution.sync", {"StateMachineArn": machine})
    cause = json.loads(str(run.cause))

    assert run.error == "States.TaskFailed"
    assert (cause["Error"], cause["Cause"], cause["Status"]) == ("SomeFailure", "because", "FAILED")


def test_an_awaited_execution_is_stopped_with_the_one_that_waits(cloud: Cloud) -> None:
    machine = inner(cloud, {"Type": "Wait", "Seconds": 60, "End": True})
    parameters = {"StateMachineArn": machine, "Name": "child"}
    run = cloud.start(f"{STATES}states:startExecution.sync", parameters)
    cloud.engine.stop_execution(run.arn)
    late = cloud.start(
        f"{STATES}states:startExecution.sync", {**parameters, "Name": "late"}, TimeoutSeconds=5
    )
    cloud.engine.run_until(late.arn)
    children = cloud.engine.list_executions(machine)

    assert [child["status"] for child in children] == ["ABORTED", "ABORTED"]
    assert late.error == "States.Timeout"


def test_an_execution_may_give_its_token_to_another(cloud: Cloud) -> None:
    machine = inner(cloud, PASS)
    run = cloud.start(
        f"{STATES}states:startExecution.waitForTaskToken",
        {"StateMachineArn": machine, "Name": "child", "Input": {"token.$": "$$.Task.Token"}},
    )
    (child,) = cloud.engine.list_executions(machine)
    given = json.loads(cloud.engine.describe_execution(child["executionArn"])["input"])
    cloud.engine.send_task_success(given["token"], "1")
    cloud.engine.run_until_idle()

    assert run.output == 1


def test_an_execution_that_cannot_be_started_fails_with_awss_error(cloud: Cloud) -> None:
    missing = "arn:aws:states:us-east-1:000000000000:stateMachine:none"
    run = cloud.start(f"{STATES}states:startExecution", {"StateMachineArn": missing})
    machine = inner(cloud, PASS)
    parameters = {"StateMachineArn": machine, "Name": "twice"}
    cloud.start(f"{STATES}states:startExecution", parameters)
    again = cloud.start(f"{STATES}states:startExecution", parameters)

    assert run.error == "StepFunctions.StateMachineDoesNotExistException"
    assert run.cause == (
        f"State Machine Does Not Exist: '{missing}' (Service: AWSStepFunctions; Status Code: 400; "
        "Error Code: StateMachineDoesNotExist; Request ID: local; Proxy: null)"
    )
    assert again.error == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_start_without_a_machine_is_a_runtime_error(cloud: Cloud) -> None:
    run = cloud.start(f"{STATES}states:startExecution", {"StateMachineArn.$": "$"})

    assert run.error == "States.Runtime"


def test_a_worker_takes_an_activitys_task_and_reports(cloud: Cloud) -> None:
    """AWS, test_activity_task."""
    arn = cloud.engine.create_activity("worker")["activityArn"]
    run = cloud.start(arn, data={"Value1": "HelloWorld"})
    before = cloud.engine.get_activity_task(arn, "ada")
    nothing = cloud.engine.get_activity_task(arn, "ada")
    cloud.engine.send_task_success(before["taskToken"], before["input"])
    cloud.engine.run_until_idle()

    assert run.output == {"Value1": "HelloWorld"}
    assert nothing == {}
    assert run.chain[2:6] == [
        (3, 2, "ActivityScheduled"),
        (4, 3, "ActivityStarted"),
        (5, 4, "ActivitySucceeded"),
        (6, 5, "TaskStateExited"),
    ]
    assert details(run, "ActivityScheduled") == {
        "input": '{"Value1": "HelloWorld"}',
        "inputDetails": {"truncated": False},
        "resource": arn,
    }
    assert details(run, "ActivityStarted") == {"workerName": "ada"}


def test_a_worker_may_report_a_failure(cloud: Cloud) -> None:
    """AWS, test_activity_task_failure."""
    arn = cloud.engine.create_activity("worker")["activityArn"]
    run = cloud.start(arn)
    cloud.engine.send_task_failure(
        cloud.engine.get_activity_task(arn)["taskToken"], "Programmatic Error", "why"
    )
    cloud.engine.run_until_idle()

    assert (run.error, run.cause) == ("Programmatic Error", "why")
    assert run.chain[4][2] == "ActivityFailed"


def test_heartbeats_are_due_once_a_worker_has_the_task(cloud: Cloud) -> None:
    arn = cloud.engine.create_activity("worker")["activityArn"]
    run = cloud.start(arn, HeartbeatSeconds=10, TimeoutSeconds=600)
    cloud.engine.run_for(60)
    still = run.status
    cloud.engine.get_activity_task(arn)
    cloud.engine.run_for(11)

    assert still == "RUNNING"
    assert run.error == "States.Timeout"
    assert run.chain[-2][2] == "ActivityTimedOut"


def test_a_task_that_is_over_is_given_to_nobody(cloud: Cloud) -> None:
    arn = cloud.engine.create_activity("worker")["activityArn"]
    run = cloud.start(arn, TimeoutSeconds=5)
    cloud.engine.run_until(run.arn)

    assert cloud.engine.get_activity_task(arn) == {}


def test_an_activity_that_does_not_exist_is_a_runtime_error(cloud: Cloud) -> None:
    """AWS, test_activity_task_on_deleted."""
    arn = cloud.engine.create_activity("worker")["activityArn"]
    cloud.engine.delete_activity(arn)
    run = cloud.start(arn)

    assert (run.error, run.cause) == (
        "States.Runtime",
        "An error occurred while executing the state 'it' (entered at the event id #2). "
        f"The activity {arn} does not exist.",
    )
    assert run.chain[2:] == [(3, 2, "ExecutionFailed")]


def test_activities_are_listed_and_described(cloud: Cloud) -> None:
    second = cloud.engine.create_activity("b")
    first = cloud.engine.create_activity("a")

    assert cloud.engine.create_activity("a") == first
    assert cloud.engine.list_activities() == [first, second]
    assert cloud.engine.describe_activity(first["activityArn"]) == {
        **first,
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    with pytest.raises(ApiError) as caught:
        cloud.engine.describe_activity(f"{first['activityArn']}x")
    assert caught.value.code == "ActivityDoesNotExist"


@pytest.fixture
def api() -> Iterator[Any]:
    """An HTTP API on this machine that shows what it was asked."""

    def handle(request: Request) -> Response:
        status = 404 if request.path == "/none" else 200
        shown = {"method": request.method, "path": request.path, "query": request.query}
        body = json.dumps({**shown, "body": request.body.decode()}).encode()
        return Response(status, {"Content-Type": "application/json"}, body)

    server = serve("127.0.0.1", 0, handle)
    yield server
    server.close()


@pytest.fixture
def plain() -> Cloud:
    """An engine without moto, which would take the HTTP calls for its own."""
    return Cloud()


def test_an_http_api_on_this_machine_is_called(plain: Cloud, api: Any) -> None:
    """Page "Call HTTPS APIs in Step Functions workflows"."""
    run = plain.start(
        f"{STATES}http:invoke",
        {
            "ApiEndpoint": f"{api.url}/orders",
            "Method": "POST",
            "QueryParameters": {"q": "1"},
            "RequestBody": {"a": 1},
            "Authentication": {"ConnectionArn": "arn:aws:events:::connection/c"},
        },
    )

    assert (run.output["StatusCode"], run.output["StatusText"]) == (200, "OK")
    assert run.output["ResponseBody"]["path"] == "/orders"
    assert run.output["ResponseBody"]["body"] == '{"a":1}'
    assert run.output["Headers"]["content-type"] == ["application/json"]
    assert details(run, "TaskScheduled")["resourceType"] == "http"


@pytest.mark.parametrize(
    ("endpoint", "error"),
    [
        ("{}/none", "States.Http.StatusCode.404"),
        ("http://192.0.2.1/", "States.Http.Socket"),
        ("file:///etc/hostname", "States.Http.Socket"),
        ("http://127.0.0.1:1/", "States.Http.Socket"),
    ],
)
def test_http_errors_have_awss_names(plain: Cloud, api: Any, endpoint: str, error: str) -> None:
    parameters = {"ApiEndpoint": endpoint.format(api.url), "Method": "GET"}
    authentication = {"Authentication": {"ConnectionArn": "arn:aws:events:::connection/c"}}

    assert plain.start(f"{STATES}http:invoke", {**parameters, **authentication}).error == error


def test_a_call_that_breaks_fails_its_task(plain: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("no")

    monkeypatch.setattr("sfn_local.integrations.aws_service.Call.run", broken)
    run = plain.start(f"{STATES}aws-sdk:s3:listBuckets", {})

    assert (run.error, run.cause) == ("States.TaskFailed", "ZeroDivisionError: no")


@pytest.mark.parametrize(
    "prefix",
    [
        "arn:aws:states:us-east-1:123456789012:",
        "arn:${AWS::Partition}:states:::",
        "arn:aws-cn:states:::",
    ],
)
def test_a_resource_may_have_a_region_or_a_placeholder(cloud: Cloud, prefix: str) -> None:
    """As in aws-samples/step-functions-workflows-collection: script-generator, batch-lambda-sam."""
    table = cloud.table()
    run = cloud.start(f"{prefix}dynamodb:getItem", {"TableName": table, "Key": KEY})

    assert run.status == "SUCCEEDED"


def bucket(cloud: Cloud) -> str:
    cloud.client("s3").create_bucket(Bucket="bucket")
    return "bucket"


@pytest.mark.parametrize(
    ("body", "stored"),
    [("text data", b'"text data"'), ({"a": 1}, b'{"a":1}'), ([1], b"[1]"), (False, b"false")],
)
def test_what_is_put_to_s3_is_json_text(cloud: Cloud, body: Any, stored: bytes) -> None:
    """AWS: services/test_aws_sdk_task_service, test_s3_put_object, November 2025."""
    parameters = {"Bucket": bucket(cloud), "Key": "k", "Body": body}
    cloud.start(f"{STATES}aws-sdk:s3:putObject", parameters)
    got = cloud.client("s3").get_object(Bucket="bucket", Key="k")

    assert (got["Body"].read(), got["ContentType"]) == (stored, "text/plain; charset=UTF-8")


def test_an_object_is_answered_without_checksums(cloud: Cloud) -> None:
    """AWS: services/test_aws_sdk_task_service, test_s3_get_object."""
    cloud.client("s3").put_object(Bucket=bucket(cloud), Key="k", Body=b"x")
    run = cloud.start(f"{STATES}aws-sdk:s3:getObject", {"Bucket": "bucket", "Key": "k"})

    assert run.output["Body"] == "x"
    assert [name for name in run.output if name.startswith("Checksum")] == []


def refused_by(answer: Response, resource: str, parameters: Any) -> tuple[str, list[bytes]]:
    """The cause of a task whose service answers so, and what the service was sent."""
    sent: list[bytes] = []

    def handle(request: Request) -> Response:
        sent.append(request.body)
        return answer

    server = serve("127.0.0.1", 0, handle)
    services = BotoServices(endpoint_url=server.url, **CREDENTIALS)
    engine = Engine(functions=InlineFunctions(lambda _, payload: payload), services=services)
    state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    machine = engine.create_state_machine("m", {"StartAt": "it", "States": {"it": state}})
    run = Run(engine, engine.start_execution(machine))
    engine.run_until(run.arn, 10)
    engine.close()
    server.close()
    return run.cause or "", sent


def test_a_cause_of_the_sdk_has_its_ids_and_attempts() -> None:
    """AWS: error_handling/test_aws_sdk, test_s3_no_such_key; the count since November 2025."""
    text = (
        b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
    )
    answer = Response(404, {"x-amz-request-id": "R", "x-amz-id-2": "H"}, text)
    cause, _ = refused_by(answer, f"{STATES}aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"})

    assert cause == (
        "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: R, "
        "Extended Request ID: H) (SDK Attempt Count: 1)"
    )


def test_the_service_itself_says_what_is_missing() -> None:
    """AWS: error_handling/test_aws_sdk, test_dynamodb_invalid_param."""
    text = b'{"__type":"com.amazon.coral.validate#ValidationException","message":"no Item"}'
    answer = Response(400, {"x-amzn-RequestId": "R"}, text)
    cause, sent = refused_by(answer, f"{STATES}aws-sdk:dynamodb:putItem", {"TableName": "t"})

    assert sent == [b'{"TableName": "t"}']
    assert cause == (
        "no Item (Service: DynamoDb, Status Code: 400, Request ID: R) (SDK Attempt Count: 1)"
    )
