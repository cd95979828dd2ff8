"""Mocks, configurations and HTTP traces of TestState.

Sources: Step Functions API Reference, MockInput, TestStateConfiguration, InspectionData. Texts and
which stages are shown as AWS recorded them in localstack's
tests/aws/services/stepfunctions/v2/test_state (test_field_validation_mode,
test_state_mock_validation,
test_state_configuration, test_test_state_mock_scenarios).
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from engine.tests.conftest import Lab

from sfn_local.errors import ApiError
from sfn_local.http_server import Request, Response, serve
from sfn_local.operations import OPERATIONS

ROLE = "arn:aws:iam::123456789012:role/r"
STATES = "arn:aws:states:::"
INNER = {"StartAt": "inner", "States": {"inner": {"Type": "Pass", "End": True}}}
MAP = {"Type": "Map", "ItemProcessor": INNER, "End": True}
PARALLEL = {"Type": "Parallel", "Branches": [INNER, INNER], "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:f", "End": True}
SCHEMA = "Mock result schema validation error: "
THRESHOLD = "States.ExceedToleratedFailureThreshold"


def ask(lab: Lab, state: dict[str, Any], data: Any = None, **more: Any) -> dict[str, Any]:
    operation = OPERATIONS["TestState"]
    given = {"definition": json.dumps(state), "input": json.dumps(data), "roleArn": ROLE, **more}
    return operation.run(lab.engine, operation.check(given))


def refusal(lab: Lab, state: dict[str, Any], **more: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        ask(lab, state, **more)
    return caught.value.code, str(caught.value)


def calling(resource: str) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"{STATES}{resource}", "Parameters": {}, "End": True}


def returned(value: Any, mode: str | None = None) -> dict[str, Any]:
    modes = {} if mode is None else {"fieldValidationMode": mode}
    return {"result": json.dumps(value), **modes}


BROKEN = [
    ("events:putEvents", {"Entries": 1}, "Field 'Entries' must be an array"),
    ("events:putEvents", {"Entries": [{"EventId": 1}]}, "Field 'EventId' must be a string"),
    ("events:putEvents", {"Entries": [{}, {"EventId": 1}]}, "Field 'EventId' must be a string"),
    ("states:startExecution", {"StartDate": True}, "Field 'StartDate' must be a string"),
    ("states:startExecution", {"ExecutionArn": 1}, "Field 'ExecutionArn' must be a string"),
    ("lambda:invoke", {"StatusCode": "200"}, "Field 'StatusCode' must be a number"),
    (
        "dynamodb:putItem",
        {"ConsumedCapacity": {"CapacityUnits": "1"}},
        "Field 'CapacityUnits' must be a number",
    ),
    (
        "aws-sdk:s3:getObject",
        {"StorageClass": "CHEAP"},
        "Field 'StorageClass' is not an expected value",
    ),
    (
        "aws-sdk:kms:encrypt",
        {"CiphertextBlob": ""},
        "Field 'CiphertextBlob' is smaller than the minimum length",
    ),
    (
        "aws-sdk:lambda:getFunction",
        {"Configuration": {"MemorySize": 1}},
        "Field 'MemorySize' is less than the minimum value",
    ),
    (
        "aws-sdk:lambda:getFunction",
        {"Configuration": {"MemorySize": 10**9}},
        "Field 'MemorySize' exceeds the maximum value",
    ),
]


@pytest.mark.parametrize(("resource", "result", "complaint"), BROKEN)
def test_what_the_api_could_not_answer_is_refused(
    lab: Lab, resource: str, result: Any, complaint: str
) -> None:
    refused = refusal(lab, calling(resource), mock=returned(result, "PRESENT"))

    assert refused == ("ValidationException", f"{SCHEMA}{complaint}")
    assert ask(lab, calling(resource), mock=returned(result, "NONE"))["status"] == "SUCCEEDED"


def test_required_fields_are_asked_for_by_default_and_in_awss_case(lab: Lab) -> None:
    start = calling("states:startExecution")
    missing = ("ValidationException", f"{SCHEMA}Required field 'ExecutionArn' is missing")
    other_case = {"executionArn": "a", "startDate": "d"}

    assert refusal(lab, start, mock=returned({})) == missing
    assert refusal(lab, start, mock=returned(other_case, "STRICT")) == missing
    assert ask(lab, start, mock=returned(other_case, "PRESENT"))["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("resource", "result"),
    [
        ("sqs:sendMessage", {"random": "json"}),
        ("lambda:invoke", {"Payload": {"any": 1}, "SdkHttpMetadata": {"HttpStatusCode": 200}}),
        ("lambda:invoke.waitForTaskToken", 1),
        ("apigateway:invoke", [1]),
        ("aws-sdk:nosuchservice:do", 1),
        ("aws-sdk:s3:noSuchAction", 1),
    ],
)
def test_what_the_api_does_not_say_is_taken(lab: Lab, resource: str, result: Any) -> None:
    assert ask(lab, calling(resource), mock=returned(result))["output"] == json.dumps(result)


@pytest.mark.parametrize(
    ("state", "more", "code", "message"),
    [
        (
            TASK,
            {"mock": {"result": "1", "errorOutput": {"error": "E"}}},
            "ValidationException",
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ),
        (
            TASK,
            {"mock": {"result": "1"}, "revealSecrets": True},
            "ValidationException",
            "TestState does not support RevealSecrets when a mock is specified.",
        ),
        (
            TASK,
            {"mock": {"result": "{"}},
            "ValidationException",
            "Mocked result must be valid JSON",
        ),
        (
            TASK,
            {"roleArn": None},
            "ValidationException",
            "RoleArn must be specified when testing a Task state",
        ),
        (MAP, {"mock": {"result": "{}"}}, "ValidationException", "Mocked result must be an array."),
        (
            {**MAP, "ResultWriter": {}},
            {"mock": {"result": "[]"}},
            "ValidationException",
            "Mocked result must be a JSON object.",
        ),
        (
            PARALLEL,
            {"mock": {"result": "{}"}},
            "ValidationException",
            "Mocked result must be an array.",
        ),
        (
            PARALLEL,
            {"mock": {"result": "[1]"}},
            "ValidationException",
            "Mocked result must contain the same number of items as number of Parallel branches.",
        ),
        (
            TASK,
            {"stateConfiguration": {"mapIterationFailureCount": 1}},
            "ValidationException",
            "TestState does not support MapIterationFailureCount when a mock is not specified.",
        ),
        (
            MAP,
            {"mock": {"result": "[1]"}, "stateConfiguration": {"mapIterationFailureCount": 2}},
            "ValidationException",
            "Map iteration failure count must be less than or equal to the number of Map "
            "iterations",
        ),
        (
            {"Type": "Pass", "End": True},
            {"mock": {"result": "1"}},
            "ValidationException",
            "State type 'Pass' is not supported when a mock is specified",
        ),
        (
            MAP,
            {},
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types "
            "include: [Task, Wait, Pass, Succeed, Fail, Choice]",
        ),
    ],
)
def test_mocks_are_refused_in_awss_words(
    lab: Lab, state: dict[str, Any], more: dict[str, Any], code: str, message: str
) -> None:
    assert refusal(lab, state, **more) == (code, message)


def test_a_parallel_state_shows_what_becomes_of_its_mock(lab: Lab) -> None:
    answer = ask(lab, PARALLEL, {"k": 1}, mock=returned([1, 2]), inspectionLevel="DEBUG")

    assert answer["inspectionData"] == {
        "input": '{"k": 1}',
        "afterResultSelector": "[1, 2]",
        "afterResultPath": "[1, 2]",
    }


@pytest.mark.parametrize(
    ("fields", "failed", "status"),
    [
        ({}, 2, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, 1, "SUCCEEDED"),
        ({"ToleratedFailureCount": 1}, 2, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, 1, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 50}, 2, "FAILED"),
    ],
)
def test_the_tolerance_counts_where_there_is_one(
    lab: Lab, fields: dict[str, Any], failed: int, status: str
) -> None:
    answer = ask(
        lab,
        {**DISTRIBUTED, **fields},
        [],
        mock=returned([0, 0, 1]),
        stateConfiguration={"mapIterationFailureCount": failed},
    )

    assert answer["status"] == status
    assert answer.get("error") == (THRESHOLD if status == "FAILED" else None)


DISTRIBUTED = {
    **MAP,
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        **INNER,
    },
}


def test_a_mocked_error_comes_before_the_tolerance(lab: Lab) -> None:
    answer = ask(
        lab,
        {**DISTRIBUTED, "ToleratedFailureCount": 1},
        {"v": [1]},
        mock={"errorOutput": {"error": "E", "cause": "c"}},
        stateConfiguration={"mapIterationFailureCount": 2, "errorCausedByState": "inner"},
        inspectionLevel="DEBUG",
    )

    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "E", "c")
    assert answer["inspectionData"]["maxConcurrency"] == 0
    assert answer["inspectionData"]["toleratedFailureCount"] == 1


@pytest.mark.parametrize(
    ("state", "mock", "origin"),
    [
        (MAP, {"errorOutput": {"error": "E"}}, "elsewhere"),
        (TASK, {"errorOutput": {"error": "E"}}, "inner"),
        (MAP, {"result": "[]"}, "inner"),
    ],
)
def test_an_error_can_only_come_from_a_state_inside(
    lab: Lab, state: dict[str, Any], mock: Any, origin: str
) -> None:
    refused = refusal(lab, state, mock=mock, stateConfiguration={"errorCausedByState": origin})

    assert refused[0] == "ValidationException"


def reading(**config: Any) -> dict[str, Any]:
    reader = {
        "Resource": f"{STATES}s3:getObject",
        "ReaderConfig": config,
        "Parameters": {"Bucket": "b", "Key": "k"},
    }
    selector = {"v.$": "$$.Map.Item.Value"}
    batcher = {"MaxItemsPerBatch": 2}
    return {**DISTRIBUTED, "ItemReader": reader, "ItemSelector": selector, "ItemBatcher": batcher}


@pytest.mark.parametrize(
    ("config", "text", "items"),
    [
        ({"InputType": "JSON"}, "[1, 2, 3]", [1, 2, 3]),
        ({"InputType": "JSON", "ItemsPointer": "/a"}, '{"a": [1, 2]}', [1, 2]),
        ({"InputType": "JSONL"}, "1\n2\n", [1, 2]),
        ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "a\n1\n", [{"a": "1"}]),
        (
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"]},
            "1\n",
            [{"a": "1"}],
        ),
    ],
)
def test_a_readers_data_goes_through_selector_and_batcher(
    lab: Lab, config: dict[str, Any], text: str, items: list[Any]
) -> None:
    answer = ask(
        lab,
        reading(**config),
        {},
        mock=returned([]),
        stateConfiguration={"mapItemReaderData": text},
        inspectionLevel="DEBUG",
    )
    data = answer["inspectionData"]
    selected = [{"v": item} for item in items]
    batches = [selected[start : start + 2] for start in range(0, len(selected), 2)]

    assert json.loads(data["afterItemSelector"]) == selected
    assert json.loads(data["afterItemBatcher"]) == [{"Items": batch} for batch in batches]
    assert ("afterItemsPointer" in data) == ("ItemsPointer" in config)


def test_reader_data_needs_a_reader(lab: Lab) -> None:
    configuration = {"mapItemReaderData": "[]"}

    assert refusal(lab, MAP, mock=returned([]), stateConfiguration=configuration)[0] == (
        "ValidationException"
    )


def test_the_context_is_that_of_an_express_execution(lab: Lab) -> None:
    """As recorded: an express ARN, a machine with a made-up name, and no RedriveCount."""
    state = {"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True}
    context = json.loads(ask(lab, state, {})["output"])["c"]

    assert sorted(context["Execution"]) == ["Id", "Input", "Name", "RoleArn", "StartTime"]
    assert context["Execution"]["RoleArn"] == ROLE
    assert f":express:{context['StateMachine']['Name']}:" in context["Execution"]["Id"]


@pytest.fixture
def api() -> Iterator[Any]:
    def handle(request: Request) -> Response:
        status = 404 if request.path == "/none" else 200
        return Response(status, {"Content-Type": "text/plain"}, b"hello")

    server = serve("127.0.0.1", 0, handle)
    yield server
    server.close()


def http(url: str, **more: Any) -> dict[str, Any]:
    parameters = {"ApiEndpoint": url, "Method": "POST", "RequestBody": {"a": 1}, **more}
    return {
        "Type": "Task",
        "Resource": f"{STATES}http:invoke",
        "Parameters": parameters,
        "End": True,
    }


@pytest.mark.parametrize(("path", "status"), [("/ok", 200), ("/none", 404)])
def test_a_trace_shows_the_http_exchange(api: Any, path: str, status: int) -> None:
    lab = Lab()
    state = http(f"{api.url}{path}", QueryParameters={"q": "1"}, Headers={"x-id": "7"})
    data = ask(lab, state, {}, inspectionLevel="TRACE")["inspectionData"]
    headers = data["request"].pop("headers")
    answered = data["response"].pop("headers")

    assert data["request"] == {
        "protocol": "http",
        "method": "POST",
        "url": f"{api.url}{path}?q=1",
        "body": '{"a":1}',
    }
    assert "x-id: 7" in headers
    assert data["response"] == {
        "protocol": "http",
        "statusCode": str(status),
        "statusMessage": "OK" if status == 200 else "Not Found",
        "body": "hello",
    }
    assert "content-type: text/plain" in answered


def test_only_a_trace_shows_the_http_exchange(api: Any) -> None:
    data = ask(Lab(), http(api.url), {}, inspectionLevel="DEBUG", revealSecrets=True)

    assert {"request", "response"} & set(data["inspectionData"]) == set()
