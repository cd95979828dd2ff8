"""The AWS protocol, spoken by boto3. Source of shapes and codes: Step Functions API Reference."""

import json
import logging
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine.tests.served import Served

from sfn_local import Engine, InlineFunctions

ROLE = "arn:aws:iam::000000000000:role/sfn"
PASS = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
FAIL = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Fail", "Error": "E", "Cause": "C"}}})
WAIT = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Wait", "Seconds": 3600, "End": True}}})
CALLBACK = json.dumps(
    {
        "StartAt": "a",
        "States": {
            "a": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {
                    "FunctionName": "park",
                    "Payload": {"token.$": "$$.Task.Token"},
                },
                "End": True,
            }
        },
    }
)


class Stack(Served):
    """A served engine and a client of it."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        super().__init__(Engine(functions=InlineFunctions(self._call)))

    def _call(self, _function: str, payload: bytes) -> bytes:
        self.tokens.append(json.loads(payload)["token"])
        return b"null"

    def create(self, definition: str, name: str = "m") -> str:
        answer = self.client.create_state_machine(name=name, definition=definition, roleArn=ROLE)
        return str(answer["stateMachineArn"])

    def start(self, machine: str, **more: str) -> str:
        return str(self.client.start_execution(stateMachineArn=machine, **more)["executionArn"])

    def finished(self, machine: str, **more: str) -> dict[str, Any]:
        arn = self.start(machine, **more)
        assert self.engine.run_until(arn, 5)
        return dict(self.client.describe_execution(executionArn=arn))

    def parked(self, machine: str) -> tuple[str, str]:
        arn = self.start(machine)
        assert self.engine.run_until(lambda: bool(self.tokens), 5)
        return arn, self.tokens[-1]


@pytest.fixture(scope="module")
def shared() -> Iterator[Stack]:
    with Stack() as stack:
        yield stack


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack() as stack:
        yield stack


def refused(call: Any, **parameters: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return answer["Error"]["Code"], answer["Error"]["Message"], status


def test_a_machine_lives_from_create_to_delete(stack: Stack) -> None:
    arn = stack.create(PASS)
    described = stack.client.describe_state_machine(stateMachineArn=arn)
    stack.client.update_state_machine(stateMachineArn=arn, definition=FAIL)
    updated = stack.client.describe_state_machine(stateMachineArn=arn)
    listed = stack.client.list_state_machines()["stateMachines"]
    stack.client.delete_state_machine(stateMachineArn=arn)

    assert arn == "arn:aws:states:us-east-1:000000000000:stateMachine:m"
    assert (described["definition"], described["roleArn"]) == (PASS, ROLE)
    assert (described["type"], described["status"]) == ("STANDARD", "ACTIVE")
    assert (updated["definition"], updated["creationDate"]) == (FAIL, described["creationDate"])
    assert [machine["name"] for machine in listed] == ["m"]
    assert stack.client.list_state_machines()["stateMachines"] == []


def test_an_execution_is_described_with_input_output_and_dates(shared: Stack) -> None:
    machine = shared.create(PASS, "described")
    done = shared.finished(machine, name="e", input='{"text": "日本 🙂"}')

    assert done["status"] == "SUCCEEDED"
    assert done["stateMachineArn"] == machine
    assert (done["input"], done["output"]) == ('{"text": "日本 🙂"}', '{"text": "日本 🙂"}')
    assert done["startDate"] <= done["stopDate"]
    assert done["inputDetails"] == {"included": True}


def test_the_header_of_a_trace_is_preferred_to_the_parameter(
    shared: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside Lambda, botocore sends it with each call."""
    machine, ours = shared.create(PASS, "traced"), "Root=1-5759e988-bd862e3fe1be46a994272793"
    theirs = "Root=1-6789aaaa-abcdef012345678912345678;Sampled=0;Lineage=1:8ad8:0"
    outside = shared.finished(machine, traceHeader=ours)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", theirs)
    inside = shared.finished(machine, traceHeader=ours)

    assert (outside["traceHeader"], inside["traceHeader"]) == (ours, theirs)


def test_a_failed_execution_shows_error_and_cause(shared: Stack) -> None:
    done = shared.finished(shared.create(FAIL, "failing"))

    assert (done["status"], done["error"], done["cause"]) == ("FAILED", "E", "C")


