import json
import threading

import pytest
from botocore.exceptions import ClientError
from tests.support.over_http import fetch
from tests.support.stubs import a_client

from sfn_cqrs_tools.runtime.lambda_api import LambdaApi, forward_url
from sfn_local.http_server import serve

CODE = """
def lambda_handler(event, context):
    if event == "fail": raise KeyError("x")
    return {"got": event}
"""


@pytest.fixture
def functions(run_function):
    return run_function(CODE, retry_seconds=0)


@pytest.fixture
def endpoint(functions):
    def forward(function, payload):
        return functions.invoke(function.name, payload)

    server = serve("127.0.0.1", 0, LambdaApi(functions, forward).handle)
    yield server.url
    server.close()


@pytest.fixture
def client(endpoint):
    return a_client("lambda", endpoint_url=endpoint)


def test_boto3_invokes_a_function(client):
    answer = client.invoke(FunctionName="toy-Fn", Payload=b'{"a":1}')

    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.load(answer["Payload"]) == {"got": {"a": 1}}
    assert "FunctionError" not in answer


def test_boto3_invokes_a_function_by_its_arn_and_without_a_payload(client):
    arn = "arn:aws:lambda:us-east-1:000000000000:function:toy-Fn"

    assert json.load(client.invoke(FunctionName=arn)["Payload"]) == {"got": {}}


def test_a_failed_function_says_so_in_a_header(client):
    answer = client.invoke(FunctionName="toy-Fn", Payload=b'"fail"')

    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "KeyError"


def test_an_event_is_accepted_and_tried_again_when_it_fails(client, functions):
    ended = threading.Semaphore(0)
    functions.listeners.append(lambda _: ended.release())

    answer = client.invoke(FunctionName="toy-Fn", InvocationType="Event", Payload=b'"fail"')

    assert answer["StatusCode"] == 202
    assert all(ended.acquire(timeout=60) for _ in range(3))


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        ({"FunctionName": "toy-None"}, "ResourceNotFoundException", 404),
        ({"FunctionName": "toy-Fn", "Payload": b"{"}, "InvalidRequestContentException", 400),
        (
            {"FunctionName": "toy-Fn", "Payload": b'"' + b"x" * (6 * 1024 * 1024) + b'"'},
            "RequestTooLargeException",
            413,
        ),
    ],
)
def test_refusals_have_lambdas_codes(client, arguments, code, status):
    with pytest.raises(ClientError) as caught:
        client.invoke(**arguments)

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_dry_run_runs_nothing(client):
    assert client.invoke(FunctionName="toy-Fn", InvocationType="DryRun")["StatusCode"] == 204


def test_a_function_can_be_described(client):
    configuration = client.get_function(FunctionName="toy-Fn")["Configuration"]

    assert (configuration["Handler"], configuration["Timeout"]) == ("app.lambda_handler", 10)


def test_the_fabric_posts_events_and_learns_of_failures(endpoint):
    url = forward_url(endpoint, "Fn")

    assert fetch(url, body={"Records": []}).json == {"got": {"Records": []}}
    assert fetch(url, body="fail").status == 500
