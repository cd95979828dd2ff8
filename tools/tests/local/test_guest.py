"""`sfn_handler` and `StepFunctionService` in a SAM project that has nothing else of ours."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.places import is_module
from tests.template.stack import imports_of, modules

from sfn_cqrs.kernel import clock, errors, failure, keys, masking
from sfn_cqrs.kernel.aws import error_codes
from sfn_cqrs.kernel.errors import InvalidInputError, InvalidTokenError, PayloadTooLargeError
from sfn_cqrs.kernel.functions import context
from sfn_cqrs.machines.workflow import executions as step_functions
from sfn_cqrs.machines.workflow.executions import StepFunctionService, execution_name
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings

GUEST = Path(__file__).parent / "guest"
DOOR = "sfn_cqrs.workflows"

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    settings = Settings(
        template=GUEST / "template.yaml", state_dir=folder, name="guest", reload=False
    )
    with LocalStack(settings) as started:
        yield started


@pytest.fixture
def call(stack):
    """Return what calls a function of the project."""

    def invoke(function: str, **event):
        return json.loads(stack.functions.invoke(function, json.dumps(event).encode()))

    return invoke


@pytest.fixture
def client(stack):
    return stack.client("stepfunctions")


@pytest.fixture
def service(client):
    return StepFunctionService(client)


@pytest.fixture
def waiting(call, client):
    """Return what starts a conversion and waits until it asks."""

    def start(id_: str, **more) -> str:
        arn = call("StartFunction", id=id_, **more)
        settle(client, arn, "ask")
        return arn

    return start


def settle(client, arn: str, state: str | None = None) -> dict:
    """Wait until an execution has ended, or its token of a state is out."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        described = client.describe_execution(executionArn=arn)
        events = client.get_execution_history(executionArn=arn, reverseOrder=True)["events"]
        entered = (one.get("stateEnteredEventDetails", {}).get("name") for one in events)
        is_there = next(filter(None, entered), None) == state
        if described["status"] != "RUNNING" or (is_there and events[0]["type"] == "TaskSubmitted"):
            return described
        time.sleep(0.05)
    raise AssertionError(events[:3])


def output(described: dict) -> object:
    return json.loads(described["output"])


def test_the_project_uses_nothing_but_one_door():
    used = {
        name
        for _, tree in modules("tools/tests/local/guest")
        for name in imports_of(tree)
        if name.startswith("sfn_cqrs")
    }

    assert {name for name in used if name.count(".") == 1} == {DOOR}
    assert {name.rpartition(".")[0] for name in used - {DOOR}} <= {DOOR}


@pytest.mark.real_time("its Retry waits for a second, the least that there is")
def test_a_function_gets_its_context_typed_wherever_in_the_machine_it_stands(waiting, call, client):
    arn = waiting("o-1", busy=True)

    call("DecideFunction", id="o-1", result={"ok": True})

    events = client.get_execution_history(executionArn=arn)["events"]
    exits = {
        one["stateExitedEventDetails"]["name"]: json.loads(one["stateExitedEventDetails"]["output"])
        for one in events
        if "stateExitedEventDetails" in one
    }
    assert exits["describe"] == {
        "id": "o-1",
        "name": execution_name("conversion", "o-1", 1),
        "machine": "guest-conversion",
        "tries": 2,
        "pages": ["a", "b"],
    }
    assert exits["describe_each"] == [
        {"page": "a", "item": {"Index": 0, "Value": "a", "Source": "STATE_DATA"}},
        {"page": "b", "item": {"Index": 1, "Value": "b", "Source": "STATE_DATA"}},
    ]


def test_a_message_that_comes_twice_starts_one_execution(waiting, call, client, stack):
    first = waiting("twice")

    second = call("StartFunction", id="twice")
    other = call("StartFunction", id="twice", attempt=2)

    machine = (
        stack.outputs.get("ConversionMachineArn")
        or first.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    )
    names = [one["name"] for one in client.list_executions(stateMachineArn=machine)["executions"]]
    assert first == second != other
    assert sorted(name for name in names if name.startswith("conversion-twice")) == sorted(
        [execution_name("conversion", "twice", 1), execution_name("conversion", "twice", 2)]
    )


def test_a_result_arrives_as_the_states_path_expects_it_and_only_the_first_one(
    waiting, call, client
):
    arn = waiting("o-2")

    answers = [call("DecideFunction", id="o-2", result={"ok": n}) for n in (1, 2)]

    assert answers == [True, False]
    assert output(settle(client, arn)) == {"ok": 1}


def test_a_refusal_is_an_error_that_the_machine_can_name(waiting, call, client):
    arn = waiting("o-3")

    call("DecideFunction", id="o-3", error="Refused", cause="not legible")

    described = settle(client, arn)
    assert (described["status"], described["error"], described["cause"]) == (
        "FAILED",
        "Refused",
        "not legible",
    )


@pytest.mark.real_time("its heartbeat is a second, the least that there is")
def test_work_that_takes_longer_than_the_heartbeat_is_kept_alive(waiting, call, client):
    started = time.monotonic()
    arn = waiting("slow", seconds=1.5)
    took = time.monotonic() - started

    call("DecideFunction", id="slow", result="kept alive")

    assert took > 1.5
    assert output(settle(client, arn)) == "kept alive"


@pytest.mark.parametrize(
    ("result", "error", "code", "message"),
    [
        ({1, 2}, InvalidInputError, "invalid_input", "output: is not JSON"),
        (float("inf"), InvalidInputError, "invalid_input", "output: is not JSON"),
        ("x" * 262_144, PayloadTooLargeError, "payload_too_large", "output: has 262159 bytes"),
    ],
)
def test_an_output_that_cannot_pass_leaves_the_wait_as_it_is(
    result, error, code, message, waiting, client, service
):
    arn = waiting("held")
    token = json.loads(
        client.get_execution_history(executionArn=arn, reverseOrder=True)["events"][2][
            "taskScheduledEventDetails"
        ]["parameters"]
    )["Payload"]["taskToken"]

    with pytest.raises(error, match=message) as refused:
        service.resume_execution(token, result)

    assert refused.value.code == code
    assert client.describe_execution(executionArn=arn)["status"] == "RUNNING"
    assert service.send_task_heartbeat(token) is True


@pytest.mark.parametrize("token", ["", "x", "AQB8AAAAKgAAAAMAAAAAAAAA"])
def test_what_is_no_token_of_this_account_is_told_so(token, service):
    for send in (
        lambda: service.resume_execution(token, {}),
        lambda: service.send_task_failure(token, "Refused"),
        lambda: service.send_task_heartbeat(token),
    ):
        with pytest.raises(InvalidTokenError) as refused:
            send()
        assert refused.value.code == "invalid_token"


def test_the_door_brings_nothing_else_of_ours_nor_boto3():
    code = (
        "import sys; from sfn_cqrs.workflows import sfn_handler, StepFunctionService;"
        " print(*sys.modules)"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()

    ours = {name for name in loaded if name.startswith("sfn_cqrs.")}
    behind = (clock, context, step_functions, error_codes, errors, failure, keys, masking)
    assert {name for name in ours if name.count(".") > 1 and is_module(name)} == {
        module.__name__ for module in behind
    }
    assert not {"boto3", "aws_lambda_powertools", "pydantic"} & set(loaded)
