"""Functions over HTTP. Source: Lambda API Reference, Invoke; Step Functions, "Error names"."""

import json
import queue
from collections.abc import Callable, Iterator

import pytest

from sfn_local.calls.functions import Answer, FunctionError, invocation_headers
from sfn_local.calls.http_functions import HttpFunctions
from sfn_local.http_server import Request, Response, serve

OPTIONS = ("x-amz-tenant-id", "x-amz-durable-execution-name")

Invoke = Callable[[str, bytes], Answer]


UNHANDLED = {"X-Amz-Function-Error": "Unhandled"}
ANSWERS = {
    "absent": Response(404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, b"{}"),
    "gone": Response(
        404,
        {"x-amzn-RequestId": "r-1"},
        b'{"Type":"User","Message":"Function not found: arn:f:$LATEST"}',
    ),
    "spaced": Response(
        200, UNHANDLED, b'{"errorMessage": "m", "errorType": "E", "stackTrace": []}'
    ),
    "busy": Response(429, {"x-amzn-ErrorType": "TooManyRequestsException"}, b"slow down"),
    "broken": Response(500, {}, b"boom"),
    "raising": Response(200, UNHANDLED, b'{"errorMessage":"m","errorType":"OrderError"}'),
    "untyped": Response(200, UNHANDLED, b'{"errorMessage":"m"}'),
}


def lambda_api(request: Request) -> Response:
    name = request.path.split("/")[3]
    if name == "headers":
        given = {header: request.headers.get(header) for header in OPTIONS}
        return Response(200, {}, json.dumps(given).encode())
    echo = Response(200, {}, request.path.encode() + b" " + request.body)
    return ANSWERS.get(name, echo)


@pytest.fixture
def invoke() -> Iterator[Invoke]:
    server = serve("127.0.0.1", 0, lambda_api)
    functions = HttpFunctions(server.url)

    def call(function: str, payload: bytes) -> Answer:
        answers: queue.Queue[Answer] = queue.Queue()
        functions.submit(function, payload, answers.put)
        return answers.get(timeout=60)

    yield call
    functions.close()
    server.close()


def test_the_tenant_and_the_durable_execution_go_along(invoke: Invoke) -> None:
    """Lambda API Reference, Invoke: the headers of TenantId and DurableExecutionName."""
    before = invocation_headers.set({"X-Amz-Tenant-Id": "blue"})
    answer = invoke("headers", b"{}")
    invocation_headers.reset(before)

    assert answer == b'{"x-amz-tenant-id": "blue", "x-amz-durable-execution-name": null}'


def failure(answer: Answer) -> tuple[str, str]:
    assert isinstance(answer, FunctionError)
    return answer.error, answer.cause


def test_a_function_answers(invoke: Invoke) -> None:
    arn = "arn:aws:lambda:us-east-1:0:function:f"

    assert invoke("f", b"1") == b"/2015-03-31/functions/f/invocations 1"
    assert invoke(arn, b"2").startswith(b"/2015-03-31/functions/arn%3Aaws%3Alambda")


def test_a_functions_error_keeps_its_type_and_report(invoke: Invoke) -> None:
    report = '{"errorMessage":"m","errorType":"OrderError"}'

    assert failure(invoke("raising", b"1")) == ("OrderError", report)


def test_what_lambda_says_of_an_absent_function_is_told_on(invoke: Invoke) -> None:
    """Recorded on AWS: error_handling/test_task_service_lambda, test_no_such_function."""
    assert failure(invoke("gone", b"{}")) == (
        "Lambda.ResourceNotFoundException",
        "Function not found: arn:f:$LATEST (Service: AWSLambda; Status Code: 404; "
        "Error Code: ResourceNotFoundException; Request ID: r-1; Proxy: null)",
    )


def test_a_functions_report_is_compact(invoke: Invoke) -> None:
    """Recorded on AWS: states_variables/test_error_output."""
    assert failure(invoke("spaced", b"{}")) == (
        "E",
        '{"errorMessage":"m","errorType":"E","stackTrace":[]}',
    )


def test_an_error_without_a_type_is_lambda_unknown(invoke: Invoke) -> None:
    assert failure(invoke("untyped", b"1")) == ("Lambda.Unknown", '{"errorMessage":"m"}')


def test_refusals_of_the_service_are_named_as_step_functions_names_them(invoke: Invoke) -> None:
    names = [failure(invoke(name, b"1"))[0] for name in ("absent", "busy", "broken")]

    assert names == [
        "Lambda.ResourceNotFoundException",
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
    ]


def test_an_endpoint_that_does_not_answer_is_an_sdk_error() -> None:
    server = serve("127.0.0.1", 0, lambda_api)
    server.close()
    functions = HttpFunctions(server.url)
    answers: queue.Queue[Answer] = queue.Queue()
    functions.submit("f", b"1", answers.put)

    assert failure(answers.get(timeout=60))[0] == "Lambda.SdkClientException"


def test_a_connection_that_the_server_has_ended_is_replaced() -> None:
    server = serve("127.0.0.1", 0, lambda_api)
    functions = HttpFunctions(server.url)
    answers: queue.Queue[Answer] = queue.Queue()
    functions.submit("f", b"1", answers.put)
    answers.get(timeout=60)
    server.close()
    server = serve("127.0.0.1", server.port, lambda_api)
    functions.submit("f", b"2", answers.put)

    assert answers.get(timeout=60) == b"/2015-03-31/functions/f/invocations 2"
    server.close()


def test_an_endpoint_must_be_an_http_url() -> None:
    with pytest.raises(ValueError, match="a Lambda endpoint is an http:// URL, not 'ftp://x'"):
        HttpFunctions("ftp://x")