def test_the_same_name_and_input_return_the_running_execution(shared: Stack) -> None:
    machine = shared.create(WAIT, "idempotent")
    first = shared.client.start_execution(stateMachineArn=machine, name="e", input="{}")
    again = shared.client.start_execution(stateMachineArn=machine, name="e", input="{}")

    assert again["executionArn"] == first["executionArn"]
    assert again["startDate"] == first["startDate"]


def test_the_same_name_with_another_input_is_refused(shared: Stack) -> None:
    machine = shared.create(WAIT, "other-input")
    arn = shared.start(machine, name="e", input="{}")
    code, message, status = refused(
        shared.client.start_execution, stateMachineArn=machine, name="e", input='{"a":1}'
    )

    assert (code, status) == ("ExecutionAlreadyExists", 400)
    assert message == f"Execution Already Exists: '{arn}'"


def test_the_name_of_an_ended_execution_is_refused(shared: Stack) -> None:
    machine = shared.create(PASS, "ended")
    shared.finished(machine, name="e", input="{}")
    code, _, _ = refused(
        shared.client.start_execution, stateMachineArn=machine, name="e", input="{}"
    )

    assert code == "ExecutionAlreadyExists"


def test_stopping_aborts_with_error_and_cause(shared: Stack) -> None:
    arn = shared.start(shared.create(WAIT, "stopped"))
    stopped = shared.client.stop_execution(executionArn=arn, error="E", cause="C")
    described = shared.client.describe_execution(executionArn=arn)
    last = shared.client.get_execution_history(executionArn=arn)["events"][-1]

    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "E", "C")
    assert described["stopDate"] == stopped["stopDate"]
    assert last["type"] == "ExecutionAborted"
    assert last["executionAbortedEventDetails"] == {"error": "E", "cause": "C"}


def test_stopping_an_ended_execution_changes_nothing(shared: Stack) -> None:
    done = shared.finished(shared.create(PASS, "stopped-late"))
    shared.client.stop_execution(executionArn=done["executionArn"])
    described = shared.client.describe_execution(executionArn=done["executionArn"])

    assert described["status"] == "SUCCEEDED"


def test_executions_are_listed_newest_first_by_status_and_in_pages(stack: Stack) -> None:
    machine = stack.create(PASS)
    names = [f"e{number}" for number in range(5)]
    for name in names:
        stack.finished(machine, name=name)
    stack.client.update_state_machine(stateMachineArn=machine, definition=FAIL)
    stack.finished(machine, name="failed")
    pages = stack.client.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="SUCCEEDED", PaginationConfig={"PageSize": 2}
    )
    listed = [[entry["name"] for entry in page["executions"]] for page in pages]
    failed = stack.client.list_executions(stateMachineArn=machine, statusFilter="FAILED")

    assert [name for page in listed for name in page] == ["e4", "e3", "e2", "e1", "e0"]
    assert max(len(page) for page in listed) == 2
    assert [entry["name"] for entry in failed["executions"]] == ["failed"]


def test_the_history_comes_in_pages_and_backwards(shared: Stack) -> None:
    arn = shared.finished(shared.create(PASS, "history"))["executionArn"]
    pages = shared.client.get_paginator("get_execution_history").paginate(
        executionArn=arn, PaginationConfig={"PageSize": 3}
    )
    paged = [event["id"] for page in pages for event in page["events"]]
    backwards = shared.client.get_execution_history(executionArn=arn, reverseOrder=True)["events"]

    assert paged == [1, 2, 3, 4]
    assert [event["type"] for event in backwards] == [
        "ExecutionSucceeded",
        "PassStateExited",
        "PassStateEntered",
        "ExecutionStarted",
    ]


def test_the_history_without_data_has_no_inputs_and_outputs(shared: Stack) -> None:
    arn = shared.finished(shared.create(PASS, "no-data"), input='{"secret":1}')["executionArn"]
    events = shared.client.get_execution_history(executionArn=arn, includeExecutionData=False)

    assert "secret" not in json.dumps(events["events"], default=str)


