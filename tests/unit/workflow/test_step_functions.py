import json
import re
import threading

import pytest
from botocore.exceptions import ClientError
from tests.support.stubs import a_client, stub_of

from sfn_cqrs.kernel.errors import (
    InvalidInputError,
    InvalidTokenError,
    PayloadTooLargeError,
    TokenRefusedError,
)
from sfn_cqrs.machines.workflow.executions import StepFunctionService, execution_name

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:approval"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:approval:order-1"


@pytest.fixture
def stubbed():
    """Return the service and the stub of its client."""
    client = a_client("stepfunctions")
    with stub_of(client) as stub:
        yield StepFunctionService(client), stub


class TestNames:
    def test_the_same_work_has_the_same_name_and_other_work_another(self):
        assert execution_name("order", "o-1", 3) == execution_name("order", "o-1", 3)
        assert execution_name("order", "o-1", 3) != execution_name("order", "o-1-3")

    @pytest.mark.parametrize(
        "identity", [("注文", "成田 #1/2"), ("x" * 300,), ("a", "b" * 90), ("日本",), ("@",)]
    )
    def test_a_name_is_one_that_step_functions_takes(self, identity, stubbed):
        service, stub = stubbed
        stub.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0})

        name = execution_name(*identity)

        assert len(name) <= 80
        assert service.start_execution(MACHINE, {}, name) == EXECUTION

    def test_a_name_can_be_read(self):
        assert execution_name("order", "o-1").startswith("order-o-1-")


class TestStart:
    def test_the_input_is_json_and_always_the_same_text(self, stubbed):
        service, stub = stubbed
        expected = {"stateMachineArn": MACHINE, "name": "order-1", "input": '{"a": 1, "b": "成"}'}
        stub.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0}, expected)

        assert service.start_execution(MACHINE, {"b": "成", "a": 1}, "order-1") == EXECUTION

    def test_an_execution_without_a_name_gets_a_new_one_each_time(self, stubbed):
        service, stub = stubbed
        names = []
        service._client.meta.events.register(
            "before-parameter-build.sfn.StartExecution",
            lambda params, **_: names.append(params["name"]),
        )
        for _ in range(2):
            stub.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0})

            assert service.start_execution(MACHINE, {}) == EXECUTION

        assert len(set(names)) == 2
        assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)

    def test_an_execution_that_exists_already_is_answered_as_if_it_had_been_started(self, stubbed):
        service, stub = stubbed
        stub.add_client_error("start_execution", "ExecutionAlreadyExists")

        assert service.start_execution(MACHINE, {}, "order-1") == EXECUTION

    @pytest.mark.parametrize("name", ["", "x" * 81, "order 1", "注文", "a.b", "a#b"])
    def test_a_name_that_step_functions_would_not_keep_is_refused(self, name, stubbed):
        service, _ = stubbed

        with pytest.raises(InvalidInputError, match="name: must be 1 to 80 letters"):
            service.start_execution(MACHINE, {}, name)

    @pytest.mark.parametrize("data", [{1, 2}, float("nan"), object()])
    def test_an_input_that_is_no_json_is_refused(self, data, stubbed):
        service, _ = stubbed

        with pytest.raises(InvalidInputError, match="input: is not JSON"):
            service.start_execution(MACHINE, data, "order-1")

    def test_an_input_may_have_256_kib_and_no_byte_more(self, stubbed):
        service, stub = stubbed
        stub.add_response("start_execution", {"executionArn": EXECUTION, "startDate": 0})
        service.start_execution(MACHINE, "x" * (262_144 - 2), "order-1")

        with pytest.raises(PayloadTooLargeError, match="input: has 262145 bytes"):
            service.start_execution(MACHINE, "x" * (262_144 - 1), "order-1")

    def test_any_other_refusal_is_raised(self, stubbed):
        service, stub = stubbed
        stub.add_client_error("start_execution", "AccessDeniedException")

        with pytest.raises(ClientError, match="AccessDeniedException"):
            service.start_execution(MACHINE, {}, "order-1")


SENDS = {
    "send_task_success": lambda service: service.resume_execution("token", {"ok": True}),
    "send_task_failure": lambda service: service.send_task_failure("token", "Refused", "why"),
    "send_task_heartbeat": lambda service: service.send_task_heartbeat("token"),
}


