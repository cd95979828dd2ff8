import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from tests.support.stubs import a_client, stub_of

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.kernel.programs import Execution
from sfn_cqrs_tools.testing.builders import NRT
from sfn_cqrs_tools.testing.fakes import World

REF = CommandRef(NRT, 2, 1)
ROLE = "arn:aws:iam::123456789012:role/machine"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:command"
NAME = "c-e3lss4ms7xqg5kmikbgvxgw2yu-v2-a1"
EXECUTION = f"arn:aws:states:us-east-1:123456789012:execution:command:{NAME}"
WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}


@pytest.fixture
def client():
    with mock_aws():
        client = boto3.client("stepfunctions", region_name="us-east-1")
        client.create_state_machine(name="command", definition=json.dumps(WAIT), roleArn=ROLE)
        yield client


@pytest.fixture(params=["fake", "moto"])
def executions(request):
    if request.param == "fake":
        return World().executions
    return Executions(request.getfixturevalue("client"), MACHINE, "CommandsTable")


@pytest.fixture
def stubbed():
    """Return executions and the stub of their client."""
    client = a_client("stepfunctions")
    with stub_of(client) as stub:
        yield Executions(client, MACHINE, "CommandsTable"), stub


def test_an_attempt_that_was_never_started_has_no_execution(executions):
    assert executions.describe(REF) is None


def test_an_attempt_is_started_once_however_often_it_is_asked_for(executions):
    executions.start(REF)
    executions.start(REF)

    assert executions.describe(REF) == Execution(is_running=True)


def test_an_execution_carries_keys_only_and_the_same_text_whoever_starts_it(client):
    Executions(client, MACHINE, "CommandsTable").start(
        CommandRef(ItemKey("tenant1", "AIRPORT", "成田"), 2, 1)
    )

    arn = client.list_executions(stateMachineArn=MACHINE)["executions"][0]["executionArn"]
    assert client.describe_execution(executionArn=arn)["input"] == (
        '{"attempt": 1, "code": "成田", "tenant": "tenant1", "type": "AIRPORT", "version": 2}'
    )


def test_an_execution_that_exists_already_is_no_error(stubbed):
    executions, stub = stubbed
    stub.add_client_error("start_execution", "ExecutionAlreadyExists")

    executions.start(REF)


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "StateMachineDoesNotExist", "InvalidName", "ThrottlingException"],
)
def test_a_start_that_fails_otherwise_is_raised(code, stubbed):
    executions, stub = stubbed
    stub.add_client_error("start_execution", code)

    with pytest.raises(ClientError, match=code):
        executions.start(REF)


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        ("RUNNING", {}, Execution(is_running=True)),
        ("PENDING_REDRIVE", {}, Execution(is_running=True)),
        ("SUCCEEDED", {}, Execution(False, "SUCCEEDED")),
        ("TIMED_OUT", {}, Execution(False, "TIMED_OUT")),
        ("ABORTED", {"error": "Operator", "cause": "why"}, Execution(False, "Operator", "why")),
        ("FAILED", {"error": "NotRecorded"}, Execution(False, "NotRecorded")),
    ],
)
def test_an_execution_is_described_by_its_end(status, more, expected, stubbed):
    executions, stub = stubbed
    answer = {
        "executionArn": EXECUTION,
        "stateMachineArn": MACHINE,
        "status": status,
        "startDate": 0,
        **more,
    }
    stub.add_response("describe_execution", answer, {"executionArn": EXECUTION})

    assert executions.describe(REF) == expected


def test_a_description_that_is_denied_is_raised(stubbed):
    executions, stub = stubbed
    stub.add_client_error("describe_execution", "AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDeniedException"):
        executions.describe(REF)


def test_a_wait_is_ended_with_the_output_that_the_states_path_expects(stubbed):
    executions, stub = stubbed
    output = {"Payload": {"result": "resumed_by_prev_version", "prevVersion": 1}}
    stub.add_response("send_task_success", {}, {"taskToken": "token", "output": json.dumps(output)})

    assert executions.succeed("token", output) is True


def test_a_wait_is_failed_within_the_limits_of_step_functions(stubbed):
    executions, stub = stubbed
    expected = {"taskToken": "token", "error": "e" * 256, "cause": "c" * 32_768}
    stub.add_response("send_task_failure", {}, expected)

    assert executions.reject("token", "e" * 300, "c" * 40_000) is True


@pytest.mark.parametrize("code", ["TaskDoesNotExist", "TaskTimedOut"])
def test_a_wait_that_has_ended_already_is_no_error(code, stubbed):
    executions, stub = stubbed
    stub.add_client_error("send_task_success", code)
    stub.add_client_error("send_task_failure", code)

    assert executions.succeed("token", {}) is False
    assert executions.reject("token", "Error", "cause") is False


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidToken", "ThrottlingException"])
def test_a_wait_that_cannot_be_ended_is_raised_never_swallowed(code, stubbed):
    executions, stub = stubbed
    stub.add_client_error("send_task_success", code)
    stub.add_client_error("send_task_failure", code)

    with pytest.raises(ClientError, match=code):
        executions.succeed("token", {})
    with pytest.raises(ClientError, match=code):
        executions.reject("token", "Error", "cause")


def test_a_token_opens_one_wait_only():
    executions = World().executions

    answers = [executions.succeed("token", {}), executions.reject("token", "Error", "cause")]

    assert answers == [True, False]
    assert (executions.succeeded, executions.rejected) == ([("token", {})], [])