def test_a_running_execution_keeps_the_definition_it_started_with(stack: Stack) -> None:
    machine = stack.create(WAIT)
    arn = stack.start(machine)
    stack.client.update_state_machine(stateMachineArn=machine, definition=PASS)
    used = stack.client.describe_state_machine_for_execution(executionArn=arn)

    assert used["definition"] == WAIT


def test_a_token_sent_back_ends_its_task(stack: Stack) -> None:
    arn, token = stack.parked(stack.create(CALLBACK))
    stack.client.send_task_heartbeat(taskToken=token)
    stack.client.send_task_success(taskToken=token, output='{"done":true}')

    assert stack.engine.run_until(arn, 5)
    assert stack.client.describe_execution(executionArn=arn)["output"] == '{"done":true}'


def test_a_token_sent_back_as_a_failure_fails_its_task(stack: Stack) -> None:
    arn, token = stack.parked(stack.create(CALLBACK))
    stack.client.send_task_failure(taskToken=token, error="E", cause="C")

    assert stack.engine.run_until(arn, 5)
    described = stack.client.describe_execution(executionArn=arn)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "E", "C")


def test_a_used_token_has_timed_out(stack: Stack) -> None:
    _, token = stack.parked(stack.create(CALLBACK))
    stack.client.send_task_success(taskToken=token, output="1")
    codes = {
        refused(stack.client.send_task_success, taskToken=token, output="1")[0],
        refused(stack.client.send_task_failure, taskToken=token)[0],
        refused(stack.client.send_task_heartbeat, taskToken=token)[0],
    }

    assert codes == {"TaskTimedOut"}


def test_the_token_of_a_stopped_execution_has_timed_out(stack: Stack) -> None:
    arn, token = stack.parked(stack.create(CALLBACK))
    stack.client.stop_execution(executionArn=arn)

    assert refused(stack.client.send_task_heartbeat, taskToken=token)[0] == "TaskTimedOut"


def test_a_token_of_another_engine_does_not_exist(stack: Stack, shared: Stack) -> None:
    _, token = stack.parked(stack.create(CALLBACK))

    assert refused(shared.client.send_task_heartbeat, taskToken=token)[0] == "TaskDoesNotExist"


def test_tokens_are_not_logged(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="sfn_local")
    _, token = stack.parked(stack.create(CALLBACK))
    stack.client.send_task_success(taskToken=token, output="1")
    refused(stack.client.send_task_success, taskToken=token, output="1")

    assert token not in caplog.text


MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:absent"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:absent:e"
INVALID = json.dumps({"StartAt": "b", "States": {"a": {"Type": "Pass", "End": True}}})


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("describe_state_machine", {"stateMachineArn": MACHINE}, "StateMachineDoesNotExist"),
        ("describe_state_machine", {"stateMachineArn": "nonsense"}, "InvalidArn"),
        ("update_state_machine", {"stateMachineArn": MACHINE}, "MissingRequiredParameter"),
        ("start_execution", {"stateMachineArn": MACHINE}, "StateMachineDoesNotExist"),
        ("list_executions", {"stateMachineArn": MACHINE}, "StateMachineDoesNotExist"),
        (
            "list_executions",
            {"stateMachineArn": MACHINE, "statusFilter": "succeeded"},
            "ValidationException",
        ),
        (
            "list_executions",
            {"stateMachineArn": MACHINE, "maxResults": 1001},
            "ValidationException",
        ),
        ("list_state_machines", {"nextToken": "nonsense"}, "InvalidToken"),
        ("describe_execution", {"executionArn": EXECUTION}, "ExecutionDoesNotExist"),
        ("describe_execution", {"executionArn": MACHINE}, "InvalidArn"),
        ("get_execution_history", {"executionArn": EXECUTION}, "ExecutionDoesNotExist"),
        ("stop_execution", {"executionArn": EXECUTION}, "ExecutionDoesNotExist"),
        ("send_task_success", {"taskToken": "nonsense", "output": "1"}, "InvalidToken"),
        ("send_task_success", {"taskToken": "nonsense", "output": "{"}, "InvalidToken"),
        ("send_task_failure", {"taskToken": "nonsense"}, "InvalidToken"),
        ("send_task_heartbeat", {"taskToken": "nonsense"}, "InvalidToken"),
        (
            "create_state_machine",
            {"name": "a b", "definition": PASS, "roleArn": ROLE},
            "InvalidName",
        ),
        (
            "create_state_machine",
            {"name": "m", "definition": "{", "roleArn": ROLE},
            "InvalidDefinition",
        ),
        (
            "create_state_machine",
            {"name": "m", "definition": INVALID, "roleArn": ROLE},
            "InvalidDefinition",
        ),
        ("list_tags_for_resource", {"resourceArn": "a"}, "ResourceNotFound"),
    ],
)
def test_a_bad_call_is_refused_with_awss_code(
    shared: Stack, operation: str, parameters: dict[str, Any], code: str
) -> None:
    call = getattr(shared.client, operation)

    assert refused(call, **parameters)[::2] == (code, 400)