class TestTokens:
    def test_a_wait_is_resumed_with_the_output_that_its_path_expects(self, stubbed):
        service, stub = stubbed
        expected = {"taskToken": "token", "output": json.dumps({"Payload": {"result": "approved"}})}
        stub.add_response("send_task_success", {}, expected)

        assert service.resume_execution("token", {"result": "approved"}) is True

    def test_a_failure_is_cut_to_the_limits(self, stubbed):
        service, stub = stubbed
        expected = {"taskToken": "token", "error": "e" * 256, "cause": "c" * 32_768}
        stub.add_response("send_task_failure", {}, expected)

        assert service.send_task_failure("token", "e" * 300, "c" * 40_000) is True

    @pytest.mark.parametrize("operation", SENDS)
    @pytest.mark.parametrize("code", ["TaskDoesNotExist", "TaskTimedOut"])
    def test_a_wait_that_has_ended_already_is_no_error(self, operation, code, stubbed):
        service, stub = stubbed
        stub.add_client_error(operation, code)

        assert SENDS[operation](service) is False

    @pytest.mark.parametrize("operation", SENDS)
    @pytest.mark.parametrize(
        ("code", "error", "message"),
        [
            ("InvalidToken", InvalidTokenError, "not a task token of this account and region"),
            ("ThrottlingException", ClientError, "ThrottlingException"),
        ],
    )
    def test_what_is_no_token_is_told_so_and_any_other_refusal_is_raised(
        self, code, error, message, operation, stubbed
    ):
        service, stub = stubbed
        stub.add_client_error(operation, code)

        with pytest.raises(error, match=message):
            SENDS[operation](service)

    @pytest.mark.parametrize("token", ["", "x" * 2049])
    def test_what_cannot_be_a_token_is_not_even_sent(self, token, stubbed):
        service, _ = stubbed

        with pytest.raises(InvalidTokenError):
            service.resume_execution(token, {})

    @pytest.mark.parametrize("operation", SENDS)
    def test_a_token_of_another_machine_is_told_from_none(self, operation, stubbed):
        service, stub = stubbed
        stub.add_client_error(operation, "AccessDeniedException")

        with pytest.raises(TokenRefusedError, match="another machine's") as refused:
            SENDS[operation](service)

        assert refused.value.code == "token_refused"

    def test_an_output_that_is_no_json_is_refused(self, stubbed):
        service, _ = stubbed

        with pytest.raises(InvalidInputError, match="output: is not JSON"):
            service.resume_execution("token", {1})

    def test_an_output_above_256_kib_is_refused(self, stubbed):
        service, _ = stubbed

        with pytest.raises(PayloadTooLargeError):
            service.send_task_success("token", "x" * 262_143)


class FakeClient:
    """Takes heartbeats, and answers each as it is told to."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.beats = threading.Semaphore(0)

    def send_task_heartbeat(self, taskToken):  # noqa: N803 - boto3's spelling
        assert taskToken == "token"
        answer = self.answers.pop(0) if self.answers else None
        self.beats.release()
        if answer is not None:
            raise ClientError({"Error": {"Code": answer}}, "SendTaskHeartbeat")


class TestHeartbeats:
    def test_heartbeats_are_sent_while_the_block_runs_and_not_afterwards(self):
        client = FakeClient()
        with StepFunctionService(client).heartbeats("token", every=0.001) as beats:
            for _ in range(3):
                assert client.beats.acquire(timeout=60)

        assert beats.is_gone is False
        assert not [one for one in threading.enumerate() if one.name == "heartbeats"]

    @pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
    def test_long_work_learns_that_nobody_waits_any_more(self, code):
        client = FakeClient(code)
        with StepFunctionService(client).heartbeats("token", every=0.001) as beats:
            assert client.beats.acquire(timeout=60)
            assert not client.beats.acquire(timeout=0.05)

        assert beats.is_gone is True

    def test_a_heartbeat_that_is_throttled_is_sent_again(self):
        client = FakeClient("ThrottlingException")
        with StepFunctionService(client).heartbeats("token", every=0.001) as beats:
            assert client.beats.acquire(timeout=60)
            assert client.beats.acquire(timeout=60)

        assert beats.is_gone is False

    def test_what_the_block_raises_is_raised(self):
        service = StepFunctionService(FakeClient())

        with pytest.raises(ValueError, match="broken"), service.heartbeats("token", every=60):
            raise ValueError("broken")