def test_a_machine_of_the_same_name_and_another_definition_exists_already(shared: Stack) -> None:
    arn = shared.create(PASS, "taken")
    code, message, _ = refused(
        shared.client.create_state_machine, name="taken", definition=FAIL, roleArn=ROLE
    )

    assert shared.create(PASS, "taken") == arn
    assert (code, message) == (
        "StateMachineAlreadyExists",
        f"State Machine Already Exists: '{arn}'",
    )


@pytest.mark.parametrize("data", ["", "not json", "{'a': 1}", '{"a": NaN}', "[1,"])
def test_input_that_is_no_json_is_refused(shared: Stack, data: str) -> None:
    machine = shared.create(PASS, "bad-input")
    code = refused(shared.client.start_execution, stateMachineArn=machine, input=data)[0]

    assert code == "InvalidExecutionInput"


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "a*b", "a\u0007b", "x" * 81])
def test_names_follow_awss_rules(shared: Stack, name: str) -> None:
    machine = shared.create(PASS, "names")
    code = refused(shared.client.start_execution, stateMachineArn=machine, name=name)[0]

    assert code == "InvalidName"


def test_input_over_256_kib_is_refused(shared: Stack) -> None:
    machine = shared.create(PASS, "large-input")
    fits = json.dumps("x" * (256 * 1024 - 2))

    assert refused(
        shared.client.start_execution, stateMachineArn=machine, input=json.dumps("x" * 262_143)
    )[0] == ("ValidationException")
    assert shared.finished(machine, input=fits)["status"] == "SUCCEEDED"


def test_a_lone_surrogate_does_no_harm(shared: Stack) -> None:
    machine = shared.create(PASS, "surrogate")
    body = json.dumps({"stateMachineArn": machine, "input": '"\ud800"'}).encode()
    connection = HTTPConnection("127.0.0.1", shared.server.port, timeout=60)
    connection.request("POST", "/", body, {"X-Amz-Target": "AWSStepFunctions.StartExecution"})
    answer = json.loads(connection.getresponse().read())
    assert shared.engine.run_until(answer["executionArn"], 5)

    described = shared.client.describe_execution(executionArn=answer["executionArn"])
    assert described["output"] == '"\\ud800"'


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("AWSStepFunctions.StartExecution", b"{"),
        ("AWSStepFunctions.StartExecution", b"[]"),
        ("AWSStepFunctions.StartExecution", b"\xff\xfe"),
        ("AWSStepFunctions.StartExecution", b""),
        ("AWSStepFunctions.StartExecution", b'{"stateMachineArn": 5}'),
        ("AWSStepFunctions.StartExecution", b"[" * 100_000),
        ("AWSStepFunctions.ListExecutions", b'{"stateMachineArn": "a", "maxResults": true}'),
        ("AWSStepFunctions.DescribeExecution", b'{"executionArn": null}'),
        ("AWSStepFunctions.Nonsense", b"{}"),
        ("DynamoDB_20120810.GetItem", b"{}"),
        ("", b"{}"),
    ],
)
def test_a_malformed_request_is_a_400_with_a_type(shared: Stack, target: str, body: bytes) -> None:
    connection = HTTPConnection("127.0.0.1", shared.server.port, timeout=60)
    connection.request("POST", "/", body, {"X-Amz-Target": target})
    response = connection.getresponse()

    assert response.status == 400
    assert json.loads(response.read())["__type"] in (
        "SerializationException",
        "UnknownOperationException",
        "ValidationException",
    )
